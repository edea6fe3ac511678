/* SPDX-License-Identifier: Apache-2.0 */
#include "support/locale.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/files.h"

bool test_comma_locale(void) {
  if (setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL) return true;
  const test_path folder = test_file(""), made = test_file("de_DE.UTF-8");
  char command[2048];
  snprintf(command, sizeof command,
           "localedef --no-archive -i de_DE -f UTF-8 '%s' >'%s' 2>&1", made.text,
           test_file("localedef.log").text);
  if (system(command) != 0 || setenv("LOCPATH", folder.text, 1) != 0) return false;
  return setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
}
