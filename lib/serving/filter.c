/* SPDX-License-Identifier: Apache-2.0 */
/* A filter is resolved by the first call that meets a new set of names: ids and names become one
 * set of item ids, which ranking reads in place. A few resolved ones are kept, because calls on
 * the old and on the new model overlap during an exchange. */
#include "serving/filter.h"

#include <string.h>

#include "base/error.h"

enum {
  KEPT = 4,           /* resolved filters that are kept although no call uses them */
  CANDIDATE_SHARE = 6 /* where one item of so many is allowed, or fewer, those are scored alone:
                       * beyond, a scan of all by bounds is faster */
};

s3rec_status s3_name_list_create(const s3rec_context *context, const char *const *names,
                                 size_t count, s3_name_list *list) {
  *list = (s3_name_list){.count = count};
  if (count == 0) return S3REC_OK;
  list->offsets = s3_allocate(context, count + 1, sizeof *list->offsets);
  if (list->offsets == NULL) return S3REC_ERROR_MEMORY;
  for (size_t i = 0; i < count; i++) {
    list->offsets[i + 1] = list->offsets[i] + (int64_t)strlen(names[i]);
  }
  list->text = s3_allocate_unset(context, (size_t)list->offsets[count], 1);
  if (list->text == NULL) {
    s3_name_list_free(context, list);
    return S3REC_ERROR_MEMORY;
  }
  for (size_t i = 0; i < count; i++) {
    memcpy(list->text + list->offsets[i], names[i],
           (size_t)(list->offsets[i + 1] - list->offsets[i]));
  }
  return S3REC_OK;
}

void s3_name_list_free(const s3rec_context *context, s3_name_list *list) {
  s3_free(context, list->text);
  s3_free(context, list->offsets);
  *list = (s3_name_list){0};
}

static s3rec_status copy_lists(const s3rec_filter_options *options, s3rec_filter *filter) {
  const s3rec_context *const context = filter->context;
  filter->ids = s3_allocate_unset(context, options->allowed_count + options->denied_count,
                                  sizeof *filter->ids);
  if (filter->ids == NULL) return S3REC_ERROR_MEMORY;
  if (options->allowed_count > 0) {
    memcpy(filter->ids, options->allowed, options->allowed_count * sizeof *filter->ids);
  }
  if (options->denied_count > 0) {
    memcpy(filter->ids + options->allowed_count, options->denied,
           options->denied_count * sizeof *filter->ids);
  }
  S3_TRY(s3_name_list_create(context, options->allowed_names, options->allowed_name_count,
                             &filter->allowed_names));
  return s3_name_list_create(context, options->denied_names, options->denied_name_count,
                             &filter->denied_names);
}

s3rec_status s3_filter_create(s3rec_context *context, const s3rec_filter_options *options,
                              s3rec_filter **filter) {
  s3rec_filter *const made = s3_allocate(context, 1, sizeof *made);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  if (pthread_mutex_init(&made->lock, NULL) != 0) {
    s3_free(context, made);
    return s3_fail(S3REC_ERROR_MEMORY, "no memory for a lock");
  }
  made->context = s3_context_retain(context);
  made->allow_only = options->allow_only != 0;
  made->allowed_count = options->allowed_count;
  made->denied_count = options->denied_count;
  const s3rec_status status = copy_lists(options, made);
  if (status != S3REC_OK) {
    s3_filter_destroy(made);
    return status;
  }
  *filter = made;
  return S3REC_OK;
}

static void free_allowed(const s3rec_context *context, s3_allowed *allowed) {
  s3_vocabulary_release(allowed->names);
  s3_free(context, allowed->left_out);
  s3_free(context, allowed->candidates);
  s3_free(context, allowed);
}

void s3_filter_destroy(s3rec_filter *filter) {
  s3rec_context *const context = filter->context;
  while (filter->resolved != NULL) {
    s3_allowed *const first = filter->resolved;
    filter->resolved = first->next;
    free_allowed(context, first);
  }
  pthread_mutex_destroy(&filter->lock);
  s3_name_list_free(context, &filter->allowed_names);
  s3_name_list_free(context, &filter->denied_names);
  s3_free(context, filter->ids);
  s3_free(context, filter);
  s3_context_release(context);
}

static void insert_names(uint64_t *set, const s3_allowed *allowed, const s3_name_list *list) {
  enum { PIECE = 256 };
  int32_t ids[PIECE];
  for (size_t first = 0; allowed->names != NULL && first < list->count; first += PIECE) {
    const size_t rest = list->count - first, count = rest < PIECE ? rest : PIECE;
    s3_names_find(&allowed->names->names, list->text, list->offsets + first, count, 1, ids);
    s3_id_set_insert_items(set, allowed->item_size, ids, count);
  }
}

