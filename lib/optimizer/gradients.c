/* SPDX-License-Identifier: Apache-2.0 */
#include "optimizer/gradients.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "optimizer/tree_sum.h"

/* Pieces of work, fixed so that sums do not depend on the threads. */
enum { DENSE_PIECE = 16384, ITEM_PIECE = 2048 /* rows */, TOUCHED_PIECE = 256 /* rows */ };

static size_t pieces_of(size_t count, size_t piece) { return (count + piece - 1) / piece; }

static size_t dense_pieces(const s3_gradients *g) { return pieces_of(g->dense_count, DENSE_PIECE); }

static size_t item_pieces(const s3_gradients *g) { return pieces_of(g->item_size, ITEM_PIECE); }

static size_t end_of(size_t begin, size_t piece, size_t count) {
  return count - begin < piece ? count : begin + piece;
}

s3rec_status s3_gradients_create(const s3rec_context *context, const s3_parameter_table *table,
                                 size_t item_size, size_t hidden_size, size_t shard_count,
                                 s3_gradients *g) {
  *g = (s3_gradients){.context = context,
                      .table = table,
                      .dense_count = table->float_count - table->dense_begin,
                      .item_size = item_size,
                      .hidden_size = hidden_size,
                      .items = {.context = context, .width = hidden_size}};
  g->shards = s3_allocate(context, shard_count, sizeof *g->shards);
  g->row_of = s3_allocate(context, item_size, sizeof *g->row_of);
  g->square_sums = s3_allocate(context, dense_pieces(g) + item_pieces(g), sizeof *g->square_sums);
  bool complete = g->shards != NULL && g->row_of != NULL && g->square_sums != NULL;
  for (size_t s = 0; complete && s < shard_count; s++) {
    g->shards[s].items = (s3_item_rows){.context = context, .width = hidden_size};
    g->shards[s].dense = s3_allocate(context, g->dense_count, sizeof *g->dense);
    g->shard_count = s + 1;
    complete = g->shards[s].dense != NULL;
  }
  if (complete) {
    g->dense = g->shards[0].dense;
    return S3REC_OK;
  }
  s3_gradients_destroy(g);
  return S3REC_ERROR_MEMORY;
}

void s3_gradients_destroy(s3_gradients *g) {
  for (size_t s = 0; s < g->shard_count; s++) {
    s3_free(g->context, g->shards[s].dense);
    s3_item_rows_free(&g->shards[s].items);
  }
  s3_free(g->context, g->shards);
  s3_item_rows_free(&g->items);
  s3_free(g->context, g->row_of);
  s3_free(g->context, g->touched);
  s3_free(g->context, g->links);
  s3_free(g->context, g->square_sums);
  *g = (s3_gradients){.context = NULL}; /* so that its owner may destroy it too */
}

size_t s3_gradients_memory(const s3_gradients *g) {
  size_t bytes = g->shard_count * g->dense_count * sizeof(float) +
                 g->item_size * sizeof *g->row_of + s3_item_rows_memory(&g->items) +
                 g->touched_capacity * sizeof *g->touched + g->links_capacity * sizeof *g->links;
  for (size_t s = 0; s < g->shard_count; s++) bytes += s3_item_rows_memory(&g->shards[s].items);
  return bytes;
}

void s3_gradients_begin_shard(s3_gradients *g, size_t shard, uint32_t *row_of) {
  s3_shard_gradients *s = &g->shards[shard];
  s->used = true;
  memset(s->dense, 0, g->dense_count * sizeof *s->dense);
  s3_item_rows_begin(&s->items, row_of);
}

static s3rec_status square_job(void *argument, size_t piece, size_t worker) {
  (void)worker;
  s3_gradients *g = argument;
  const s3_kernels *kernels = g->context->kernels;
  const size_t dense = dense_pieces(g), hidden = g->hidden_size;
  if (piece < dense) {
    const size_t begin = piece * DENSE_PIECE;
    g->square_sums[piece] =
        kernels->square_sum(end_of(begin, DENSE_PIECE, g->dense_count) - begin, g->dense + begin);
    return S3REC_OK;
  }
  const size_t rows = g->item_table != NULL ? g->item_size : g->items.count;
  const float *values = g->item_table != NULL ? g->item_table : g->items.rows;
  const size_t begin = (piece - dense) * ITEM_PIECE;
  g->square_sums[piece] =
      begin >= rows ? 0.0
                    : kernels->square_sum((end_of(begin, ITEM_PIECE, rows) - begin) * hidden,
                                          values + begin * hidden);
  return S3REC_OK;
}

s3rec_status s3_gradients_measure(s3_gradients *g, s3_thread_pool *pool) {
  const size_t pieces = dense_pieces(g) + item_pieces(g);
  S3_TRY(s3_thread_pool_run(pool, pieces, square_job, g));
  double sum = 0.0;
  for (size_t i = 0; i < pieces; i++) sum += g->square_sums[i];
  g->norm = sqrt(sum);
  return S3REC_OK;
}

