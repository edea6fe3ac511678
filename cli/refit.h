/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tuning's second phase: the best epoch is known, and the same training is done
 * once more from the same weights, as long, on more items. */
#ifndef CLI_REFIT_H
#define CLI_REFIT_H

#include "training.h"

/* Refuses what a refit would fail on hours later. After a state was opened, before
 * training begins. */
int cli_refit_check(const cli_training *training);

/* How many items of a user the phase under way holds out. */
int32_t cli_refit_held_out(const cli_training *training);

/* Begins the refit unless it is under way, and does what is left of it. */
int cli_refit_run(cli_training *training);

#endif