/* The set of allowed items becomes that of the others; few allowed ones are also listed. */
static s3rec_status turn_around(const s3rec_context *context, const uint64_t *denied,
                                s3_allowed *allowed) {
  const size_t words = s3_id_set_words(allowed->item_size);
  uint64_t *const set = allowed->left_out;
  size_t count = 0;
  for (size_t w = 0; w < words; w++) {
    set[w] &= ~denied[w];
    count += (size_t)__builtin_popcountll(set[w]);
  }
  if (count <= (size_t)allowed->item_size / CANDIDATE_SHARE) {
    allowed->candidates = s3_allocate_unset(context, count, sizeof *allowed->candidates);
    if (allowed->candidates == NULL) return S3REC_ERROR_MEMORY;
    allowed->candidate_count = s3_id_set_take(set, words, allowed->candidates);
  }
  for (size_t w = 0; w < words; w++) set[w] = ~set[w];
  s3_id_set_erase_items(set, allowed->item_size, allowed->candidates, allowed->candidate_count);
  return S3REC_OK;
}

static s3rec_status fill_allowed(const s3rec_filter *filter, s3_allowed *allowed) {
  const s3rec_context *const context = filter->context;
  const size_t words = s3_id_set_words(allowed->item_size);
  const int32_t *const denied_ids = filter->ids + filter->allowed_count;
  allowed->left_out = s3_allocate(context, words, sizeof *allowed->left_out);
  if (allowed->left_out == NULL) return S3REC_ERROR_MEMORY;
  if (!filter->allow_only) {
    s3_id_set_insert_items(allowed->left_out, allowed->item_size, denied_ids,
                           filter->denied_count);
    insert_names(allowed->left_out, allowed, &filter->denied_names);
    return S3REC_OK;
  }
  uint64_t *const denied = s3_allocate(context, words, sizeof *denied);
  if (denied == NULL) return S3REC_ERROR_MEMORY;
  s3_id_set_insert_items(allowed->left_out, allowed->item_size, filter->ids,
                         filter->allowed_count);
  insert_names(allowed->left_out, allowed, &filter->allowed_names);
  s3_id_set_insert_items(denied, allowed->item_size, denied_ids, filter->denied_count);
  insert_names(denied, allowed, &filter->denied_names);
  const s3rec_status status = turn_around(context, denied, allowed);
  s3_free(context, denied);
  return status;
}

static s3rec_status resolve_filter(const s3rec_filter *filter, s3rec_vocabulary *names,
                                   int32_t item_size, s3_allowed **allowed) {
  s3_allowed *const made = s3_allocate(filter->context, 1, sizeof *made);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  made->names = s3_vocabulary_retain(names);
  made->item_size = item_size;
  made->users = 1;
  const s3rec_status status = fill_allowed(filter, made);
  if (status != S3REC_OK) {
    free_allowed(filter->context, made);
    return status;
  }
  *allowed = made;
  return S3REC_OK;
}

/* Under the lock. */
static s3_allowed *find_resolved(const s3rec_filter *filter, const s3rec_vocabulary *names,
                                 int32_t item_size) {
  for (s3_allowed *at = filter->resolved; at != NULL; at = at->next) {
    if (at->names != names || at->item_size != item_size) continue;
    at->users++;
    return at;
  }
  return NULL;
}

/* Under the lock: takes out the unused entries after the first KEPT, and returns it. */
static s3_allowed *take_unused(s3rec_filter *filter) {
  s3_allowed *unused = NULL;
  s3_allowed **link = &filter->resolved;
  for (size_t place = 0; *link != NULL; place++) {
    s3_allowed *const at = *link;
    if (place < KEPT || at->users > 0) {
      link = &at->next;
      continue;
    }
    *link = at->next;
    at->next = unused;
    unused = at;
  }
  return unused;
}

s3rec_status s3_filter_take(s3rec_filter *filter, const s3rec_model *model,
                            const s3_allowed **allowed) {
  *allowed = NULL;
  if (filter == NULL) return S3REC_OK;
  const bool named = filter->allowed_names.count + filter->denied_names.count > 0;
  s3rec_vocabulary *const names = named ? model->item_names : NULL;
  const int32_t item_size = model->config.item_size;
  pthread_mutex_lock(&filter->lock);
  s3_allowed *found = find_resolved(filter, names, item_size);
  pthread_mutex_unlock(&filter->lock);
  if (found == NULL) {
    s3_allowed *made = NULL;
    S3_TRY(resolve_filter(filter, names, item_size, &made));
    pthread_mutex_lock(&filter->lock);
    found = find_resolved(filter, names, item_size); /* another thread was faster */
    s3_allowed *unused = made;
    if (found == NULL) {
      found = made;
      made->next = filter->resolved;
      filter->resolved = made;
      unused = take_unused(filter);
    }
    pthread_mutex_unlock(&filter->lock);
    while (unused != NULL) {
      s3_allowed *const next = unused->next;
      free_allowed(filter->context, unused);
      unused = next;
    }
  }
  *allowed = found;
  return S3REC_OK;
}

void s3_filter_put_back(s3rec_filter *filter, const s3_allowed *allowed) {
  if (allowed == NULL) return;
  pthread_mutex_lock(&filter->lock);
  ((s3_allowed *)allowed)->users--;
  pthread_mutex_unlock(&filter->lock);
}