/* Room for the links and the list of all items that the used shards and so many rows
 * without a shard may touch; *most is their number. */
static s3rec_status reserve_touched(s3_gradients *g, size_t shardless_count, size_t *most) {
  size_t links = 0;
  for (size_t s = 0; s < g->shard_count; s++) {
    if (g->shards[s].used) links += g->shards[s].items.count;
  }
  *most = shardless_count + links;
  if (*most > g->item_size) *most = g->item_size;
  S3_TRY(s3_grow(g->context, (void **)&g->links, &g->links_capacity, links, sizeof *g->links));
  return s3_grow(g->context, (void **)&g->touched, &g->touched_capacity, *most, sizeof *g->touched);
}

s3rec_status s3_gradients_reserve(s3_gradients *g, size_t count) {
  size_t most;
  S3_TRY(reserve_touched(g, count, &most));
  return s3_item_rows_reserve(&g->items, most);
}

static s3_touched_item *touch_item(s3_gradients *g, int32_t id) {
  if (g->row_of[id] == 0) {
    g->touched[g->touched_count++] = (s3_touched_item){.id = id};
    g->row_of[id] = (uint32_t)g->touched_count;
  }
  return &g->touched[g->row_of[id] - 1];
}

/* Lists the items that were touched, and links the rows of each. */
static s3rec_status list_touched_items(s3_gradients *g, const s3_item_rows *shardless_rows) {
  const size_t shardless_count = shardless_rows == NULL ? 0 : shardless_rows->count;
  size_t most;
  S3_TRY(reserve_touched(g, shardless_count, &most));
  for (size_t i = 0; i < shardless_count; i++) touch_item(g, shardless_rows->ids[i]);
  uint32_t link = 0;
  for (size_t s = 0; s < g->shard_count; s++) {
    const s3_item_rows *items = &g->shards[s].items;
    for (size_t i = 0; g->shards[s].used && i < items->count; i++) {
      s3_touched_item *item = touch_item(g, items->ids[i]);
      g->links[link++] = (s3_row_link){.shard = (uint32_t)s, .row = (uint32_t)i};
      if (item->first_link == 0) {
        item->first_link = link;
      } else {
        g->links[item->last_link - 1].next_link = link;
      }
      item->last_link = link;
    }
  }
  return S3REC_OK;
}

static void sum_item(s3_gradients *g, size_t place) {
  const s3_kernels *kernels = g->context->kernels;
  const size_t width = g->hidden_size;
  const s3_touched_item *item = &g->touched[place];
  s3_tree_sum tree = s3_tree_sum_begin(kernels, width);
  for (uint32_t n = item->first_link; n != 0; n = g->links[n - 1].next_link) {
    const s3_row_link *link = &g->links[n - 1];
    s3_tree_sum_add(&tree, link->shard, g->shards[link->shard].items.rows + link->row * width);
  }
  const float *sum = s3_tree_sum_end(&tree);
  if (g->item_table != NULL) {
    kernels->add(width, sum, g->item_table + (size_t)item->id * width);
    return;
  }
  float *dst = g->items.rows + place * width;
  const s3_item_rows *shardless = g->shardless_rows;
  if (shardless == NULL || place >= shardless->count) {
    memcpy(dst, sum, width * sizeof *dst);
    return;
  }
  memcpy(dst, shardless->rows + place * width, width * sizeof *dst);
  if (sum != NULL) kernels->add(width, sum, dst);
}

/* Sums one piece of the dense gradients, or of the touched items. */
static s3rec_status sum_job(void *argument, size_t piece, size_t worker) {
  (void)worker;
  s3_gradients *g = argument;
  const size_t dense = dense_pieces(g);
  if (piece < dense) {
    const size_t begin = piece * DENSE_PIECE;
    s3_tree_sum tree =
        s3_tree_sum_begin(g->context->kernels, end_of(begin, DENSE_PIECE, g->dense_count) - begin);
    for (size_t s = 0; s < g->shard_count; s++) {
      if (g->shards[s].used) s3_tree_sum_add(&tree, s, g->shards[s].dense + begin);
    }
    s3_tree_sum_end(&tree);
    return S3REC_OK;
  }
  const size_t begin = (piece - dense) * TOUCHED_PIECE;
  const size_t end = end_of(begin, TOUCHED_PIECE, g->touched_count);
  for (size_t place = begin; place < end; place++) sum_item(g, place);
  return S3REC_OK;
}

/* The memory in which the dense sum ends. */
static float *begin_dense_sum(s3_gradients *g) {
  for (size_t s = 0; s < g->shard_count; s++) {
    if (g->shards[s].used) return g->shards[s].dense;
  }
  return memset(g->shards[0].dense, 0, g->dense_count * sizeof *g->dense);
}

