/* SPDX-License-Identifier: Apache-2.0 */
/* Products of matrices, and linear layers over weights in panels (model/panels.h):
 *
 *   product         C [m, n] = op(A) op(B), or C += op(A) op(B)
 *   linear_panels   dst [rows, out] = src [rows, in] W^T + bias
 *
 * A tile of some rows and panels of 16 columns is summed in registers, input by input:
 * the vectors of the panels times one number of each row. An element is the same sum in
 * the same order in whatever tile it is: it begins with C, bias or 0, and its products
 * are added one by one, from the first to the last. So a row has the same bits whatever
 * rows it stands among, and levels that fuse multiply and add have the same bits.
 *
 * The loops around the tiles keep what they share in the caches: the panels of a group of
 * tiles in the first level, for which long rows are summed in parts, with the sums in C
 * between them; a chunk of rows in the second. A plain B is read where it is, each row a
 * piece of its panels. A transposed one is first laid out in panels, part by part, in
 * memory of the caller. */
#include "kernels/level.h"

#include "model/panels.h"

enum { WIDTH = S3_PANEL_WIDTH, PARTS = WIDTH / S3_LANES, MOST_PANELS = 4, CHUNK_ROWS = 256 };

/* Inputs of a part. The rows of a wide B share few sets of the first cache. */
enum { INPUTS = S3_PRODUCT_SCRATCH / (MOST_PANELS * WIDTH), WIDEST_PLAIN = 256 };

/* Up to MOST_ROWS rows are one tile, more are tiles of up to TILE_ROWS. A tile has as many
 * panels as the registers hold sums of; few rows need more panels to hide the latency of
 * a sum. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 6, MOST_ROWS = 8 };
static inline size_t tile_panels(size_t rows) { return rows <= TILE_ROWS ? 4 : 2; }
#elif defined(__AVX__)
enum { TILE_ROWS = 6, MOST_ROWS = 6 };
static inline size_t tile_panels(size_t rows) { return rows == 1 ? 4 : rows <= 3 ? 2 : 1; }
#else
enum { TILE_ROWS = 2, MOST_ROWS = 2 };
static inline size_t tile_panels(size_t rows) { return rows == 1 ? 2 : 1; }
#endif

/* Sums become registers only once the loops over them are gone. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* What the sums of any tile can begin with. */
static const float zeros[MOST_PANELS * WIDTH];

/* Where a block of tiles reads and writes. Number i of row r is src[r src_stride + i], or
 * transposed src[i src_stride + r]. */
typedef struct operands {
  const float *src, *panels;
  bool transposed;
  size_t inputs, src_stride;
  size_t panel_stride, panel_step; /* between panels, and between their inputs */
  const float *from; /* what the sums begin with: a row of bias, or dst itself */
  size_t from_stride;
  float *dst;
  size_t dst_stride;
} operands;

/* `rows`, `panels` and `transposed` are constants in every call: the sums are registers. */
static inline __attribute__((always_inline)) void tile(size_t rows, size_t panels,
                                                       bool transposed, const operands *o) {
  s3_vector sums[MOST_ROWS][MOST_PANELS * PARTS], weights[MOST_PANELS * PARTS];
  const size_t vectors = panels * PARTS;
  UNROLL
  for (size_t r = 0; r < rows; r++)
    UNROLL
    for (size_t v = 0; v < vectors; v++)
      sums[r][v] = s3_load(o->from + r * o->from_stride + v * S3_LANES);
  const float *src = o->src, *panel = o->panels;
  const size_t row_step = transposed ? 1 : o->src_stride, panel_stride = o->panel_stride;
  for (size_t i = 0; i < o->inputs; i++) {
    UNROLL
    for (size_t v = 0; v < vectors; v++)
      weights[v] = s3_load(panel + v / PARTS * panel_stride + v % PARTS * S3_LANES);
    UNROLL
    for (size_t r = 0; r < rows; r++) {
      const float x = src[r * row_step];
      UNROLL
      for (size_t v = 0; v < vectors; v++) sums[r][v] += x * weights[v];
    }
    src += transposed ? o->src_stride : 1;
    panel += o->panel_step;
  }
  UNROLL
  for (size_t r = 0; r < rows; r++)
    UNROLL
    for (size_t v = 0; v < vectors; v++)
      s3_store(o->dst + r * o->dst_stride + v * S3_LANES, sums[r][v]);
}

static inline void skip_rows(size_t rows, operands *o) {
  o->src += rows * (o->transposed ? 1 : o->src_stride);
  if (o->from != NULL) o->from += rows * o->from_stride;
  o->dst += rows * o->dst_stride;
}

/* `count` tiles, one below the other. */
static inline __attribute__((always_inline)) void tiles(size_t rows, size_t panels,
                                                        bool transposed, size_t count,
                                                        const operands *first) {
  operands o = *first;
  o.transposed = transposed;
  for (; count > 0; count--) {
    tile(rows, panels, transposed, &o);
    skip_rows(rows, &o);
  }
}

