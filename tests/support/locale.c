/* SPDX-License-Identifier: Apache-2.0 */
#include "support/locale.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/files.h"

/* `language` is such as "de_DE". The made one has another name than the installed one would have,
 * because the C library remembers names that it has not found. */
static bool set_test_locale(const char *language, const char *made_name) {
  char name[32], command[2048];
  snprintf(name, sizeof name, "%s.UTF-8", language);
  if (setlocale(LC_NUMERIC, name) != NULL) return true;
  const test_path folder = test_file(""), made = test_file(made_name);
  if (access(made.text, F_OK) == 0) return setlocale(LC_NUMERIC, made_name) != NULL;
  snprintf(command, sizeof command, "localedef --no-archive -i %s -f UTF-8 '%s' >'%s' 2>&1",
           language, made.text, test_file("localedef.log").text);
  if (system(command) != 0 || setenv("LOCPATH", folder.text, 1) != 0) return false;
  return setlocale(LC_NUMERIC, made_name) != NULL;
}

bool test_comma_locale(void) { return set_test_locale("de_DE", "comma"); }

bool test_wide_point_locale(void) { return set_test_locale("ps_AF", "widepoint"); }
