/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of scoring that look at many items, at every level, against plain loops. */
#include <float.h>
#include <math.h>

#include "backend_fixture.h"

/* Gathered rows have the bits of the same rows in place. */
static void check_gathered(const s3_kernels *kernels) {
  enum { ROWS = 30, MOST = 11 };
  static const size_t widths[] = {1, 3, 8, 16, 17, 64, 70};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    const size_t width = widths[i];
    const array table = array_random(ROWS * width, 1.0), vector = array_random(width, 1.0);
    float all[ROWS], some[MOST];
    kernels->matrix_vector(ROWS, width, table.actual, vector.actual, all);
    for (size_t count = 0; count <= MOST; count++) {
      int32_t ids[MOST];
      for (size_t j = 0; j < count; j++) ids[j] = (int32_t)random_below(ROWS);
      kernels->gathered_products(count, width, table.actual, ids, vector.actual, some);
      for (size_t j = 0; j < count; j++) {
        CHECK(memcmp(&some[j], &all[ids[j]], sizeof *some) == 0, "width %zu, %zu of %zu", width,
              j, count);
      }
    }
    arrays_free();
  }
}

START_TEST(gathered_products) { for_each_level(check_gathered); }
END_TEST

static void check_select_rows(const s3_kernels *kernels) {
  enum { ROWS = 40 };
  for (size_t columns = 16; columns <= 64; columns += 16) {
    const array values = array_random(ROWS * columns, 1.0);
    const array thresholds = array_constant(columns, 2.8f);
    thresholds.actual[1] = INFINITY;
    thresholds.actual[3] = NAN; /* every row passes there; row 0 alone below */
    values.actual[5 * columns + columns - 1] = NAN;
    for (int round = 0; round < 2; round++) {
      uint32_t indices[ROWS];
      size_t expected = 0;
      const size_t selected = kernels->select_rows(ROWS, columns, values.actual,
                                                   thresholds.actual, indices);
      for (size_t r = 0; r < ROWS; r++) {
        bool any = false;
        for (size_t c = 0; c < columns; c++) {
          any = any || !(values.actual[r * columns + c] <= thresholds.actual[c]);
        }
        if (!any) continue;
        CHECK(expected < selected && indices[expected] == r, "columns %zu: row %zu", columns, r);
        expected++;
      }
      CHECK(selected == expected && selected > 0, "columns %zu: %zu rows", columns, selected);
      CHECK(round == 0 ? selected == ROWS : selected < ROWS, "columns %zu", columns);
      thresholds.actual[3] = 2.8f;
    }
    arrays_free();
  }
}

START_TEST(select_rows) { for_each_level(check_select_rows); }
END_TEST

static void check_maxima(const s3_kernels *kernels) {
  enum { GROUP = S3_GROUP_VALUES };
  for (size_t groups = 0; groups < 9; groups++) {
    const array values = array_random(groups * GROUP, 1.0), maxima = array_constant(groups, NAN);
    for (size_t g = 0; g < groups; g++) values.actual[g * GROUP + g] = g % 4 == 0 ? -INFINITY : 9;
    kernels->group_maxima(groups, values.actual, maxima.actual);
    for (size_t g = 0; g < groups; g++) {
      float largest = -INFINITY;
      for (size_t i = 0; i < GROUP; i++) largest = fmaxf(largest, values.actual[g * GROUP + i]);
      CHECK(maxima.actual[g] == largest, "group %zu of %zu", g, groups);
    }
    arrays_free();
  }
  for (size_t count = 16; count <= 144; count += 16) {
    const array values = array_random(count, 1.0);
    /* Two equal maxima: the first one is meant. */
    const size_t place = random_below((uint32_t)count);
    const size_t again = place + random_below((uint32_t)(count - place));
    values.actual[place] = values.actual[again] = 100.0f;
    CHECK(kernels->index_of_largest(count, values.actual) == place, "count %zu", count);
    for (size_t i = 0; i < count; i++) values.actual[i] = -INFINITY;
    CHECK(kernels->index_of_largest(count, values.actual) == 0, "count %zu", count);
    arrays_free();
  }
}

START_TEST(maxima) { for_each_level(check_maxima); }
END_TEST

enum { MOST_WIDTH = 70, MOST_ROWS = 150, USERS = 7 };
enum { BLOCK = S3_BLOCK_ITEMS, MOST_BLOCKS = (MOST_ROWS + BLOCK - 1) / BLOCK };
static uint8_t bytes[MOST_BLOCKS * BLOCK * 72];
static uint32_t pairs[MOST_BLOCKS * BLOCK * (MOST_WIDTH + 1) / 2];
static float scales[MOST_BLOCKS * BLOCK], bounds[USERS * MOST_BLOCKS * BLOCK];

/* What the bytes of an item stand for. */
static int32_t level_of(size_t groups, size_t row, size_t column) {
  return bytes[((row / BLOCK * groups + column / 4) * BLOCK + row % BLOCK) * 4 + column % 4] - 128;
}

