/* SPDX-License-Identifier: Apache-2.0 */
/* A hash under a secret key: nobody can choose names that collide without the key, so a table
 * of names from a hostile file stays as fast as any other. */
#ifndef S3_BASE_KEYED_HASH_H
#define S3_BASE_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct s3_hash_key {
  uint64_t words[2];
} s3_hash_key;

/* A new key from the random numbers of the system. Nothing that a caller sees may depend on
 * it. */
s3_hash_key s3_hash_key_make(void);
/* SipHash-1-3 of the bytes. The value differs between machines of different byte order, so it
 * is not for files. */
uint64_t s3_keyed_hash(const s3_hash_key *key, const void *bytes, size_t count);

#endif
