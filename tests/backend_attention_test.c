/* SPDX-License-Identifier: Apache-2.0 */
/* Attention of every backend against the reference in double. */
#include <math.h>
#include <string.h>

#include "backend_fixture.h"
#include "reference_ops.h"

enum { MAX_LENGTH = 50, MAX_SEQUENCES = 60 };

typedef enum queries { QUERIES_ALL, QUERIES_LAST, QUERIES_MIXED } queries;

typedef struct batch {
  s3_attention_shape shape;
  size_t keys[MAX_SEQUENCES + 1], queries[MAX_SEQUENCES + 1], kept[MAX_SEQUENCES + 1];
} batch;

/* Mixed: by turns all, the last one, none, and the later half; and an empty
 * sequence. */
static size_t query_count(queries kind, size_t sequence, size_t length) {
  if (length == 0) return 0;
  if (kind == QUERIES_ALL) return length;
  if (kind == QUERIES_LAST) return 1;
  const size_t counts[] = {length, 1, 0, (length + 1) / 2};
  return counts[sequence % 4];
}

static void make_batch(batch *b, size_t sequences, size_t heads, size_t head_size,
                       queries kind, bool causal, double p) {
  memset(b, 0, sizeof *b);
  size_t longest = 0;
  for (size_t s = 0; s < sequences; s++) {
    /* Short ones mostly, as in real data, and every length from 1 to 50. */
    size_t length = s % 2 == 0 ? 1 + s * MAX_LENGTH / sequences : 1 + random_below(12);
    if (s + 1 == sequences) length = MAX_LENGTH;
    if (kind == QUERIES_MIXED && s == 5) length = 0;
    const size_t count = query_count(kind, s, length);
    b->keys[s + 1] = b->keys[s] + length;
    b->queries[s + 1] = b->queries[s] + count;
    b->kept[s + 1] = b->kept[s] + heads * count * S3_KEPT_STRIDE(length);
    if (length > longest) longest = length;
  }
  b->shape = (s3_attention_shape){.sequence_count = sequences,
                                  .key_offsets = b->keys,
                                  .query_offsets = b->queries,
                                  .probability_offsets = b->kept,
                                  .max_length = longest,
                                  .heads = heads,
                                  .head_size = head_size,
                                  .causal = causal,
                                  .dropout = row_dropout(p, b->queries[sequences]),
                                  .max_seq_length = MAX_LENGTH};
}

/* Copies between rows that lie `stride` apart and rows without gaps. */
static void spread(size_t rows, size_t width, const float *src, size_t stride, float *dst) {
  for (size_t r = 0; r < rows; r++) memcpy(dst + r * stride, src + r * width, width * sizeof *dst);
}
static void gather(size_t rows, size_t width, const float *src, size_t stride, float *dst) {
  for (size_t r = 0; r < rows; r++) memcpy(dst + r * width, src + r * stride, width * sizeof *dst);
}

