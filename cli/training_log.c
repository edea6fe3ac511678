/* SPDX-License-Identifier: Apache-2.0 */
#include "training_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data.h"
#include "output.h"
#include "print.h"

static const char head[] =
    "{\"event\":\""; /* every line of a log begins so, also an incomplete one */

static int fail_log(const cli_training *training, const char *what) {
  return cli_fail(CLI_FAILURE, "%s: %s: %s", training->log_path, what, strerror(errno));
}

/* The object that begins a run. */
static json_t *begin_as_object(const cli_training *training) {
  const cli_options *const options = training->options;
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  if (s3rec_dataset_info_get(training->dataset, &info) != S3REC_OK) return NULL;
  char fingerprint[20];
  snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, info.fingerprint);
  json_t *const object = json_pack(
      "{s:s, s:s, s:s, s:{s:o, s:I, s:I, s:i, s:i, s:s}, s:o, s:o}", "event", "begin", "command",
      options->command->name, "version", s3rec_version(), "data", "name",
      cli_json_text(cli_data_name(options)), "users", (json_int_t)info.user_count, "interactions",
      (json_int_t)info.interaction_count, "items", (int)info.item_size - 2, "attribute_size",
      (int)info.attribute_size, "fingerprint", fingerprint, "network",
      cli_json_config(&options->config), "options", cli_recorded_options(options));
  if (training->events != NULL) json_object_set(object, "events", training->events);
  if (options->model != NULL) json_object_set_new(object, "model", cli_json_text(options->model));
  if (options->resume != NULL) {
    json_object_set_new(object, "epochs_before", json_integer(training->at.selection_epochs));
    if (training->at.refit)
      json_object_set_new(object, "refit_epochs_before", json_integer(cli_epochs_done(training)));
  }
  return object;
}

/* Whether two objects begin the same run. The path of the first model is not compared, because the
 * file may have moved; nor is the release. */
static bool same_run(const json_t *a, const json_t *b) {
  static const char *const keys[] = {"command", "data", "network", "options"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
    if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i]))) return false;
  return true;
}

/* The place in the log where the next entry is written. */
typedef struct place {
  off_t offset; /* the file is cut here */
  bool begun;   /* the resumed run already has entries before it */
} place;

/* Takes one complete line that ends at `end`. */
static bool take_log_line(const cli_training *training, const json_t *begin, const json_t *line,
                          off_t end, place *at) {
  const char *const event = json_string_value(json_object_get(line, "event"));
  if (event == NULL) return false;
  if (strcmp(event, "begin") == 0) {
    at->begun = same_run(line, begin);
  } else if (at->begun && training->options->resume != NULL) {
    const json_int_t epoch = json_integer_value(json_object_get(line, "epoch"));
    const bool selection = strcmp(event, "epoch") == 0, refit = strcmp(event, "refit") == 0;
    const int32_t refit_done = training->at.refit ? cli_epochs_done(training) : 0;
    const int32_t done = training->at.selection_epochs;
    /* A result, or an epoch that will be trained again: this line and later ones are cut off. */
    if (!(selection && epoch <= done) && !(refit && epoch <= refit_done)) return true;
  }
  at->offset = end;
  return true;
}

/* Reads the existing log. A killed run may have left an incomplete last line. A file that is not a
 * log is refused, so that no other file is cut. */
static int find_log_place(const cli_training *training, const json_t *begin, place *at) {
  char *line = NULL;
  size_t capacity = 0, number = 0;
  ssize_t length;
  off_t end = 0;
  bool good = true;
  *at = (place){0};
  while (good && (length = getline(&line, &capacity, training->log)) > 0) {
    number++;
    end += length;
    if (line[length - 1] != '\n') {
      const size_t known = (size_t)length < sizeof head - 1 ? (size_t)length : sizeof head - 1;
      good = memcmp(line, head, known) == 0;
      continue;
    }
    json_t *const object = json_loadb(line, (size_t)length, 0, NULL);
    good = take_log_line(training, begin, object, end, at);
    json_decref(object);
  }
  const bool failed = good && !feof(training->log); /* without memory, no error flag is set */
  free(line);
  if (failed) return fail_log(training, "cannot be read");
  if (good) return CLI_OK;
  return cli_fail(CLI_BAD_DATA, "%s:%zu: not a line of a training log; --log appends only to logs",
                  training->log_path, number);
}

static int begin_run_in_log(cli_training *training, const json_t *begin) {
  place at = {0};
  struct stat status;
  training->log = cli_open_stream(training->log_path, "a+");
  if (training->log == NULL || fstat(fileno(training->log), &status) != 0)
    return fail_log(training, "cannot be written");
  if (S_ISREG(status.st_mode)) {
    /* The run has locked the name (run_lock.h); this one is for a second name of the file. */
    if (flock(fileno(training->log), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return cli_fail(CLI_FAILURE, "--log: %s: another run is writing it", training->log_path);
    CLI_TRY(find_log_place(training, begin, &at));
    if (at.offset < status.st_size && ftruncate(fileno(training->log), at.offset) != 0)
      return fail_log(training, "entries at its end cannot be removed");
  }
  if (at.begun && training->options->resume != NULL) return CLI_OK;
  return cli_log_append(training, begin);
}

int cli_log_begin(cli_training *training) {
  if (training->log_path == NULL) return CLI_OK;
  json_t *const begin = begin_as_object(training);
  const int code =
      begin == NULL ? cli_fail(CLI_FAILURE, "out of memory") : begin_run_in_log(training, begin);
  json_decref(begin);
  return code;
}

/* One call for a line, so that a reader sees it whole or not at all. */
static bool write_line(int descriptor, const char *line, size_t length) {
  while (length > 0) {
    const ssize_t written = write(descriptor, line, length);
    if (written == 0) errno = ENOSPC;
    if (written == 0 || (written < 0 && errno != EINTR)) return false;
    if (written < 0) continue;
    line += written;
    length -= (size_t)written;
  }
  return true;
}

/* A part of a line that found no room is cut off again. */
static int append_line(const cli_training *training, const char *line) {
  const int descriptor = fileno(training->log);
  struct stat before;
  const bool regular = fstat(descriptor, &before) == 0 && S_ISREG(before.st_mode);
  if (write_line(descriptor, line, strlen(line))) {
    fsync(descriptor); /* fails on pipes and terminals, which does not matter */
    return CLI_OK;
  }
  const int code = fail_log(training, "writing failed");
  if (regular && ftruncate(descriptor, before.st_size) != 0)
    cli_remark("%s: its last line is not complete", training->log_path);
  return code;
}

int cli_log_append(const cli_training *training, const json_t *object) {
  if (training->log == NULL) return CLI_OK;
  char *line = NULL;
  char *const text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
  const bool made = text != NULL && asprintf(&line, "%s\n", text) >= 0;
  free(text);
  if (!made) return cli_fail(CLI_FAILURE, "out of memory");
  const int code = append_line(training, line);
  free(line);
  return code;
}
