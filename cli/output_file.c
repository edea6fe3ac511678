/* SPDX-License-Identifier: Apache-2.0 */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

char *cli_path(const char *folder, const char *name, const char *suffix) {
  char *path = NULL;
  return asprintf(&path, "%s/%s%s", folder, name, suffix) < 0 ? NULL : path;
}

int cli_output_open(const char *path, cli_output *output) {
  *output = (cli_output){.path = strdup(path)};
  if (output->path == NULL || asprintf(&output->temporary, "%s.XXXXXX", path) < 0) {
    output->temporary = NULL;
    cli_output_discard(output);
    return cli_fail(CLI_FAILURE, "out of memory");
  }
  const int descriptor = mkstemp(output->temporary);
  if (descriptor >= 0) {
    const mode_t mask = umask(0);
    umask(mask);
    output->stream = fchmod(descriptor, 0666 & ~mask) == 0 ? fdopen(descriptor, "w") : NULL;
    if (output->stream != NULL) return CLI_OK;
  }
  const int cause = errno;
  if (descriptor >= 0) {
    close(descriptor);
    unlink(output->temporary);
  }
  free(output->temporary);
  output->temporary = NULL;
  cli_output_discard(output);
  return cli_fail(CLI_FAILURE, "%s: cannot be written: %s", path, strerror(cause));
}

/* Makes the rename durable; a file system that cannot sync folders is left be. */
static void sync_folder(const char *path) {
  char *const copy = strdup(path);
  if (copy == NULL) return;
  const int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
  free(copy);
}

int cli_output_commit(cli_output *output) {
  const int written =
      fflush(output->stream) == 0 && !ferror(output->stream) && fsync(fileno(output->stream)) == 0;
  int cause = errno;
  const int closed = fclose(output->stream) == 0;
  if (written && !closed) cause = errno;
  output->stream = NULL;
  int code = CLI_OK;
  if (!written || !closed) {
    code = cli_fail(CLI_FAILURE, "%s: writing failed: %s", output->path, strerror(cause));
  } else if (rename(output->temporary, output->path) != 0) {
    code = cli_fail(CLI_FAILURE, "%s: cannot be replaced: %s", output->path, strerror(errno));
  } else {
    sync_folder(output->path);
    free(output->temporary);
    output->temporary = NULL;
  }
  cli_output_discard(output);
  return code;
}

void cli_output_discard(cli_output *output) {
  if (output->stream != NULL) fclose(output->stream);
  if (output->temporary != NULL) unlink(output->temporary);
  free(output->temporary);
  free(output->path);
  *output = (cli_output){0};
}
