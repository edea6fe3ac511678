/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Event logs and attribute tables, with ids of any kind, and the datasets made of them. */
#ifndef S3REC_EVENTS_H
#define S3REC_EVENTS_H

#include "s3rec/dataset.h"
#include "s3rec/vocabulary.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A growing table of events (a user took an item at a time) and of item attributes. It is
 * filled from files and arrays, in any mixture. A table serves one thread at a time. A call that
 * fails adds nothing. */
typedef struct s3rec_events s3rec_events;

/** An empty table; on success *events belongs to the caller. Statuses: ARGUMENT, MEMORY.
 * Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_events_create(s3rec_context *context, s3rec_events **events);
/** NULL is fine. Since 0.2. */
S3REC_API void s3rec_events_destroy(s3rec_events *events);

/** How a file is written. A file of any format may be compressed with gzip; its first bytes
 * tell, not its name. */
typedef enum s3rec_table_format {
  S3REC_TABLE_AUTO = 0, /**< by the ending of the name, without .gz: .csv, .tsv, .jsonl or
                         * .ndjson, .dat ("::" between fields, no header). A file with any
                         * other ending is judged by its first line: "{" at its start means
                         * JSONL, a tab in it TSV, "::" in it .dat, anything else CSV */
  S3REC_TABLE_CSV = 1,  /**< RFC 4180: quoted fields may hold delimiters, "" and line ends */
  S3REC_TABLE_TSV = 2,  /**< a tab between fields, nothing is quoted */
  S3REC_TABLE_JSONL = 3 /**< one JSON object a line */
} s3rec_table_format;

/** Whether the first row names the columns. */
typedef enum s3rec_table_header {
  S3REC_HEADER_AUTO = 0, /**< yes when one of its fields is a column name that was asked for,
                          * or one of the usual names below */
  S3REC_HEADER_NO = 1,   /**< the first row is data */
  S3REC_HEADER_YES = 2   /**< the first row is names */
} s3rec_table_header;

/** How to read a file.
 *
 * A column is given by its name in the header (in JSONL: its key). Where the header has no such
 * name, or the file has no header, it is given by its number, from 1.
 *
 * NULL means the usual names. Case, "_", "-" and spaces do not matter in them:
 *   user       user, userid, uid, username, visitorid, customerid, reviewerid, sessionid
 *   item       item, itemid, iid, productid, movieid, asin, parentasin, songid, articleid, sku
 *   timestamp  timestamp, time, ts, date, datetime, unixreviewtime, createdat
 *   value      value, rating, weight, score, overall, stars
 * Where a file has several of them, the first in this order is taken. A file may lack timestamp
 * and value. In JSONL the first row decides whether they are there: a later row that has one
 * which the first row lacks is bad.
 *
 * Without a header NULL means columns 1 (user), 2 (item) and 3 (timestamp). With four columns,
 * as in MovieLens, 3 is the value and 4 the timestamp. In an attribute table without a header
 * NULL means column 1 (item). */
typedef struct s3rec_table_options {
  size_t struct_size;          /**< set by s3rec_table_options_init */
  s3rec_table_format format;   /**< default AUTO */
  s3rec_table_header header;   /**< default AUTO; JSONL has none */
  const char *delimiter;       /**< 1..8 bytes between fields; NULL (default): by the format */
  const char *user_column;     /**< default NULL, as all columns */
  const char *item_column;     /**< see user_column */
  const char *timestamp_column; /**< "": the file has none; the order of its rows counts */
  const char *value_column;    /**< "": the file has none */
  /** Attribute tables: the columns that hold attributes, with commas between them; NULL
   * (default): all columns except the item's. A cell becomes the attribute "column=cell". */
  const char *attribute_columns;
  const char *attribute_separator; /**< between several values of one cell, 1..8 bytes; default
                                    * "|"; "": a cell is one value. JSONL arrays need none */
  /** How many bad rows a file may have. 0 (default): the first bad row makes the call fail.
   * Above 0: so many bad rows are left out, each with a warning in the context's log; one more
   * makes the call fail. A row is bad when
   *   - a field is missing, empty or too long, or is not UTF-8;
   *   - its timestamp or value cannot be read, or a date stands where others are numbers;
   *   - it has another number of fields than the first row, or is not a JSON object.
   * A quoted field that never ends, or a row above a limit of the context, always makes the call
   * fail. */
  size_t bad_row_limit;
} s3rec_table_options;

/** Defaults. Since 0.2. */
S3REC_API void s3rec_table_options_init(s3rec_table_options *options);

/** What a file held. */
typedef struct s3rec_table_report {
  size_t struct_size;     /**< set by s3rec_table_report_init */
  size_t row_count;       /**< rows added */
  size_t bad_row_count;   /**< rows left out */
  uint64_t first_bad_line; /**< line of the first of them, from 1; 0 without */
} s3rec_table_report;

/** Sets struct_size and zeros. Since 0.2. */
S3REC_API void s3rec_table_report_init(s3rec_table_report *report);

/** Adds the events of a file. Timestamps are integers or decimals in any one unit, or ISO 8601
 * dates and times (2024-01-31, 2024-01-31T12:34:56.789+01:00, a space instead of T; UTC where
 * no zone is given). `options` and `report` may be NULL.
 * Statuses: ARGUMENT, MEMORY, IO (also a gzip file that is broken or cut short); FORMAT with
 * "file:line: field: reason"; LIMIT (s3rec_limits); MISMATCH (a file of a table has timestamps,
 * another has none; integer ids were appended before). Since 0.2. */
