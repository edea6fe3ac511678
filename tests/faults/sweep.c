/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A part takes less than a second; a process that hangs is ended by SIGALRM. */
enum { HANGS_AFTER = 600, PROBLEMS_SHOWN = 40, CHANCES = 4 };

typedef struct tally {
  long runs, hits, failures, kills, problems;
} tally;

/* Counts files whose names begin with a dot, which the library uses for files being written, and
 * removes them or, with `all`, every file. */
static long sweep_folder(const char *path, bool all) {
  long hidden = 0;
  DIR *const folder = opendir(path);
  if (folder == NULL) return -1;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    hidden += entry->d_name[0] == '.';
    if (all) unlinkat(dirfd(folder), entry->d_name, 0);
  }
  closedir(folder);
  return hidden;
}

/* A number that changes when a file in the folder, those of a save excepted, is another one. */
static uint64_t folder_hash(const char *path) {
  char name[1024];
  uint64_t sum = 0;
  DIR *const folder = opendir(path);
  if (folder == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    sum += flow_file_hash(name);
  }
  closedir(folder);
  return sum;
}

static void set_fault(sweep *s, int mode, long at, unsigned long seed) {
  fault_control *const control = s->flow.faults;
  fault_well *const well = s->memory ? &control->memory : &control->calls;
  control->kinds = s->memory ? 0 : s->kinds;
  control->action = s->action;
  control->error = s->error;
  well->mode = mode;
  well->at = at;
  well->seed = seed;
}

/* Runs the part in a child; its wait status, or -1. */
static int run_child(sweep *s, int mode, long at, unsigned long seed) {
  flow_result *const result = s->flow.result;
  *result = (flow_result){0};
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    alarm(HANGS_AFTER);
    set_fault(s, mode, at, seed);
    flow_run(&s->flow, s->part);
    _exit(0);
  }
  int status = -1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/* What is wrong after a child, or NULL. */
static const char *problem_of(const sweep *s, int status, const flow_result *clean, char *text,
                              size_t size) {
  const flow_result *const result = s->flow.result;
  if (WIFSIGNALED(status))
    snprintf(text, size, "ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !result->ended)
    snprintf(text, size, "ended with exit status %d", WEXITSTATUS(status));
  else if (result->problem[0] != '\0')
    snprintf(text, size, "%s", result->problem);
  else if (s->invisible && result->failures != 0)
    snprintf(text, size, "%ld calls failed", result->failures);
  else if (result->digest != clean->digest)
    snprintf(text, size, "other bits than without faults");
  else if (result->live != clean->live)
    snprintf(text, size, "%ld blocks left over, not %ld", result->live, clean->live);
  else
    return NULL;
  return text;
}

static void print_problem(tally *t, const char *mode, long at, const char *text) {
  if (t->problems++ >= PROBLEMS_SHOWN) return;
  printf("%s{\"fault\": \"%s %ld\", \"what\": \"", t->problems > 1 ? ", " : "", mode, at);
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    if ((unsigned char)*text >= ' ') putchar(*text);
  }
  printf("\"}");
}

static bool is_kill(const sweep *s) { return !s->memory && s->action >= FAULT_KILL_BEFORE; }

/* After a kill the files are those of before, which the same part wrote without faults; and it must
 * go through over whatever is there. */
static const char *recover(sweep *s, const flow_result *clean, uint64_t files, char *text,
                           size_t size) {
  if (folder_hash(s->flow.work) != files) return "a file is no longer whole";
  const long left = sweep_folder(s->flow.work, false);
  if (left > 1) {
    snprintf(text, size, "%ld temporary files of one save", left);
    return text;
  }
  const char *const problem = problem_of(s, run_child(s, FAULT_NONE, 0, 0), clean, text, size);
  if (problem != NULL) return problem;
  if (left == 0 || sweep_folder(s->flow.work, false) == 0) return NULL;
  snprintf(text, size, "a temporary file stays after the next save");
  return text;
}

static void one_fault(sweep *s, int mode, long at, unsigned long seed, const flow_result *clean,
                      uint64_t files, tally *t) {
  static const char *const names[] = {"none", "once", "from", "one in"};
  char text[700];
  /* Saves find nothing, or the files of a run before. */
  if (!is_kill(s) && t->runs % 2 == 0) sweep_folder(s->flow.work, true);
  const int status = run_child(s, mode, at, seed);
  const flow_result *const result = s->flow.result;
  const char *problem;
  t->runs++;
  if (is_kill(s) && status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    t->kills++;
    t->hits++;
    problem = recover(s, clean, files, text, sizeof text);
  } else {
    t->hits += result->hits;
    t->failures += result->failures;
    problem = problem_of(s, status, clean, text, sizeof text);
    if (problem == NULL && sweep_folder(s->flow.work, false) != 0)
      problem = "a temporary file is left";
  }
  if (problem != NULL) print_problem(t, names[mode], at, problem);
}

bool sweep_run(sweep *s) {
  tally t = {0};
  s->flow.faults = flow_faults();
  s->flow.result = mmap(NULL, sizeof(flow_result), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s->flow.result == MAP_FAILED) return false;
  sweep_folder(s->flow.work, true);
  int status = run_child(s, FAULT_NONE, 0, 0);
  const flow_result clean = *s->flow.result;
  const uint64_t files = folder_hash(s->flow.work);
  const long requests = s->memory ? clean.memory : clean.calls;
  char text[700];
  printf("{\"part\": \"%s\", \"threads\": %d, \"requests\": %ld, \"problems\": [", s->part->name,
         (int)s->flow.threads, requests);
  const char *problem = problem_of(s, status, &clean, text, sizeof text);
  if (problem != NULL) print_problem(&t, "none", 0, problem);
  const bool chance = s->mode == FAULT_CHANCE;
  const long faults = chance ? s->most : requests < s->most ? requests : s->most;
  for (long i = 0; problem == NULL && i < faults; i++) {
    /* With chance the number says how rare a failure is. */
    static const long rarity[CHANCES] = {2, 10, 50, 250};
    const long at = chance ? rarity[i % CHANCES]
                           : faults == requests ? i + 1 : 1 + i * requests / faults;
    one_fault(s, s->mode, at, (unsigned long)i, &clean, files, &t);
  }
  printf("], \"runs\": %ld, \"hits\": %ld, \"failures\": %ld, \"kills\": %ld, \"wrong\": %ld}\n",
         t.runs, t.hits, t.failures, t.kills, t.problems);
  return true;
}
