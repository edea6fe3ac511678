/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of s3rec-catalogue and their options. */
#ifndef CATALOGUE_PROGRAM_H
#define CATALOGUE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct catalogue_options {
  const char *data, *name, *model;
  uint64_t seed;
  int32_t items;
  int32_t users; /* of `generate` */
  int32_t user;  /* of `recommend`; 0: none */
  int32_t k;
  bool events;
} catalogue_options;

/* Exit codes of the program. */
enum { CATALOGUE_OK = 0, CATALOGUE_FAILURE = 1, CATALOGUE_USAGE = 2 };

/* Prints "s3rec-catalogue: message" to stderr and returns `code`. */
__attribute__((format(printf, 2, 3))) int catalogue_fail(int code, const char *format, ...);

/* files.c: makes up the catalogue and its viewers and writes the data files. */
int catalogue_generate(const catalogue_options *options);
/* recommend.c: prints what a model recommends to one viewer, with reasons. */
int catalogue_recommend(const catalogue_options *options);

#endif