S3REC_API s3rec_status s3rec_events_read(s3rec_events *events, const char *path,
                                         const s3rec_table_options *options,
                                         s3rec_table_report *report);
/** Adds item attributes from a table with one row for each item, or several. The same rules and
 * statuses as s3rec_events_read. Since 0.2. */
S3REC_API s3rec_status s3rec_events_read_attributes(s3rec_events *events, const char *path,
                                                    const s3rec_table_options *options,
                                                    s3rec_table_report *report);

/** Ids of one column, as integers or as text; exactly one pointer is set. Text i is
 * text[offsets[i]] .. text[offsets[i + 1] - 1]. */
typedef struct s3rec_id_array {
  const int64_t *integers; /**< [count], or NULL */
  const char *text;        /**< all names, UTF-8; may be NULL when all are empty */
  const int64_t *offsets;  /**< [count + 1], or NULL */
} s3rec_id_array;

/** Adds events from arrays, which are copied. `timestamps` [count] may be NULL: the order of the
 * arrays counts, and then no event of the table may have a timestamp. `values` [count] may be
 * NULL: no values. The users of a table are all integers or all text; so are its items.
 * Statuses: ARGUMENT, MEMORY; FORMAT (names the index: an id that is empty, too long or not
 * UTF-8, a value that is NaN); MISMATCH (integers beside text). Since 0.2. */
S3REC_API s3rec_status s3rec_events_append(s3rec_events *events, size_t count,
                                           const s3rec_id_array *users,
                                           const s3rec_id_array *items,
                                           const int64_t *timestamps, const double *values);
/** Adds attributes from arrays: items[i] has the attribute attributes[i], such as
 * "genre=Drama". A pair that comes again changes nothing. The same rules and statuses as
 * s3rec_events_append. Since 0.2. */
S3REC_API s3rec_status s3rec_events_append_attributes(s3rec_events *events, size_t count,
                                                      const s3rec_id_array *items,
                                                      const s3rec_id_array *attributes);

/** What to do with an item that a user took several times. */
typedef enum s3rec_repeats {
  S3REC_REPEATS_KEEP = 0, /**< keep all events */
  S3REC_REPEATS_RUNS = 1, /**< of repeats that follow one another directly, keep the first */
  S3REC_REPEATS_DROP = 2  /**< keep only the first event of this user with this item */
} s3rec_repeats;

/** Which events become a dataset. The rules act in this order: min_value; repeats; item_names;
 * the core (min_user_events and min_item_events, repeated until both hold); max_length;
 * min_length. */
typedef struct s3rec_events_options {
  size_t struct_size;      /**< set by s3rec_events_options_init */
  double min_value;        /**< events with a lower value or none are left out; default
                            * -INFINITY: all stay */
  s3rec_repeats repeats;   /**< default KEEP */
  int32_t min_user_events; /**< of the core: users with fewer events are left out; default 1 */
  int32_t min_item_events; /**< of the core: items with fewer events are left out; default 1 */
  int32_t max_length;      /**< keep the newest so many events of a user; 0 (default): all */
  int32_t min_length;      /**< users who have fewer events then are left out; default 1 */
  /** The names of an existing model (s3rec_model_item_names): items get the ids that they have
   * there; events of any other item are left out and counted. NULL (default): items are numbered
   * in the order in which they first appear among the events that stay. */
  s3rec_vocabulary *item_names;
  s3rec_vocabulary *attribute_names; /**< likewise; needs item_names */
} s3rec_events_options;

/** Defaults. Since 0.2. */
S3REC_API void s3rec_events_options_init(s3rec_events_options *options);

/** How many events each rule left out, and what is left. */
typedef struct s3rec_events_report {
  size_t struct_size;       /**< set by s3rec_events_report_init */
  size_t event_count;       /**< events of the table */
  size_t low_value_count;   /**< left out by min_value */
  size_t repeat_count;      /**< left out by repeats */
  size_t unknown_count;     /**< of items that item_names does not have */
  size_t core_count;        /**< left out by the core */
  size_t cut_count;         /**< left out by max_length */
  size_t short_count;       /**< left out by min_length */
  size_t kept_count;        /**< in the dataset */
  size_t attributed_item_count; /**< items of the dataset with attributes */
} s3rec_events_report;

/** Sets struct_size and zeros. Since 0.2. */
S3REC_API void s3rec_events_report_init(s3rec_events_report *report);

/** Makes a dataset of the events: one sequence for each user, oldest first. Events with the same
 * timestamp stay in the order in which they were added. Users come in the order in which they
 * first appear. Attributes of items that are not in the dataset are ignored. The dataset has the
 * names of items, users and attributes. `options` and `report` may be NULL. The table stays as
 * it is: more events can be added and further datasets made.
 * On success *dataset belongs to the caller. Statuses: ARGUMENT (also min_value where no
 * event has a value), MEMORY; FORMAT (nothing is left: the text has the counts). Since 0.2. */
S3REC_API s3rec_status s3rec_events_dataset(const s3rec_events *events,
                                            const s3rec_events_options *options,
                                            s3rec_dataset **dataset, s3rec_events_report *report);

#ifdef __cplusplus
}
#endif
#endif
