/* SPDX-License-Identifier: Apache-2.0 */
/* Why a recommendation makes sense, as far as the attributes tell. The model does
 * not use this rule: it is read off the data afterwards. */
#ifndef CLI_REASONS_H
#define CLI_REASONS_H

#include "names.h"
#include "s3rec/s3rec.h"

enum { CLI_REASON_SIZE = 256 };

/* What is known about the items. */
typedef struct cli_reason_source {
  const cli_names *names;
  const s3rec_vocabulary *item_names;      /* NULL: items are numbers */
  const s3rec_vocabulary *attribute_names; /* NULL: attributes are */
  const s3rec_dataset *dataset;            /* NULL: no attributes */
} cli_reason_source;

/* Writes what `item` has most in common with one of the history's latest items: "shares
 * genre=Drama with The Glass Migration"; "" without anything. */
void cli_reason(const cli_reason_source *source, const int32_t *history, size_t count, int32_t item,
                char text[CLI_REASON_SIZE]);

#endif
