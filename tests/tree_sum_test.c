/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients are summed in a balanced tree over the shards: the bits of plain recursion, and
 * the same bits when subtrees are summed apart and their sums together. */
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "model/model.h"
#include "optimizer/gradients.h"
#include "optimizer/tree_sum.h"
#include "support/suite.h"
#include "support/training.h"

enum { WIDTH = 16, ITEMS = 40, ITEM_SIZE = ITEMS + 2, MOST_SHARDS = S3_LARGEST_SHARD_COUNT };

static const test_shape shape = {.items = ITEMS,
                                 .attributes = 5,
                                 .length = 6,
                                 .hidden = WIDTH,
                                 .layers = 2,
                                 .heads = 2,
                                 .activation = S3REC_GELU,
                                 .batch = 4};

/* Values of many sizes, so that every order of a sum has other bits; some are -0. */
static void fill_values(uint64_t key, size_t count, float *values) {
  s3_random random = s3_random_make(key);
  for (size_t i = 0; i < count; i++) {
    const double size = (double)(1u << s3_random_below(&random, 24));
    values[i] = (float)(s3_random_normal(&random) * size);
    if (s3_random_below(&random, 9) == 0) values[i] = -0.0f;
  }
}

/* Node of leaves first .. first + count - 1 by recursion; false: it is absent. */
static bool sum_by_recursion(const bool *present, float (*leaves)[WIDTH], size_t first,
                             size_t count, float *node) {
  if (count == 1) {
    if (present[first]) memcpy(node, leaves[first], sizeof leaves[first]);
    return present[first];
  }
  float right[WIDTH];
  const bool has_left = sum_by_recursion(present, leaves, first, count / 2, node);
  const bool has_right = sum_by_recursion(present, leaves, first + count / 2, count / 2, right);
  if (!has_right) return has_left;
  for (size_t i = 0; i < WIDTH; i++) node[i] = has_left ? node[i] + right[i] : right[i];
  return true;
}

START_TEST(a_sum_has_the_bits_of_recursion) {
  const s3_kernels *kernels = s3_kernels_get(S3REC_KERNELS_AUTO);
  int chains = 0;
  for (size_t count = 1; count <= MOST_SHARDS; count *= 2) {
    for (uint32_t absent = 0; absent < 10; absent++) {
      bool present[MOST_SHARDS];
      float leaves[MOST_SHARDS][WIDTH], node[WIDTH], chain[WIDTH] = {0};
      s3_random random = s3_random_make(s3_key(count, absent));
      for (size_t leaf = 0; leaf < count; leaf++) {
        present[leaf] = s3_random_below(&random, 9) >= absent; /* absent 9: all are */
        fill_values(s3_random_bits(&random), WIDTH, leaves[leaf]);
        for (int i = 0; present[leaf] && i < WIDTH; i++) chain[i] += leaves[leaf][i];
      }
      const bool any = sum_by_recursion(present, leaves, 0, count, node);
      s3_tree_sum tree = s3_tree_sum_begin(kernels, WIDTH);
      for (size_t leaf = 0; leaf < count; leaf++) {
        if (present[leaf]) s3_tree_sum_add(&tree, leaf, leaves[leaf]);
      }
      const float *sum = s3_tree_sum_end(&tree);
      ck_assert_int_eq(sum != NULL, any);
      if (sum != NULL) ck_assert_mem_eq(sum, node, sizeof node);
      chains += sum != NULL && memcmp(sum, chain, sizeof chain) == 0;
    }
  }
  ck_assert_int_lt(chains, 40); /* of 90: in larger sums the order shows */
}
END_TEST

typedef struct setting {
  s3rec_context *context;
  s3rec_model *model;
  s3_thread_pool *pool;
  uint32_t row_of[ITEM_SIZE];
} setting;

static setting *start_setting(size_t threads) {
  setting *s = calloc(1, sizeof *s);
  ck_assert_ptr_nonnull(s);
  s->context = test_context((int32_t)threads);
  s->model = test_model(s->context, &shape, 1);
  if (threads > 1) test_ok(s3_thread_pool_create(s->context, threads, &s->pool));
  return s;
}

static void end_setting(setting *s) {
  s3_thread_pool_destroy(s->pool);
  s3rec_model_destroy(s->model);
  s3rec_context_destroy(s->context);
  free(s);
}

