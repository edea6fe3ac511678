/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The whole library for C++17 and later: header only, on top of the C interface, whose rules
 * (s3rec.h) hold. Each call that can fail comes twice: `try_NAME` returns an s3rec::result, `NAME`
 * returns the value or throws s3rec::error. docs/cpp.md is the guide. */
#ifndef S3REC_S3REC_HPP
#define S3REC_S3REC_HPP

#include "s3rec/s3rec.h" /* IWYU pragma: export */

#include "s3rec/span.hpp"       /* IWYU pragma: export */
#include "s3rec/result.hpp"     /* IWYU pragma: export */
#include "s3rec/handle.hpp"     /* IWYU pragma: export */
#include "s3rec/context.hpp"    /* IWYU pragma: export */
#include "s3rec/vocabulary.hpp" /* IWYU pragma: export */
#include "s3rec/dataset.hpp"    /* IWYU pragma: export */
#include "s3rec/events.hpp"     /* IWYU pragma: export */
#include "s3rec/batch.hpp"      /* IWYU pragma: export */
#include "s3rec/model.hpp"      /* IWYU pragma: export */
#include "s3rec/trainer.hpp"    /* IWYU pragma: export */
#include "s3rec/recipe.hpp"     /* IWYU pragma: export */
#include "s3rec/scorer.hpp"     /* IWYU pragma: export */
#include "s3rec/run.hpp"        /* IWYU pragma: export */

#include "s3rec/recommender.hpp" /* IWYU pragma: export */
#include "s3rec/train.hpp"       /* IWYU pragma: export */

#endif
