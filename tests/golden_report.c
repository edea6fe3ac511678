/* SPDX-License-Identifier: Apache-2.0 */
#include "golden_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static golden_group *group_named(golden_report *report, const char *name) {
  for (size_t i = 0; i < report->group_count; i++) {
    if (strcmp(report->groups[i].name, name) == 0) return &report->groups[i];
  }
  golden_group *group = &report->groups[report->group_count++];
  snprintf(group->name, sizeof group->name, "%s", name);
  return group;
}

/* Enters one compared tensor into its group. NaN counts as an infinite deviation. */
void golden_record(golden_report *report, const char *name, const char *where, double deviation,
                   double tolerance) {
  golden_group *group = group_named(report, name);
  const double share = isnan(deviation) || isnan(tolerance) ? INFINITY : deviation / tolerance;
  group->tensor_count++;
  if (!(share <= 1)) group->failed_count++;
  if (group->where[0] == '\0' || share > group->worst) {
    group->worst = share;
    group->deviation = deviation;
    snprintf(group->where, sizeof group->where, "%s", where);
  }
}

/* Lists every group of the layout, so that absent ones show up as such. */
static void list_groups(golden_report *report) {
  static const char *const objectives[] = {"aap", "mip",      "map",    "sp",
                                           "joint", "finetune", "full_ce"};
  static const char *const others[] = {"encoder.bidirectional", "encoder.causal", "scores.full",
                                       "adam3"};
  char name[GOLDEN_GROUP_SIZE];
  group_named(report, "loss");
  for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++) {
    snprintf(name, sizeof name, "grad.%s", objectives[i]);
    group_named(report, name);
    snprintf(name, sizeof name, "gradnorm.%s", objectives[i]);
    group_named(report, name);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) group_named(report, others[i]);
}

static void count_unknown(const s3_safetensors *file, golden_report *report) {
  for (size_t i = 0; i < s3_safetensors_count(file); i++) {
    const char *name = s3_safetensors_at(file, i)->name;
    bool known = strncmp(name, "param.", 6) == 0 || strncmp(name, "batch.", 6) == 0;
    for (size_t j = 0; !known && j < report->group_count; j++) {
      const size_t length = strlen(report->groups[j].name);
      known = strncmp(name, report->groups[j].name, length) == 0 &&
              (name[length] == '.' || name[length] == '\0');
    }
    if (known) continue;
    if (report->unknown_count++ == 0) {
      snprintf(report->unknown, sizeof report->unknown, "%s", name);
    }
  }
}

void golden_report_begin(golden_report *report, const s3_safetensors *file) {
  memset(report, 0, sizeof *report);
  list_groups(report);
  count_unknown(file, report);
}

bool golden_report_good(const golden_report *report) {
  size_t checked = 0, bad = 0;
  for (size_t i = 0; i < report->group_count; i++) {
    checked += report->groups[i].tensor_count;
    bad += report->groups[i].failed_count;
  }
  return checked > 0 && bad == 0;
}

void golden_report_print(const golden_report *report) {
  for (size_t i = 0; i < report->group_count; i++) {
    const golden_group *group = &report->groups[i];
    if (group->tensor_count == 0) {
      printf("  %-22s absent\n", group->name);
    } else {
      printf("  %-22s %s  %3zu compared, %zu out of tolerance, worst %.2e = %.3f of it at %s\n",
             group->name, group->failed_count == 0 ? "ok  " : "FAIL", group->tensor_count,
             group->failed_count, group->deviation, group->worst, group->where);
    }
  }
  if (report->unknown_count > 0) {
    printf("  %zu tensors of groups unknown to this program, such as %s\n", report->unknown_count,
           report->unknown);
  }
}