s3rec_status s3_gradients_reduce(s3_gradients *g, float *item_table, const s3_item_rows *rows,
                                 s3_thread_pool *pool) {
  for (size_t i = 0; i < g->touched_count; i++) g->row_of[g->touched[i].id] = 0;
  g->touched_count = g->items.count = 0;
  S3_TRY(list_touched_items(g, rows));
  g->dense = begin_dense_sum(g);
  g->item_table = item_table;
  g->shardless_rows = rows;
  if (item_table != NULL) {
    const size_t width = g->hidden_size;
    memset(item_table, 0, width * sizeof *item_table);
    memset(item_table + (g->item_size - 1) * width, 0, width * sizeof *item_table);
  } else {
    S3_TRY(s3_item_rows_reserve(&g->items, g->touched_count));
    g->items.count = g->touched_count;
    for (size_t i = 0; i < g->touched_count; i++) g->items.ids[i] = g->touched[i].id;
  }
  S3_TRY(s3_thread_pool_run(pool, dense_pieces(g) + pieces_of(g->touched_count, TOUCHED_PIECE),
                            sum_job, g));
  g->shardless_rows = NULL;
  return s3_gradients_measure(g, pool);
}

s3rec_status s3_gradients_check(const s3_gradients *g) {
  if (g->norm < S3_LARGEST_GRADIENT) return S3REC_OK;
  return s3_fail(S3REC_ERROR_NUMERIC, "the norm of the gradient is not below 1e18");
}

void s3_gradients_read(const s3_gradients *g, const s3_parameter *parameter, float *values) {
  if (parameter->offset >= g->table->dense_begin) {
    memcpy(values, s3_dense_at(g->table, g->dense, parameter->offset),
           parameter->count * sizeof *values);
  } else if (g->item_table != NULL) {
    memcpy(values, g->item_table, parameter->count * sizeof *values);
  } else {
    memset(values, 0, parameter->count * sizeof *values);
    for (size_t i = 0; i < g->items.count; i++)
      memcpy(values + (size_t)g->items.ids[i] * g->hidden_size, g->items.rows + i * g->hidden_size,
             g->hidden_size * sizeof *values);
  }
}

void s3_gradients_write(s3_gradients *g, const s3_parameter *parameter, const float *values) {
  float *dst = parameter->offset >= g->table->dense_begin
                   ? s3_dense_at(g->table, g->dense, parameter->offset)
                   : g->item_table;
  memcpy(dst, values, parameter->count * sizeof *values);
  if (dst == g->item_table) memset(dst, 0, g->hidden_size * sizeof *dst);
}

typedef struct update {
  const s3_gradients *gradients;
  const s3_adam_step *step;
  bool finetune;
  float *weights, *moment1, *moment2;
} update;

static void apply_at(const update *u, size_t offset, size_t count, const float *gradient) {
  u->gradients->context->kernels->adam(count, u->step, gradient, u->weights + offset,
                                       u->moment1 + offset, u->moment2 + offset);
}

/* Rows of the item table: runs without a gradient in one call each. */
static void apply_items(const update *u, size_t begin, size_t end) {
  const s3_gradients *g = u->gradients;
  const size_t hidden = g->hidden_size, table = g->table->item_embeddings;
  if (g->item_table != NULL) {
    apply_at(u, table + begin * hidden, (end - begin) * hidden, g->item_table + begin * hidden);
    return;
  }
  for (size_t row = begin; row < end;) {
    const uint32_t found = g->row_of[row];
    size_t next = row + 1;
    if (found == 0)
      while (next < end && g->row_of[next] == 0) next++;
    apply_at(u, table + row * hidden, (next - row) * hidden,
             found == 0 ? NULL : g->items.rows + (found - 1) * hidden);
    row = next;
  }
}

/* True for the parameters that only pretraining uses. */
static bool is_pretraining_only(const s3_parameter_table *table, size_t offset) {
  bool only = offset == table->attribute_embeddings;
  for (int head = 0; head < S3_HEAD_COUNT; head++)
    only = only || offset == table->head_weight[head] || offset == table->head_bias[head];
  return only;
}

static s3rec_status apply_job(void *argument, size_t job, size_t worker) {
  (void)worker;
  const update *u = argument;
  const s3_gradients *g = u->gradients;
  if (job < item_pieces(g)) {
    const size_t begin = job * ITEM_PIECE;
    apply_items(u, begin, end_of(begin, ITEM_PIECE, g->item_size));
    return S3REC_OK;
  }
  const s3_parameter *parameter = &g->table->parameters[job - item_pieces(g)];
  if (parameter->offset < g->table->dense_begin) return S3REC_OK;
  if (u->finetune && is_pretraining_only(g->table, parameter->offset)) return S3REC_OK;
  apply_at(u, parameter->offset, parameter->count,
           s3_dense_at(g->table, g->dense, parameter->offset));
  return S3REC_OK;
}

s3rec_status s3_gradients_apply(const s3_gradients *gradients, const s3_adam_step *step,
                                bool finetune, float *weights, float *moment1, float *moment2,
                                s3_thread_pool *pool) {
  update u = {gradients, step, finetune, weights, moment1, moment2};
  return s3_thread_pool_run(pool, item_pieces(gradients) + gradients->table->count, apply_job, &u);
}
