/* SPDX-License-Identifier: Apache-2.0 */
/* A run locks the names of its files in their folders: a record lock on one byte of the folder,
 * far behind its end. The byte is made from the name and the number of the process. Such a lock
 * needs no file of its own, so nothing is left over after a kill; it holds for a name before there
 * is a file, and after each save has put a new file in its place. A lock on the file itself could
 * not: the library renames a new file over it at every save. The locks belong to the open folder
 * (F_OFD), not to the process: else every save would drop them when it closes the same folder.
 * A folder can only be opened for reading, so the locks are shared ones and do not exclude each
 * other. So a run locks first and then looks for others, and who sees one steps back. Two runs that
 * start at once may both step back; each of them tries again after a time of its own. */
#include "run_lock.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { PROCESS_BITS = 22, /* Linux has no larger process ids */
       ATTEMPTS = 6 };

#ifdef F_OFD_SETLK
/* The process that holds the lock; 0 when this one has it now; -1: no locks here. */
static long lock_name_once(int folder, const char *name) {
  const off_t begin = (off_t)(s3_file_name_key(name) >> (PROCESS_BITS + 2)) << PROCESS_BITS;
  const off_t all = (off_t)1 << PROCESS_BITS;
  struct flock mine = {.l_type = F_RDLCK,
                       .l_whence = SEEK_SET,
                       .l_start = begin + (getpid() & (all - 1)),
                       .l_len = 1};
  /* Asks whether a lock of all bytes would be possible, but for those of this folder. */
  struct flock others = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = begin, .l_len = all};
  if (fcntl(folder, F_OFD_SETLK, &mine) != 0 || fcntl(folder, F_OFD_GETLK, &others) != 0) return -1;
  if (others.l_type == F_UNLCK) return 0;
  mine.l_type = F_UNLCK;
  fcntl(folder, F_OFD_SETLK, &mine);
  return (long)(others.l_start - begin);
}
#else
static long lock_name_once(int folder, const char *name) {
  (void)folder;
  (void)name;
  return -1;
}
#endif

static long lock_name(int folder, const char *name) {
  long holder = lock_name_once(folder, name);
  for (int attempt = 1; attempt < ATTEMPTS && holder > 0; attempt++) {
    const long milliseconds = attempt * (1 + (long)getpid() % 31);
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000}, NULL);
    holder = lock_name_once(folder, name);
  }
  return holder;
}

/* *folder gets the descriptor that holds the lock, or -1. */
static int lock_place(const cli_place *place, int *folder) {
  s3_file_place at;
  struct stat status;
  *folder = -1;
  if (stat(place->path, &status) == 0 && !S_ISREG(status.st_mode)) return CLI_OK;
  if (s3_file_place_open(place->path, &at) != S3REC_OK) return CLI_OK;
  const long holder = lock_name(at.folder, at.name);
  if (holder == 0)
    *folder = at.folder;
  else
    s3_file_place_close(&at);
  if (holder <= 0) return CLI_OK;
  return cli_fail(CLI_FAILURE,
                  "--%s: %s: another run, process %ld, is writing it; wait for its end, or give "
                  "another file",
                  place->option, place->path, holder);
}

/* One file for two purposes is not a second run. */
static bool is_place_before(const cli_place *places, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (places[i].path != NULL && places[i].use > CLI_STARTS &&
        s3_same_file(places[i].path, places[index].path))
      return true;
  return false;
}

int cli_lock_places(const cli_place *places, size_t count, cli_run_locks *locks) {
  const size_t limit = sizeof locks->folders / sizeof locks->folders[0];
  for (size_t i = 0; i < count && locks->count < limit; i++) {
    int folder;
    if (places[i].path == NULL || places[i].use <= CLI_STARTS || is_place_before(places, i))
      continue;
    CLI_TRY(lock_place(&places[i], &folder));
    if (folder >= 0) locks->folders[locks->count++] = folder;
  }
  return CLI_OK;
}

void cli_close_locks(cli_run_locks *locks) {
  while (locks->count > 0) close(locks->folders[--locks->count]);
}
