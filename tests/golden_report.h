/* SPDX-License-Identifier: Apache-2.0 */
/* Deviations of one replayed file, worst per tensor group. */
#ifndef S3_TESTS_GOLDEN_REPORT_H
#define S3_TESTS_GOLDEN_REPORT_H

#include "golden_file.h"

enum { GOLDEN_GROUP_SIZE = 48 };
typedef struct golden_group {
  char name[GOLDEN_GROUP_SIZE];
  size_t tensor_count, failed_count;
  double worst;     /* largest deviation as a share of its tolerance; infinite for NaN */
  double deviation; /* that deviation */
  char where[GOLDEN_NAME_SIZE];
} golden_group;

enum { GOLDEN_MAX_GROUPS = 32 };
typedef struct golden_report {
  size_t group_count;
  golden_group groups[GOLDEN_MAX_GROUPS];
  size_t unknown_count; /* tensors of groups that nothing here checks */
  char unknown[GOLDEN_NAME_SIZE];
} golden_report;

/* Lists every group of the layout, so that absent ones show up as such, and
 * counts the tensors that belong to none. */
void golden_report_begin(golden_report *report, const s3_safetensors *file);

/* Enters one compared tensor. NaN counts as an infinite deviation. */
void golden_record(golden_report *report, const char *group, const char *where, double deviation,
                   double tolerance);

/* True when something was checked and everything was within tolerance. */
bool golden_report_good(const golden_report *report);
void golden_report_print(const golden_report *report);

#endif