static inline __attribute__((always_inline)) void tiles_of_form(size_t rows, size_t panels,
                                                           size_t count, const operands *o) {
  if (o->transposed)
    tiles(rows, panels, true, count, o);
  else
    tiles(rows, panels, false, count, o);
}

/* `panels` is tile_panels(rows), 2 or 1. */
static void multiply_tiles(size_t rows, size_t panels, size_t count, const operands *o) {
  switch (rows) {
#define TILES(n)                                  \
  case n:                                         \
    if (panels == 1)                              \
      tiles_of_form(n, 1, count, o);              \
    else if (panels == 2)                         \
      tiles_of_form(n, 2, count, o);              \
    else                                          \
      tiles_of_form(n, tile_panels(n), count, o); \
    break;
    TILES(1)
    TILES(2)
#if defined(__AVX__)
    TILES(3)
    TILES(4)
    TILES(5)
    TILES(6)
#endif
#if defined(__AVX512F__)
    TILES(7)
    TILES(8)
#endif
#undef TILES
  }
}

/* All rows in tiles of nearly the same size. */
static void multiply_rows(size_t rows, size_t panels, const operands *o) {
  if (rows <= MOST_ROWS) {
    multiply_tiles(rows, panels, 1, o);
    return;
  }
  const size_t count = (rows + TILE_ROWS - 1) / TILE_ROWS, least = rows / count;
  const size_t larger = rows - least * count;
  operands rest = *o;
  if (larger > 0) multiply_tiles(least + 1, panels, larger, o);
  skip_rows(larger * (least + 1), &rest);
  multiply_tiles(least, panels, count - larger, &rest);
}

/* `columns` of a last, narrower panel exist: through copies with whole rows. */
static void multiply_narrow_panel(size_t rows, size_t columns, operands o) {
  float from[TILE_ROWS * WIDTH] = {0}, dst[TILE_ROWS * WIDTH];
  for (size_t count; rows > 0; rows -= count) {
    count = rows < TILE_ROWS ? rows : TILE_ROWS;
    operands whole = o;
    whole.from = from;
    whole.dst = dst;
    whole.from_stride = whole.dst_stride = WIDTH;
    for (size_t r = 0; r < count; r++)
      memcpy(from + r * WIDTH, o.from + r * o.from_stride, columns * sizeof *from);
    multiply_tiles(count, 1, 1, &whole);
    for (size_t r = 0; r < count; r++)
      memcpy(o.dst + r * o.dst_stride, dst + r * WIDTH, columns * sizeof *dst);
    skip_rows(count, &o);
  }
}

/* Panels of the tiles next to each other, when `columns` are left. */
static size_t panels_at_once(size_t rows, size_t columns) {
  const size_t most = tile_panels(rows <= MOST_ROWS ? rows : TILE_ROWS), left = columns / WIDTH;
  return left >= most ? most : left >= 2 && most >= 2 ? 2 : 1;
}

static void multiply_columns(size_t rows, size_t columns, operands o) {
  while (columns >= WIDTH) {
    const size_t panels = panels_at_once(rows, columns), width = panels * WIDTH;
    multiply_rows(rows, panels, &o);
    columns -= width;
    o.panels += panels * o.panel_stride;
    if (o.from != zeros) o.from += width;
    o.dst += width;
  }
  if (columns > 0) multiply_narrow_panel(rows, columns, o);
}

/* B [k, n] and how it is stored. */
typedef struct right_factor {
  enum { IN_PANELS, PLAIN, TRANSPOSED } form;
  const float *values;
  size_t stride;  /* between panels, or between rows as stored */
  float *scratch; /* to lay it out in [S3_PRODUCT_SCRATCH]; NULL: it is read where it is */
} right_factor;

static inline __attribute__((always_inline)) void lay_out_square(size_t inputs, size_t columns,
                                                                 const float *values,
                                                                 size_t stride, float *panel) {
  s3_vector square[S3_LANES];
  UNROLL
  for (size_t c = 0; c < S3_LANES; c++)
    square[c] = c < columns ? s3_load_some(values + c * stride, inputs) : (s3_vector){0};
  s3_transpose_square(square);
  for (size_t i = 0; i < inputs; i++) s3_store(panel + i * WIDTH, square[i]);
}

/* A panel of the first columns of those that are left, zeros after them. The rows of the
 * next panel, which lie apart, come from memory meanwhile. */
static void lay_out_transposed_panel(size_t inputs, size_t columns, const float *values,
                                     size_t stride, float *panel) {
  for (size_t i = 0; i < inputs; i += S3_LANES) {
    for (size_t c = 0; c < WIDTH; c += S3_LANES) {
      const float *corner = values + c * stride + i;
      float *to = panel + i * WIDTH + c;
      if (columns >= 2 * WIDTH) {
        UNROLL
        for (size_t r = 0; r < S3_LANES; r++) __builtin_prefetch(corner + (WIDTH + r) * stride);
      }
      if (inputs - i >= S3_LANES && columns >= c + S3_LANES)
        lay_out_square(S3_LANES, S3_LANES, corner, stride, to);
      else
        lay_out_square(s3_lanes_left(inputs - i), columns > c ? columns - c : 0, corner, stride,
                       to);
    }
  }
}