static void check_attention(s3_backend *backend, const batch *b, double magnitude,
                            double tolerance) {
  const s3_attention_shape *shape = &b->shape;
  const size_t hidden = shape->heads * shape->head_size, n = shape->sequence_count;
  const size_t queries = b->queries[n], keys = b->keys[n];
  const array query = array_random(queries * hidden, magnitude);
  const array key = array_random(keys * hidden, 1.0), value = array_random(keys * hidden, 1.0);
  /* Query, key, value in one [keys, 3H] matrix if every token asks; else query
   * apart and key and value in [keys, 2H]. */
  const bool joined = queries == keys;
  const size_t key_stride = joined ? 3 * hidden : 2 * hidden;
  const size_t query_stride = joined ? key_stride : hidden + 5;
  const array packed = array_constant(keys * key_stride, NAN);
  const array diff_packed = array_copy(packed);
  const array apart = array_constant(queries * query_stride, NAN);
  const array diff_apart = array_copy(apart);
  float *packed_key = packed.actual + key_stride - 2 * hidden;
  float *packed_query = joined ? packed.actual : apart.actual;
  spread(queries, hidden, query.actual, query_stride, packed_query);
  spread(keys, hidden, key.actual, key_stride, packed_key);
  spread(keys, hidden, value.actual, key_stride, packed_key + hidden);
  const s3_attention_input input = {packed_query, packed_key, packed_key + hidden, query_stride,
                                    key_stride};
  const reference_attention expected = {query.expected, key.expected, value.expected};

  const array kept = array_constant(b->kept[n], NAN);
  const array dst = array_constant(queries * hidden, NAN);
  CHECK_OK(backend->operations->attention_forward(backend, shape, input, kept.actual,
                                                  dst.actual));
  reference_attention_forward(shape, expected, dst.expected);
  array_check("dst", dst, hidden, tolerance, 1.0);

  const array diff_dst = array_random(queries * hidden, 1.0);
  const array diff_query = array_constant(queries * hidden, NAN);
  const array diff_key = array_constant(keys * hidden, NAN), diff_value = array_copy(diff_key);
  float *diff_packed_key = diff_packed.actual + key_stride - 2 * hidden;
  const s3_attention_diff diff = {joined ? diff_packed.actual : diff_apart.actual,
                                  diff_packed_key, diff_packed_key + hidden};
  CHECK_OK(backend->operations->attention_backward(backend, shape, input, kept.actual,
                                                   diff_dst.actual, diff));
  gather(queries, hidden, diff.query, query_stride, diff_query.actual);
  gather(keys, hidden, diff.key, key_stride, diff_key.actual);
  gather(keys, hidden, diff.value, key_stride, diff_value.actual);
  reference_attention_backward(shape, expected, diff_dst.expected,
                               (reference_attention_diff){diff_query.expected, diff_key.expected,
                                                          diff_value.expected});
  array_check("diff_query", diff_query, hidden, tolerance, 1.0);
  array_check("diff_key", diff_key, hidden, tolerance, magnitude);
  array_check("diff_value", diff_value, hidden, tolerance, 1.0);
  if (!joined) { /* what lies between the rows is nobody's */
    for (size_t r = 0; r < queries; r++) {
      for (size_t c = hidden; c < query_stride; c++) {
        CHECK(isnan(diff_apart.actual[r * query_stride + c]), "gap of diff query written");
      }
    }
  }
  arrays_free();
}

static void check_shapes(s3_backend *backend) {
  static const size_t head_sizes[] = {1, 5, 8, 32}, head_counts[] = {1, 2, 3};
  for (size_t i = 0; i < 4 * 3 * 3 * 2 * 2; i++) {
    const size_t head_size = head_sizes[i % 4], heads = head_counts[i / 4 % 3];
    const queries kind = (queries)(i / 12 % 3);
    const bool causal = i / 36 % 2, drop = i / 72 % 2;
    batch b;
    make_batch(&b, 12, heads, head_size, kind, causal, 0.5 * drop);
    test_at("head size %zu, heads %zu, queries %d, causal %d, dropout %d", head_size, heads,
            (int)kind, causal, drop);
    check_attention(backend, &b, 1.0, 3e-6);
  }
}

START_TEST(shapes) { for_each_backend(check_shapes); }
END_TEST

static void check_lengths(s3_backend *backend) {
  for (int i = 0; i < 4; i++) {
    batch b;
    make_batch(&b, MAX_SEQUENCES, 2, 8, i % 2 == 0 ? QUERIES_ALL : QUERIES_LAST, i / 2, 0.5);
    test_at("all lengths, queries %d, causal %d", i % 2, i / 2);
    check_attention(backend, &b, 1.0, 3e-6);
  }
}

START_TEST(lengths) { for_each_backend(check_lengths); }
END_TEST

/* Logits reach +-80: one probability is nearly 1, others vanish. A logit's own
 * rounding, 80 * 2^-24 and some for the sum, shifts probabilities by as much. */
static void check_large(s3_backend *backend) {
  for (int i = 0; i < 4; i++) {
    batch b;
    make_batch(&b, 12, 2, 32, i % 2 == 0 ? QUERIES_ALL : QUERIES_MIXED, i / 2, 0.0);
    test_at("large logits, queries %d, causal %d", i % 2, i / 2);
    check_attention(backend, &b, 25.0, 4e-5);
  }
}

START_TEST(large_logits) { for_each_backend(check_large); }
END_TEST

static void check_none(s3_backend *backend) {
  batch b;
  memset(&b, 0, sizeof b);
  b.shape = (s3_attention_shape){.key_offsets = b.keys, .query_offsets = b.queries,
                                 .probability_offsets = b.kept, .heads = 2, .head_size = 8,
                                 .max_seq_length = MAX_LENGTH};
  test_at("no sequence");
  check_attention(backend, &b, 1.0, 0.0);
}

START_TEST(no_sequences) { for_each_backend(check_none); }
END_TEST

TEST_SUITE(backend_attention) {
  TCase *cases = tcase_create("attention");
  tcase_add_test(cases, shapes);
  tcase_add_test(cases, lengths);
  tcase_add_test(cases, large_logits);
  tcase_add_test(cases, no_sequences);
  test_add_cases(suite, cases, NULL);
}