static s3_gradients make_gradients(const setting *s, size_t shard_count) {
  s3_gradients g;
  test_ok(s3_gradients_create(s->context, &s->model->table, ITEM_SIZE, WIDTH, shard_count, &g));
  return g;
}

static void add_row(s3_item_rows *items, int32_t id, const float *values) {
  test_ok(s3_item_rows_add(items, id, 1.0f, values));
  memcpy(items->rows + (items->row_of[id] - 1) * WIDTH, values, WIDTH * sizeof *values);
}

/* Gradients of leaf number `leaf` of the tree, as shard `shard`; every fifth has none. */
static void fill_shard(setting *s, s3_gradients *g, size_t shard, size_t leaf) {
  s3_item_rows *items = &g->shards[shard].items;
  s3_random random = s3_random_make(s3_key(77, leaf));
  if (leaf % 5 == 2) return;
  s3_gradients_begin_shard(g, shard, s->row_of);
  fill_values(s3_random_bits(&random), g->dense_count, g->shards[shard].dense);
  for (int32_t id = 1; id < ITEM_SIZE; id++) {
    const int32_t other = 1 + (id * 7 + (int32_t)leaf) % (ITEM_SIZE - 1);
    float values[WIDTH];
    if (s3_random_below(&random, 3) != 0 || items->row_of[other] != 0) continue;
    fill_values(s3_random_bits(&random), WIDTH, values);
    add_row(items, other, values);
  }
  s3_item_rows_end(items);
}

static bool is_any_used(const s3_gradients *g) {
  bool used = false;
  for (size_t shard = 0; shard < g->shard_count; shard++) used |= g->shards[shard].used;
  return used;
}

/* The sum of leaves first .. first + count - 1 of the tree. */
static s3_gradients sum_of_leaves(setting *s, size_t first, size_t count) {
  s3_gradients g = make_gradients(s, count);
  for (size_t i = 0; i < count; i++) fill_shard(s, &g, i, first + i);
  test_ok(s3_gradients_reduce(&g, NULL, NULL, s->pool));
  return g;
}

/* The same by `parts` subtrees, summed apart. */
static s3_gradients sum_of_parts(setting *s, size_t count, size_t parts) {
  s3_gradients top = make_gradients(s, parts);
  for (size_t p = 0; p < parts; p++) {
    s3_gradients part = sum_of_leaves(s, p * (count / parts), count / parts);
    if (is_any_used(&part)) {
      s3_item_rows *items = &top.shards[p].items;
      s3_gradients_begin_shard(&top, p, s->row_of);
      memcpy(top.shards[p].dense, part.dense, part.dense_count * sizeof *part.dense);
      for (size_t i = 0; i < part.items.count; i++) {
        add_row(items, part.items.ids[i], part.items.rows + i * WIDTH);
      }
      s3_item_rows_end(items);
    }
    s3_gradients_destroy(&part);
  }
  test_ok(s3_gradients_reduce(&top, NULL, NULL, s->pool));
  return top;
}

static void check_same_gradients(const s3_gradients *a, const s3_gradients *b) {
  ck_assert_mem_eq(a->dense, b->dense, a->dense_count * sizeof *a->dense);
  ck_assert_uint_eq(a->items.count, b->items.count);
  ck_assert_mem_eq(a->items.ids, b->items.ids, a->items.count * sizeof *a->items.ids);
  ck_assert_mem_eq(a->items.rows, b->items.rows, a->items.count * WIDTH * sizeof(float));
  ck_assert_mem_eq(&a->norm, &b->norm, sizeof a->norm);
}

/* Processes that own subtrees get the bits that one gets, dense and row by row. */
START_TEST(subtrees_summed_apart_give_the_same_bits) {
  setting *s = start_setting(_i == 0 ? 1 : 3);
  for (size_t count = 1; count <= 64; count *= 4) {
    s3_gradients whole = sum_of_leaves(s, 0, count);
    for (size_t parts = 1; parts <= count; parts *= 2) {
      s3_gradients together = sum_of_parts(s, count, parts);
      check_same_gradients(&whole, &together);
      s3_gradients_destroy(&together);
    }
    s3_gradients_destroy(&whole);
  }
  end_setting(s);
}
END_TEST

