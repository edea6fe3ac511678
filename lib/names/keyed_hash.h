/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-1-3 (Aumasson, Bernstein 2012): a hash of text under a secret key. Who does not
 * know the key cannot choose texts that collide, so a table of names from a file that
 * means harm stays as fast as any other. */
#ifndef S3_NAMES_KEYED_HASH_H
#define S3_NAMES_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct s3_hash_key {
  uint64_t words[2];
} s3_hash_key;

/* A new key from the system's random numbers. Nothing that a caller sees may depend on
 * it. */
s3_hash_key s3_hash_key_make(void);

/* The value differs between machines of different byte order: not for files. */
uint64_t s3_keyed_hash(const s3_hash_key *key, const void *bytes, size_t count);

#endif