static void check_int8_width(const s3_kernels *kernels, size_t rows, size_t width) {
  const size_t groups = (width + 3) / 4;
  const size_t blocks = (rows + BLOCK - 1) / BLOCK, stride = blocks * BLOCK;
  const array table = array_random(rows * width, 2.0);
  float magnitude = 0, residual = 0;
  double largest = 0, error = 0;
  memset(bytes, 7, sizeof bytes);
  memset(scales, 0, sizeof scales);
  test_at("int8, rows %zu, width %zu", rows, width);
  kernels->int8_quantize(rows, width, table.actual, bytes, scales, &magnitude, &residual);
  for (size_t r = 0; r < rows; r++) {
    double square = 0, difference = 0;
    for (size_t c = 0; c < width; c++) {
      const double q = level_of(groups, r, c);
      const double rest = table.expected[r * width + c] / (double)scales[r] - q;
      CHECK(fabs(q) <= 127 && fabs(rest) <= 0.5001, "row %zu, column %zu: %g and %g", r, c, q,
            rest);
      square += q * q;
      difference += rest * rest;
    }
    largest = fmax(largest, square);
    error = fmax(error, difference);
    for (size_t c = width; c < 4 * groups; c++) CHECK(level_of(groups, r, c) == 0, "row %zu", r);
  }
  CHECK(fabs(magnitude - largest) <= 1e-5 * largest, "magnitude %g, not %g", magnitude, largest);
  CHECK(fabs(residual - error) <= 1e-3 * error + 1e-6, "residual %g, not %g", residual, error);

  int8_t levels[USERS][72] = {{0}};
  s3_bound_user users[USERS];
  for (size_t u = 0; u < USERS; u++) {
    int32_t sum = 0;
    for (size_t c = 0; c < width; c++) {
      /* The first user holds the extremes, where products fill their 16 bits. */
      levels[u][c] = (int8_t)(u == 0 ? (c % 3 == 0 ? -63 : 63) : (int)random_below(127) - 63);
      sum += levels[u][c];
    }
    users[u] = (s3_bound_user){.bytes = levels[u],
                               .offset = -128 * sum,
                               .scale = 0.01f * (float)(u + 1),
                               .slack = 3.0f};
  }
  kernels->int8_bounds(blocks, groups, bytes, scales, USERS, users, stride, bounds);
  for (size_t u = 0; u < USERS; u++) {
    for (size_t r = 0; r < rows; r++) {
      int32_t product = 0;
      for (size_t c = 0; c < width; c++) product += level_of(groups, r, c) * levels[u][c];
      const double expected = (product * (double)users[u].scale + 3.0) * (double)scales[r];
      const float actual = bounds[u * stride + r];
      CHECK(fabs(actual - expected) <= 1e-6 * (fabs(expected) + 3.0 * (double)scales[r]),
            "user %zu, row %zu: %.9g, not %.9g", u, r, actual, expected);
    }
  }
  arrays_free();
}

static void check_bf16_width(const s3_kernels *kernels, size_t rows, size_t width) {
  const size_t groups = (width + 1) / 2;
  const size_t blocks = (rows + BLOCK - 1) / BLOCK, stride = blocks * BLOCK;
  const array table = array_random(rows * width, 2.0);
  const array vectors = array_random(USERS * groups * 2, 1.0);
  for (size_t c = 0; c < width; c++) { /* zeros, and neighbours of very different size */
    table.actual[c] *= c % 3 == 0 ? 0.0f : c % 3 == 1 ? 1e-9f : 1e9f;
    table.expected[c] = table.actual[c];
  }
  memset(pairs, 0, sizeof pairs);
  test_at("bf16, rows %zu, width %zu", rows, width);
  kernels->bf16_quantize(rows, width, table.actual, pairs);
  s3_bound_user users[USERS];
  for (size_t u = 0; u < USERS; u++) {
    users[u] = (s3_bound_user){.vector = vectors.actual + u * groups * 2, .slack = (float)u};
  }
  kernels->bf16_bounds(blocks, groups, pairs, USERS, users, stride, bounds);
  for (size_t u = 0; u < USERS; u++) {
    for (size_t r = 0; r < rows; r++) {
      double expected = (double)u, terms = (double)u;
      for (size_t c = 0; c < width; c++) {
        uint32_t word = pairs[(r / BLOCK * groups + c / 2) * BLOCK + r % BLOCK];
        if (c % 2 == 1) word <<= 16;
        float half;
        memcpy(&half, &word, sizeof half);
        const double exact = table.expected[r * width + c];
        CHECK(fabs((double)half - exact) <= fabs(exact) * 0x1p-8 + 1e-40, "row %zu: %g for %g", r,
              half, exact);
        expected += (double)half * vectors.expected[u * groups * 2 + c];
        terms += fabs((double)half * vectors.expected[u * groups * 2 + c]);
      }
      CHECK(fabs(bounds[u * stride + r] - expected) <= 8e-6 * terms,
            "user %zu, row %zu: %.9g, not %.9g", u, r, bounds[u * stride + r], expected);
    }
  }
  arrays_free();
}

static void check_bounds(const s3_kernels *kernels) {
  static const size_t rows[] = {1, 15, 16, 17, 63, 80, MOST_ROWS};
  static const size_t widths[] = {1, 4, 6, 16, 20, 64, MOST_WIDTH};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (size_t j = 0; j < sizeof widths / sizeof *widths; j++) {
      check_int8_width(kernels, rows[i], widths[j]);
      check_bf16_width(kernels, rows[i], widths[j]);
    }
  }
}

START_TEST(compact_tables) { for_each_level(check_bounds); }
END_TEST

TEST_SUITE(kernels_scan) {
  TCase *cases = tcase_create("scan");
  tcase_add_test(cases, gathered_products);
  tcase_add_test(cases, select_rows);
  tcase_add_test(cases, maxima);
  tcase_add_test(cases, compact_tables);
  test_add_cases(suite, cases, NULL);
}