/* Row of an item in a shard's list; NULL: it did not touch the item. */
static const float *row_in(const s3_gradients *g, size_t shard, int32_t id) {
  const s3_item_rows *items = &g->shards[shard].items;
  for (size_t i = 0; g->shards[shard].used && i < items->count; i++) {
    if (items->ids[i] == id) return items->rows + i * WIDTH;
  }
  return NULL;
}

static bool item_by_recursion(const s3_gradients *g, int32_t id, float *sum) {
  bool present[MOST_SHARDS];
  float leaves[MOST_SHARDS][WIDTH];
  for (size_t shard = 0; shard < g->shard_count; shard++) {
    const float *row = row_in(g, shard, id);
    present[shard] = row != NULL;
    if (row != NULL) memcpy(leaves[shard], row, sizeof leaves[shard]);
  }
  return sum_by_recursion(present, leaves, 0, g->shard_count, sum);
}

/* Each row is a tree of its own; a whole table, and rows without a shard, are added to. */
START_TEST(rows_are_summed_in_trees_of_their_own) {
  enum { SHARDS = 32, SHARDLESS = 9 };
  setting *s = start_setting(1);
  for (int kind = 0; kind < 3; kind++) { /* rows alone, to a table, to rows */
    s3_gradients g = make_gradients(s, SHARDS);
    float expected[ITEM_SIZE][WIDTH] = {{0}}, table[ITEM_SIZE][WIDTH] = {{0}};
    float read[ITEM_SIZE * WIDTH];
    s3_item_rows rows = {.context = s->context, .width = WIDTH};
    for (size_t shard = 0; shard < SHARDS; shard++) fill_shard(s, &g, shard, shard);
    s3_item_rows_begin(&rows, s->row_of);
    for (int32_t id = 1; id <= ITEMS; id++) {
      fill_values(s3_key(5, (uint64_t)id), WIDTH, table[id]);
      if (id % (ITEMS / SHARDLESS) == 0) add_row(&rows, id, table[id]);
    }
    for (int32_t id = 1; id < ITEM_SIZE; id++) {
      const bool add_to = kind == 1 || (kind == 2 && rows.row_of[id] != 0);
      float sum[WIDTH];
      const bool touched = item_by_recursion(&g, id, sum);
      for (int i = 0; i < WIDTH; i++) {
        expected[id][i] = !add_to   ? (touched ? sum[i] : 0)
                          : touched ? table[id][i] + sum[i]
                                    : table[id][i];
      }
    }
    s3_item_rows_end(&rows);
    test_ok(s3_gradients_reduce(&g, kind == 1 ? table[0] : NULL, kind == 2 ? &rows : NULL, NULL));
    s3_gradients_read(&g, &s->model->table.parameters[0], read);
    ck_assert_mem_eq(read, expected, sizeof expected);
    s3_item_rows_free(&rows);
    s3_gradients_destroy(&g);
  }
  end_setting(s);
}
END_TEST

/* Gradients are made again and again in the same memory, of other shards. */
START_TEST(memory_is_used_again) {
  setting *s = start_setting(1);
  s3_gradients again = make_gradients(s, 8);
  for (size_t first = 0; first < 40; first += 8) {
    s3_gradients fresh = sum_of_leaves(s, first, 8);
    for (size_t shard = 0; shard < 8; shard++) {
      again.shards[shard].used = false;
      fill_shard(s, &again, shard, first + shard);
    }
    test_ok(s3_gradients_reduce(&again, NULL, NULL, NULL));
    check_same_gradients(&fresh, &again);
    s3_gradients_destroy(&fresh);
  }
  for (size_t shard = 0; shard < 8; shard++) again.shards[shard].used = false;
  test_ok(s3_gradients_reduce(&again, NULL, NULL, NULL));
  for (size_t i = 0; i < again.dense_count; i++) ck_assert(again.dense[i] == 0);
  ck_assert_uint_eq(again.items.count, 0);
  ck_assert(again.norm == 0);
  s3_gradients_destroy(&again);
  end_setting(s);
}
END_TEST

TEST_SUITE(tree_sum) {
  TCase *cases = tcase_create("tree");
  tcase_add_test(cases, a_sum_has_the_bits_of_recursion);
  tcase_add_loop_test(cases, subtrees_summed_apart_give_the_same_bits, 0, 2);
  tcase_add_test(cases, rows_are_summed_in_trees_of_their_own);
  tcase_add_test(cases, memory_is_used_again);
  test_add_cases(suite, cases, NULL);
}
