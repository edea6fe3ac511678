/* SPDX-License-Identifier: Apache-2.0 */
/* Why a recommendation makes sense, as far as the catalogue tells. The model does
 * not use these rules: they are read off the data afterwards. */
#ifndef CLI_REASONS_H
#define CLI_REASONS_H

#include "names.h"
#include "s3rec/s3rec.h"

/* Writes the strongest reason there is for `item` after the history: the next
 * part of a series, the director, a genre watched lately, or shared attributes;
 * "" without one. `dataset` may be NULL. */
void cli_reason(const cli_names *names, const s3rec_dataset *dataset, const int32_t *history,
                size_t count, int32_t item, char *text, size_t capacity);

#endif
