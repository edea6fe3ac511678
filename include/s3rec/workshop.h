/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The workshop: the parts that the front door is made of, for hosts with a loop, a batch or an
 * optimizer of their own. Includes their headers, which are short and meant to be read in this
 * order. What they have to do with one another: top of s3rec.h. */
#ifndef S3REC_WORKSHOP_H
#define S3REC_WORKSHOP_H

#include "s3rec/version.h"    /* IWYU pragma: export */
#include "s3rec/status.h"     /* IWYU pragma: export */
#include "s3rec/context.h"    /* IWYU pragma: export */
#include "s3rec/vocabulary.h" /* IWYU pragma: export */
#include "s3rec/dataset.h"    /* IWYU pragma: export */
#include "s3rec/events.h"     /* IWYU pragma: export */
#include "s3rec/batch.h"      /* IWYU pragma: export */
#include "s3rec/model.h"      /* IWYU pragma: export */
#include "s3rec/trainer.h"    /* IWYU pragma: export */
#include "s3rec/recipe.h"     /* IWYU pragma: export */
#include "s3rec/scorer.h"     /* IWYU pragma: export */
#include "s3rec/run.h"        /* IWYU pragma: export */

#endif
