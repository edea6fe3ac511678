/* SPDX-License-Identifier: Apache-2.0 */
/* Files that earlier releases wrote are read, and mean what they meant. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "release_files_fixture.h"
#include "support/suite.h"

static const struct {
  const char *release;
  s3rec_backend backend;
} cases[] = {{"0.3", S3REC_BACKEND_FUSED}, {"0.3", S3REC_BACKEND_ONEDNN}};

START_TEST(files_of_a_release) {
  char folder[512];
  snprintf(folder, sizeof folder, "%s/tests/files-%s", S3_TEST_SOURCE_ROOT, cases[_i].release);
  release_setup setup = release_begin(folder, cases[_i].backend);
  ck_assert_ptr_nonnull(setup.model);
  static release_figures found;
  found.count = 0;
  release_read_all(&setup, &found);
  FILE *file = fopen(release_path(&setup, "figures.txt"), "r");
  ck_assert_ptr_nonnull(file);
  release_figure wanted;
  size_t count = 0;
  while (fscanf(file, "%47s %lf %lf", wanted.name, &wanted.value, &wanted.tolerance) == 3) {
    ck_assert_uint_lt(count, found.count);
    const release_figure *figure = &found.list[count++];
    ck_assert_str_eq(figure->name, wanted.name);
    ck_assert_msg(fabs(figure->value - wanted.value) <=
                      wanted.tolerance * fmax(1, fabs(wanted.value)),
                  "%s: %s is %.9g, was %.9g", folder, wanted.name, figure->value, wanted.value);
  }
  ck_assert_uint_eq(count, found.count);
  fclose(file);
  release_end(&setup);
}
END_TEST

TEST_SUITE(release_files) {
  TCase *files = tcase_create("files");
  tcase_add_loop_test(files, files_of_a_release, 0, sizeof cases / sizeof *cases);
  test_add_cases(suite, files, NULL);
}