static void lay_out_plain_panel(size_t inputs, size_t columns, const float *values, size_t stride,
                                float *panel) {
  for (size_t i = 0; i < inputs; i++, values += stride, panel += WIDTH) {
    if (columns >= WIDTH) {
      memcpy(panel, values, WIDTH * sizeof *panel);
    } else {
      memset(panel, 0, WIDTH * sizeof *panel);
      memcpy(panel, values, columns * sizeof *panel);
    }
  }
}

/* Lets `o` read the panels of `columns` columns from `column` on, inputs from `input` on;
 * `rest` columns are left in B. */
static void place_panels(const right_factor *b, size_t input, size_t column, size_t columns,
                         size_t rest, operands *o) {
  if (b->form == IN_PANELS) {
    o->panels = b->values + column / WIDTH * b->stride + input * WIDTH;
    o->panel_stride = b->stride;
    o->panel_step = WIDTH;
  } else if (b->scratch == NULL) {
    o->panels = b->values + input * b->stride + column;
    o->panel_stride = WIDTH;
    o->panel_step = b->stride;
  } else {
    o->panels = b->scratch;
    o->panel_stride = INPUTS * WIDTH;
    o->panel_step = WIDTH;
    for (size_t c = 0; c < columns; c += WIDTH) {
      float *panel = b->scratch + c / WIDTH * o->panel_stride;
      if (b->form == PLAIN)
        lay_out_plain_panel(o->inputs, columns - c, b->values + input * b->stride + column + c,
                            b->stride, panel);
      else
        lay_out_transposed_panel(o->inputs, rest - c,
                                 b->values + (column + c) * b->stride + input, b->stride, panel);
    }
  }
}

/* A chunk of rows; `all` has its first row, and the sums' beginning, NULL for zeros. */
static void multiply_chunk(size_t rows, size_t n, size_t k, const operands *all,
                      const right_factor *b) {
  /* One tile of rows finds nothing in the cache that another left. */
  const bool one_tile = rows <= MOST_ROWS && b->scratch == NULL;
  const size_t most = one_tile ? k : INPUTS, group = one_tile ? n : MOST_PANELS * WIDTH;
  for (size_t i = 0; i < k; i += most) {
    for (size_t column = 0; column < n; column += group) {
      const size_t columns = n - column < group ? n - column : group;
      operands o = *all;
      o.src += all->transposed ? i * all->src_stride : i;
      o.inputs = k - i < most ? k - i : most;
      o.dst += column;
      if (i > 0) {
        o.from = o.dst;
        o.from_stride = o.dst_stride;
      } else {
        o.from = o.from != NULL ? o.from + column : zeros;
      }
      place_panels(b, i, column, columns, n - column, &o);
      multiply_columns(rows, columns, o);
    }
  }
}

static void multiply_chunks(size_t rows, size_t n, size_t k, operands o, const right_factor *b) {
  for (size_t count; rows > 0; rows -= count) {
    count = rows < CHUNK_ROWS ? rows : CHUNK_ROWS;
    multiply_chunk(count, n, k, &o, b);
    skip_rows(count, &o);
  }
}

void S3_NAME(linear_panels)(size_t rows, size_t in, size_t out, const float *src,
                            const float *panels, const float *bias, float *dst,
                            size_t dst_stride) {
  const right_factor weights = {.form = IN_PANELS, .values = panels, .stride = in * WIDTH};
  const operands o = {.src = src,
                      .src_stride = in,
                      .from = bias,
                      .dst = dst,
                      .dst_stride = dst_stride};
  multiply_chunks(rows, out, in, o, &weights);
}

void S3_NAME(product)(s3_product_form form, size_t m, size_t n, size_t k, const float *a,
                      size_t lda, const float *b, size_t ldb, bool add, float *c, size_t ldc,
                      float *scratch) {
  const bool laid_out = form == S3_PRODUCT_NT || n % WIDTH != 0 ||
                        (ldb > WIDEST_PLAIN && m > MOST_ROWS);
  const right_factor right = {.form = form == S3_PRODUCT_NT ? TRANSPOSED : PLAIN,
                              .values = b,
                              .stride = ldb,
                              .scratch = laid_out ? scratch : NULL};
  const operands o = {.src = a,
                      .transposed = form == S3_PRODUCT_TN,
                      .src_stride = lda,
                      .from = add ? c : NULL,
                      .from_stride = add ? ldc : 0,
                      .dst = c,
                      .dst_stride = ldc};
  if (k == 0 && !add)
    for (size_t r = 0; r < m; r++) memset(c + r * ldc, 0, n * sizeof *c);
  multiply_chunks(m, n, k, o, &right);
}
