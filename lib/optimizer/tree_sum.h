/* SPDX-License-Identifier: Apache-2.0 */
/* A sum over 2^m leaves as a balanced binary tree: node (l, i) is the sum of the nodes
 * (l - 1, 2i) and (l - 1, 2i + 1), and node (0, i) is leaf i.
 *
 *   level 2             s0+s1+s2+s3
 *                      /           \
 *   level 1        s0+s1           s2+s3
 *                 /     \         /     \
 *   level 0     s0       s1     s2       s3
 *
 * IEEE addition commutes, so the bits of a node depend on its leaves alone. Any 1, 2,
 * 4 .. 2^m processes that each own a whole subtree can compute its node, exchange the
 * nodes and finish the tree: all get the bits that one process gets.
 *
 * A leaf may be absent: a shard without sequences, or one that did not touch an item.
 * A node with one absent side is the other side, bit by bit, and a node of absent leaves
 * is absent. Adding zeros instead would turn a -0 into a +0. */
#ifndef S3_OPTIMIZER_TREE_SUM_H
#define S3_OPTIMIZER_TREE_SUM_H

#include "kernels/kernels.h"

enum { S3_TREE_LEVELS = 8, S3_LARGEST_SHARD_COUNT = 1 << S3_TREE_LEVELS };

/* A sum under way: nodes that wait for what lies to their right, each one lower in the
 * tree than the one before it. Sums are made in the memory of the leftmost leaf. */
typedef struct s3_tree_sum {
  const s3_kernels *kernels;
  size_t count; /* floats of a leaf */
  size_t depth;
  size_t leaf[S3_TREE_LEVELS + 1]; /* one of each node's */
  float *values[S3_TREE_LEVELS + 1];
} s3_tree_sum;

static inline s3_tree_sum s3_tree_sum_begin(const s3_kernels *kernels, size_t count) {
  return (s3_tree_sum){.kernels = kernels, .count = count};
}

/* Whether the lowest node above leaves a and b lies below the lowest above b and c. */
static inline bool s3_tree_joins_first(size_t a, size_t b, size_t c) { return (a ^ b) < (b ^ c); }

static inline void s3_tree_sum_join(s3_tree_sum *sum) {
  const size_t right = --sum->depth;
  sum->kernels->add(sum->count, sum->values[right], sum->values[right - 1]);
}

/* Adds a leaf; they come from left to right. Its values are changed. */
static inline void s3_tree_sum_add(s3_tree_sum *sum, size_t leaf, float *values) {
  while (sum->depth >= 2 &&
         s3_tree_joins_first(sum->leaf[sum->depth - 2], sum->leaf[sum->depth - 1], leaf)) {
    s3_tree_sum_join(sum);
  }
  sum->leaf[sum->depth] = leaf;
  sum->values[sum->depth++] = values;
}

/* The whole sum, in the memory of the first leaf; NULL when there was none. */
static inline float *s3_tree_sum_end(s3_tree_sum *sum) {
  while (sum->depth >= 2) s3_tree_sum_join(sum);
  return sum->depth == 0 ? NULL : sum->values[0];
}

#endif
