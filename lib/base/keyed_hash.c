/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-1-3 (Aumasson, Bernstein 2012). */
#include "base/keyed_hash.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"

s3_hash_key s3_hash_key_make(void) {
  s3_hash_key key;
  if (getrandom(&key, sizeof key, GRND_NONBLOCK) == (ssize_t)sizeof key) return key;
  /* The system has just booted or forbids the call: a key that is hard to guess will do. */
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const uint64_t time = s3_key((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
  key.words[0] = s3_key(time, (uintptr_t)&key);
  key.words[1] = s3_key(key.words[0], (uint64_t)getpid());
  return key;
}

static uint64_t rotate_left(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

static void mix_rounds(uint64_t v[4]) {
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotate_left(v[1], 13) ^ v[0];
  v[3] = rotate_left(v[3], 16) ^ v[2];
  v[0] = rotate_left(v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = rotate_left(v[1], 17) ^ v[2];
  v[3] = rotate_left(v[3], 21) ^ v[0];
  v[2] = rotate_left(v[2], 32);
}

uint64_t s3_keyed_hash(const s3_hash_key *key, const void *bytes, size_t count) {
  const char *at = bytes;
  uint64_t v[4] = {key->words[0] ^ 0x736f6d6570736575u, key->words[1] ^ 0x646f72616e646f6du,
                   key->words[0] ^ 0x6c7967656e657261u, key->words[1] ^ 0x7465646279746573u};
  uint64_t word;
  size_t left = count;
  for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
    memcpy(&word, at, sizeof word);
    v[3] ^= word;
    mix_rounds(v);
    v[0] ^= word;
  }
  word = (uint64_t)count << 56;
  for (size_t i = 0; i < left; i++) word |= (uint64_t)(unsigned char)at[i] << (8 * i);
  v[3] ^= word;
  mix_rounds(v);
  v[0] ^= word;
  v[2] ^= 0xff;
  for (int i = 0; i < 3; i++) mix_rounds(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}
