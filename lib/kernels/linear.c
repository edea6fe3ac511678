/* SPDX-License-Identifier: Apache-2.0 */
/* A linear layer over weights in panels (model/panels.h):
 *
 *   dst [rows, out] = src [rows, in] W^T + bias
 *
 * A tile of some rows and panels is summed in registers, input by input: the
 * vectors of the panels times one number of each row. An element of dst is the
 * same sum in the same order in whatever tile it is, so a row has the same bits
 * whatever rows it stands among.
 *
 * The loops around the tiles keep what they share in the caches: the panels of a
 * group of tiles in the first level, for which long rows are summed in parts of
 * INPUTS, with the sums in dst between them; a chunk of rows in the second. */
#include "kernels/level.h"

#include "model/panels.h"

enum { PARTS = S3_PANEL_WIDTH / S3_LANES, INPUTS = 256, CHUNK_ROWS = 128, GROUP_PANELS = 2 };

/* A tile has at most TILE_ROWS rows, and as many panels as the registers hold sums
 * of; few rows need more panels to hide the latency of a sum. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 8, MOST_PANELS = 4 };
#define TILE_PANELS(rows) ((rows) <= 3 ? 4 : 2)
#elif defined(__AVX__)
enum { TILE_ROWS = 6, MOST_PANELS = 4 };
#define TILE_PANELS(rows) ((rows) == 1 ? 4 : (rows) <= 3 ? 2 : 1)
#else
enum { TILE_ROWS = 2, MOST_PANELS = 2 };
#define TILE_PANELS(rows) ((rows) == 1 ? 2 : 1)
#endif

/* Sums become registers only once the loops over them are gone. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef struct operands {
  const float *src, *panels;
  size_t inputs, src_stride, panel_stride;
  const float *from; /* what the sums begin with: a row of bias, or dst itself */
  size_t from_stride;
  float *dst;
  size_t dst_stride;
} operands;

/* `rows` and `panels` are constants in every call: the sums are registers. */
static inline __attribute__((always_inline)) void tile(size_t rows, size_t panels,
                                                       const operands *o) {
  s3_vector sums[TILE_ROWS][MOST_PANELS * PARTS], weights[MOST_PANELS * PARTS];
  const size_t vectors = panels * PARTS;
  UNROLL
  for (size_t r = 0; r < rows; r++)
    UNROLL
    for (size_t v = 0; v < vectors; v++)
      sums[r][v] = s3_load(o->from + r * o->from_stride + v * S3_LANES);
  const float *src = o->src, *panel = o->panels;
  const size_t src_stride = o->src_stride, panel_stride = o->panel_stride;
  for (size_t i = 0; i < o->inputs; i++, src++, panel += S3_PANEL_WIDTH) {
    UNROLL
    for (size_t v = 0; v < vectors; v++)
      weights[v] = s3_load(panel + v / PARTS * panel_stride + v % PARTS * S3_LANES);
    UNROLL
    for (size_t r = 0; r < rows; r++) {
      const float x = src[r * src_stride];
      UNROLL
      for (size_t v = 0; v < vectors; v++) sums[r][v] += x * weights[v];
    }
  }
  UNROLL
  for (size_t r = 0; r < rows; r++)
    UNROLL
    for (size_t v = 0; v < vectors; v++)
      s3_store(o->dst + r * o->dst_stride + v * S3_LANES, sums[r][v]);
}

/* `panels` is TILE_PANELS(rows) or 1. */
static void run_tile(size_t rows, size_t panels, const operands *o) {
  switch (rows) {
#define TILE(n)                     \
  case n:                           \
    if (panels == 1)                \
      tile(n, 1, o);                \
    else                            \
      tile(n, TILE_PANELS(n), o);   \
    break;
    TILE(1)
    TILE(2)
#if defined(__AVX__)
    TILE(3)
    TILE(4)
    TILE(5)
    TILE(6)
#endif
#if defined(__AVX512F__)
    TILE(7)
    TILE(8)
#endif
#undef TILE
  }
}

/* `columns` of a last, narrower panel exist: through copies with whole rows. */
static void run_narrow_tile(size_t rows, size_t columns, operands o) {
  float from[TILE_ROWS * S3_PANEL_WIDTH] = {0}, dst[TILE_ROWS * S3_PANEL_WIDTH];
  operands whole = o;
  whole.from = from;
  whole.dst = dst;
  whole.from_stride = whole.dst_stride = S3_PANEL_WIDTH;
  for (size_t r = 0; r < rows; r++)
    memcpy(from + r * S3_PANEL_WIDTH, o.from + r * o.from_stride, columns * sizeof *from);
  run_tile(rows, 1, &whole);
  for (size_t r = 0; r < rows; r++)
    memcpy(o.dst + r * o.dst_stride, dst + r * S3_PANEL_WIDTH, columns * sizeof *dst);
}

/* The tiles of up to TILE_ROWS rows over `columns` columns. */
static void run_columns(size_t rows, size_t columns, operands o) {
  while (columns >= S3_PANEL_WIDTH) {
    const size_t most = TILE_PANELS(rows);
    const size_t panels = columns >= most * S3_PANEL_WIDTH ? most : 1;
    const size_t width = panels * S3_PANEL_WIDTH;
    run_tile(rows, panels, &o);
    columns -= width;
    o.panels += panels * o.panel_stride;
    o.from += width;
    o.dst += width;
  }
  if (columns > 0) run_narrow_tile(rows, columns, o);
}

/* All rows of a chunk, in tiles of nearly the same size. */
static void run_rows(size_t rows, size_t columns, operands o) {
  for (size_t blocks = (rows + TILE_ROWS - 1) / TILE_ROWS; blocks > 0; blocks--) {
    const size_t count = (rows + blocks - 1) / blocks;
    run_columns(count, columns, o);
    rows -= count;
    o.src += count * o.src_stride;
    o.from += count * o.from_stride;
    o.dst += count * o.dst_stride;
  }
}

static void run_chunk(size_t rows, size_t in, size_t out, const float *src,
                      const float *panels, const float *bias, float *dst, size_t dst_stride) {
  static const float zeros[MOST_PANELS * S3_PANEL_WIDTH];
  const size_t panel_stride = in * S3_PANEL_WIDTH;
  /* One block of rows finds nothing in the cache that another left. */
  const size_t group = (rows <= TILE_ROWS ? MOST_PANELS : GROUP_PANELS) * S3_PANEL_WIDTH;
  for (size_t i = 0; i < in; i += INPUTS) {
    for (size_t column = 0; column < out; column += group) {
      operands o = {.src = src + i,
                    .panels = panels + column * in + i * S3_PANEL_WIDTH,
                    .inputs = in - i < INPUTS ? in - i : INPUTS,
                    .src_stride = in,
                    .panel_stride = panel_stride,
                    .from = bias != NULL ? bias + column : zeros,
                    .dst = dst + column,
                    .dst_stride = dst_stride};
      if (i > 0) {
        o.from = o.dst;
        o.from_stride = dst_stride;
      }
      run_rows(rows, out - column < group ? out - column : group, o);
    }
  }
}

void S3_NAME(linear_panels)(size_t rows, size_t in, size_t out, const float *src,
                            const float *panels, const float *bias, float *dst,
                            size_t dst_stride) {
  for (size_t r = 0; r < rows; r += CHUNK_ROWS)
    run_chunk(rows - r < CHUNK_ROWS ? rows - r : CHUNK_ROWS, in, out, src + r * in, panels, bias,
              dst + r * dst_stride, dst_stride);
}
