/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

char *cli_path(const char *folder, const char *name, const char *suffix) {
  char *path = NULL;
  return asprintf(&path, "%s/%s%s", folder, name, suffix) < 0 ? NULL : path;
}

char *cli_path_with(const char *path, const char *suffix) {
  char *whole = NULL;
  return asprintf(&whole, "%s%s", path, suffix) < 0 ? NULL : whole;
}

FILE *cli_open_stream(const char *path, const char *mode) {
  FILE *stream;
  do {
    stream = fopen(path, mode);
  } while (stream == NULL && errno == EINTR);
  return stream;
}

int cli_output_open(const char *path, cli_output *output) {
  output->stream = NULL;
  if (s3_atomic_file_open(path, &output->file) != S3REC_OK)
    return cli_fail(CLI_FAILURE, "%s", s3_error_text());
  const int descriptor = dup(output->file.file);
  output->stream = descriptor < 0 ? NULL : fdopen(descriptor, "w");
  if (output->stream != NULL) return CLI_OK;
  const int cause = errno;
  if (descriptor >= 0) close(descriptor);
  s3_atomic_file_discard(&output->file);
  return cli_fail(CLI_FAILURE, "%s: cannot be written: %s", path, strerror(cause));
}

int cli_output_commit(cli_output *output) {
  const int failed = ferror(output->stream) != 0;
  const int closed = fclose(output->stream) == 0;
  const int cause = errno;
  output->stream = NULL;
  if (failed || !closed) {
    s3_atomic_file_discard(&output->file);
    return cli_fail(CLI_FAILURE, "%s: writing failed%s%s", output->file.path, closed ? "" : ": ",
                    closed ? "" : strerror(cause));
  }
  if (s3_atomic_file_commit(&output->file) == S3REC_OK) return CLI_OK;
  return cli_fail(CLI_FAILURE, "%s", s3_error_text());
}

void cli_output_discard(cli_output *output) {
  if (output->stream == NULL) return;
  fclose(output->stream);
  output->stream = NULL;
  s3_atomic_file_discard(&output->file);
}

/* Whether two purposes may share a file. */
static bool may_share_file(cli_place_use a, cli_place_use b) {
  if (a <= CLI_STARTS && b <= CLI_STARTS) return true;
  return (a == CLI_STARTS && b == CLI_RESULT) || (a == CLI_RESULT && b == CLI_STARTS);
}

static int check_two_places(const cli_options *options, const cli_place *a, const cli_place *b) {
  if (a->path == NULL || b->path == NULL || may_share_file(a->use, b->use)) return CLI_OK;
  if (strcmp(a->path, b->path) == 0)
    return cli_usage(options, "--%s and --%s are both %s; they must be different files", a->option,
                     b->option, a->path);
  if (!s3_same_file(a->path, b->path)) return CLI_OK;
  return cli_usage(options,
                   "--%s is %s and --%s is %s, which is the same file; they must be "
                   "different files",
                   a->option, a->path, b->option, b->path);
}

/* Tests it by opening the file as it will be opened. */
static int check_writable(const char *option, const char *path) {
  s3_atomic_file file;
  if (s3_atomic_file_open(path, &file) != S3REC_OK)
    return cli_fail(CLI_FAILURE, "--%s: %s", option, s3_error_text());
  s3_atomic_file_discard(&file);
  return CLI_OK;
}

static int check_appendable(const char *option, const char *path) {
  struct stat status;
  if (stat(path, &status) != 0) return check_writable(option, path);
  if (S_ISDIR(status.st_mode)) return cli_fail(CLI_FAILURE, "--%s: %s: is a folder", option, path);
  if (access(path, W_OK) == 0) return CLI_OK;
  return cli_fail(CLI_FAILURE, "--%s: %s: cannot be written: %s", option, path, strerror(errno));
}

/* The files of --data and --name are read. */
static int check_against_data(const cli_options *options, const cli_place *place) {
  static const char *const suffixes[] = {".txt", "_item2attributes.json", "_sample.txt",
                                         "_names.tsv"};
  if (options->data == NULL || options->name == NULL) return CLI_OK;
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
    char *const path = cli_path(options->data, options->name, suffixes[i]);
    if (path == NULL) return cli_fail(CLI_FAILURE, "out of memory");
    const cli_place read = {"data", path, CLI_READS};
    const int code = check_two_places(options, &read, place);
    free(path);
    CLI_TRY(code);
  }
  return CLI_OK;
}

int cli_check_places(const cli_options *options, const cli_place *places, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t j = i + 1; j < count; j++)
      CLI_TRY(check_two_places(options, &places[i], &places[j]));
  for (size_t i = 0; i < count; i++) CLI_TRY(check_against_data(options, &places[i]));
  for (size_t i = 0; i < count; i++) {
    const cli_place *const place = &places[i];
    if (place->path == NULL || place->use <= CLI_STARTS) continue;
    CLI_TRY(place->use == CLI_APPENDS ? check_appendable(place->option, place->path)
                                      : check_writable(place->option, place->path));
  }
  return CLI_OK;
}

/* A file that convert writes is none of those that it reads. */
static int check_data_file(const cli_options *options, const char *path) {
  const cli_place written = {"data", path, CLI_RESULT};
  const cli_place model = {"model", options->model, CLI_READS};
  CLI_TRY(check_two_places(options, &model, &written));
  for (size_t i = 0; i < options->events.count; i++) {
    const cli_place events = {"events", options->events.values[i], CLI_READS};
    CLI_TRY(check_two_places(options, &events, &written));
  }
  for (size_t i = 0; i < options->attributes.count; i++) {
    const cli_place attributes = {"attributes", options->attributes.values[i], CLI_READS};
    CLI_TRY(check_two_places(options, &attributes, &written));
  }
  return check_writable("data", path);
}

/* Links may make one file of two. */
static int check_two_data_files(const cli_options *options, const char *path, const char *suffix) {
  char *const other = cli_path(options->data, options->name, suffix);
  if (other == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  const int code =
      s3_same_file(path, other)
          ? cli_usage(options, "--data: %s is the same file as %s; they must be different files",
                      path, other)
          : CLI_OK;
  free(other);
  return code;
}

int cli_check_data_folder(const cli_options *options, const char *const *suffixes, size_t count,
                          bool *made) {
  *made = mkdir(options->data, 0777) == 0;
  if (!*made && errno != EEXIST)
    return cli_fail(CLI_FAILURE, "--data: %s: folder cannot be made: %s", options->data,
                    strerror(errno));
  for (size_t i = 0; i < count; i++) {
    char *const path = cli_path(options->data, options->name, suffixes[i]);
    if (path == NULL) return cli_fail(CLI_FAILURE, "out of memory");
    int code = check_data_file(options, path);
    for (size_t j = 0; j < i && code == CLI_OK; j++)
      code = check_two_data_files(options, path, suffixes[j]);
    free(path);
    CLI_TRY(code);
  }
  return CLI_OK;
}
