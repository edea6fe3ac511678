/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec-catalogue: a made-up streaming service to try the recommender on. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

static const char help[] =
    "Usage: s3rec-catalogue generate  --data DIR --name NAME [OPTION...]\n"
    "       s3rec-catalogue recommend --data DIR --name NAME --model FILE --user N [OPTION...]\n"
    "\n"
    "generate makes up a streaming service: films and shows with genres, directors and series,\n"
    "and viewers with tastes. Viewers watch sequels in order, in sessions of one genre. It writes\n"
    "NAME.txt (one line per viewer, oldest item first), NAME_item2attributes.json (genres, kind,\n"
    "decade, director, series), NAME_sample.txt (99 unwatched items per viewer) and\n"
    "NAME_names.tsv. DIR is made if it does not exist. The same options give the same files on\n"
    "every machine.\n"
    "\n"
    "recommend prints what a viewer watched, what a model recommends, and reasons from the\n"
    "catalogue. It needs the same --items and --seed as generate.\n"
    "\n"
    "  --data DIR    folder of the data files\n"
    "  --name NAME   first part of the file names\n"
    "  --items N     films and shows, 300..20000 (default 1500)\n"
    "  --seed N      start of all random numbers (default 42)\n"
    "  --users N     generate: viewers, 1..10000000 (default 3000)\n"
    "  --events      generate: also write the views as the log of a host, with times and text\n"
    "                ids: NAME_events.csv (user, item, timestamp, rating) and\n"
    "                NAME_attributes.csv, one row per item\n"
    "  --model FILE  recommend: a model that was trained on this data\n"
    "  --user N      recommend: the viewer, as a line of NAME.txt, from 1\n"
    "  --k N         recommend: number of recommendations, 1..1000 (default 10)\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line.\n";

enum { HELP = 'h', DATA, NAME, MODEL, SEED, ITEMS, USERS, USER, WANTED, EVENTS };
static const struct option table[] = {{"help", no_argument, NULL, HELP},
                                      {"data", required_argument, NULL, DATA},
                                      {"name", required_argument, NULL, NAME},
                                      {"model", required_argument, NULL, MODEL},
                                      {"seed", required_argument, NULL, SEED},
                                      {"items", required_argument, NULL, ITEMS},
                                      {"users", required_argument, NULL, USERS},
                                      {"user", required_argument, NULL, USER},
                                      {"k", required_argument, NULL, WANTED},
                                      {"events", no_argument, NULL, EVENTS},
                                      {NULL, 0, NULL, 0}};

int catalogue_fail(int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("s3rec-catalogue: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return code;
}

static uint64_t read_number(const char *option, uint64_t minimum, uint64_t maximum) {
  errno = 0;
  const unsigned long long value = strtoull(optarg, NULL, 10);
  if (optarg[0] == '\0' || optarg[strspn(optarg, "0123456789")] != '\0' || errno != 0 ||
      value < minimum || value > maximum)
    exit(catalogue_fail(CATALOGUE_USAGE, "--%s: '%s' is not in range; accepted: %llu..%llu", option,
                        optarg, (unsigned long long)minimum, (unsigned long long)maximum));
  return value;
}

static void read_options(int count, char **arguments, catalogue_options *options) {
  int key;
  while ((key = getopt_long(count, arguments, "h", table, NULL)) != -1) {
    if (key == DATA)
      options->data = optarg;
    else if (key == NAME)
      options->name = optarg;
    else if (key == MODEL)
      options->model = optarg;
    else if (key == SEED)
      options->seed = read_number("seed", 0, UINT64_MAX);
    else if (key == ITEMS)
      options->items = (int32_t)read_number("items", 300, 20000);
    else if (key == USERS)
      options->users = (int32_t)read_number("users", 1, 10000000);
    else if (key == USER)
      options->user = (int32_t)read_number("user", 1, INT32_MAX);
    else if (key == WANTED)
      options->k = (int32_t)read_number("k", 1, 1000);
    else if (key == EVENTS)
      options->events = true;
    else if (key == HELP)
      exit(fputs(help, stdout) < 0 ? CATALOGUE_FAILURE : CATALOGUE_OK);
    else
      exit(CATALOGUE_USAGE); /* getopt has printed the reason */
  }
  if (optind < count)
    exit(catalogue_fail(CATALOGUE_USAGE, "unexpected argument '%s'", arguments[optind]));
}

int main(int count, char **arguments) {
  const char *const command = count < 2 ? "" : arguments[1];
  const bool recommends = strcmp(command, "recommend") == 0;
  if (strcmp(command, "--help") == 0) {
    fputs(help, stdout);
    return CATALOGUE_OK;
  }
  if (!recommends && strcmp(command, "generate") != 0)
    return catalogue_fail(CATALOGUE_USAGE, "'%s' is not a command; try --help", command);
  catalogue_options options = {.seed = 42, .items = 1500, .users = 3000, .k = 10};
  read_options(count - 1, arguments + 1, &options);
  if (options.data == NULL || options.name == NULL)
    return catalogue_fail(CATALOGUE_USAGE, "give --data and --name; try --help");
  if (recommends && (options.model == NULL || options.user == 0))
    return catalogue_fail(CATALOGUE_USAGE, "give --model and --user; try --help");
  const int code = recommends ? catalogue_recommend(&options) : catalogue_generate(&options);
  if (fflush(stdout) != 0 && code == CATALOGUE_OK)
    return catalogue_fail(CATALOGUE_FAILURE, "standard output: writing failed");
  return code;
}
