/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stddef.h>

#include "cli.h"

static const cli_word activations[] = {
    {"gelu", S3REC_GELU}, {"relu", S3REC_RELU}, {"swish", S3REC_SWISH}, {NULL, 0}};
static const cli_word losses[] = {{"ce", S3REC_LOSS_CE},
                                  {"bce", S3REC_LOSS_BCE},
                                  {"sampled-ce", S3REC_LOSS_SAMPLED_CE},
                                  {NULL, 0}};
static const cli_word splits[] = {
    {"test", S3REC_SPLIT_TEST}, {"valid", S3REC_SPLIT_VALID}, {NULL, 0}};
static const cli_word protocols[] = {
    {"full", S3REC_PROTOCOL_FULL}, {"sampled", S3REC_PROTOCOL_SAMPLED}, {NULL, 0}};
static const cli_word policies[] = {{"exclude", S3REC_SEEN_EXCLUDE},
                                    {"zero", S3REC_SEEN_ZERO},
                                    {"include", S3REC_SEEN_INCLUDE},
                                    {NULL, 0}};
static const cli_word kernels[] = {{"auto", S3REC_KERNELS_AUTO},
                                   {"baseline", S3REC_KERNELS_BASELINE},
                                   {"avx2", S3REC_KERNELS_AVX2},
                                   {"avx512", S3REC_KERNELS_AVX512},
                                   {NULL, 0}};
static const cli_word backends[] = {{"auto", S3REC_BACKEND_AUTO},
                                    {"fused", S3REC_BACKEND_FUSED},
                                    {"onednn", S3REC_BACKEND_ONEDNN},
                                    {NULL, 0}};
static const cli_word limits[] = {{"default", 0}, {"strict", 1}, {NULL, 0}};
static const cli_word recipes[] = {
    {"best", S3REC_RECIPE_BEST}, {"paper", S3REC_RECIPE_PAPER}, {NULL, 0}};
static const cli_word schedules[] = {
    {"constant", S3REC_SCHEDULE_CONSTANT}, {"cosine", S3REC_SCHEDULE_COSINE}, {NULL, 0}};
static const cli_word refits[] = {
    {"none", CLI_REFIT_NONE}, {"valid", CLI_REFIT_VALID}, {"all", CLI_REFIT_ALL}, {NULL, 0}};
static const cli_word formats[] = {{"auto", S3REC_TABLE_AUTO},
                                   {"csv", S3REC_TABLE_CSV},
                                   {"tsv", S3REC_TABLE_TSV},
                                   {"jsonl", S3REC_TABLE_JSONL},
                                   {NULL, 0}};
static const cli_word headers[] = {
    {"auto", S3REC_HEADER_AUTO}, {"yes", S3REC_HEADER_YES}, {"no", S3REC_HEADER_NO}, {NULL, 0}};
static const cli_word repeats[] = {{"keep", S3REC_REPEATS_KEEP},
                                   {"runs", S3REC_REPEATS_RUNS},
                                   {"drop", S3REC_REPEATS_DROP},
                                   {NULL, 0}};
static const cli_word metrics[] = {{"hr@1", S3REC_METRIC_HR_1},
                                   {"hr@5", S3REC_METRIC_HR_5},
                                   {"hr@10", S3REC_METRIC_HR_10},
                                   {"hr@20", S3REC_METRIC_HR_20},
                                   {"ndcg@5", S3REC_METRIC_NDCG_5},
                                   {"ndcg@10", S3REC_METRIC_NDCG_10},
                                   {"ndcg@20", S3REC_METRIC_NDCG_20},
                                   {"mrr", S3REC_METRIC_MRR},
                                   {NULL, 0}};

enum {
  TRAIN = CLI_PRETRAIN | CLI_FINETUNE,
  SCORE = CLI_EVALUATE | CLI_RECOMMEND,
  READ_DATA = TRAIN | SCORE | CLI_INFO,
  WITH_EVENTS = READ_DATA | CLI_CONVERT,
  WITH_MODEL = TRAIN | SCORE | CLI_INFO,
  ALL = READ_DATA | CLI_CONVERT
};

enum {
  FILES = 1,
  EVENTS = 2,
  WHAT = 3,
  TRAINING = 4,
  OBJECTIVES = 5,
  NETWORK = 6,
  COMPUTE = 7,
  OUTPUT = 8
};

#define AT(field) offsetof(cli_options, field)
#define TEXT(name, argument, field, commands, required, group, help)                             \
  {                                                                                              \
    name, argument, CLI_TEXT, AT(field), 1, 65535, NULL, NULL, commands, required, false, group, \
        help                                                                                     \
  }
#define LIST(name, field, required, help) \
  { name, "FILE", CLI_LIST, AT(field), 0, 0, NULL, NULL, WITH_EVENTS, required, false, FILES, help }
#define EVENT_TEXT(name, argument, field, shortest, longest, help)                            \
  {                                                                                           \
    name, argument, CLI_TEXT, AT(field), shortest, longest, NULL, NULL, WITH_EVENTS, 0, true, \
        EVENTS, help                                                                          \
  }
#define COLUMN(name, field, shortest, help) EVENT_TEXT(name, "COLUMN", field, shortest, 1024, help)
#define FLAG(name, field, commands, recorded, group, help) \
  { name, NULL, CLI_FLAG, AT(field), 0, 1, NULL, NULL, commands, 0, recorded, group, help }
#define INT(name, field, minimum, maximum, commands, recorded, group, help)                      \
  {                                                                                              \
    name, "N", CLI_INT32, AT(field), minimum, maximum, NULL, NULL, commands, 0, recorded, group, \
        help                                                                                     \
  }
#define DOUBLE(name, field, minimum, maximum, range, commands, recorded, group, help)              \
  {                                                                                                \
    name, "X", CLI_DOUBLE, AT(field), minimum, maximum, range, NULL, commands, 0, recorded, group, \
        help                                                                                       \
  }
#define WORD(name, field, words, commands, recorded, group, help) \
  { name, "WORD", CLI_WORD, AT(field), 0, 0, NULL, words, commands, 0, recorded, group, help }

/* A bound that is itself not accepted is replaced by the nearest number that is. */
static const char tiny[] = "above 0, at most 1000";
static const char below_one[] = "0 to below 1";
static const char any_number[] = "any number or -inf";
#define ABOVE_ZERO DBL_TRUE_MIN
#define BELOW_ONE (1.0 - DBL_EPSILON / 2)

const cli_option cli_option_table[] = {
    TEXT("data", "DIR", data, READ_DATA, 0, FILES, "folder of the data files of --name"),
    TEXT("name", "NAME", name, READ_DATA, 0, FILES,
         "data set: NAME.txt, NAME_item2attributes.json, NAME_sample.txt, NAME_names.tsv in DIR"),
    TEXT("data", "DIR", data, CLI_CONVERT, CLI_CONVERT, FILES, "folder to write the data files to"),
    TEXT("name", "NAME", name, CLI_CONVERT, CLI_CONVERT, FILES, "first part of the file names"),
    LIST("events", events, CLI_CONVERT,
         "instead of --data and --name: a log of events, one row each (user, item, time), as CSV, "
         "TSV or JSONL, gzip or not; may be given several times"),
    LIST("attributes", attributes, 0,
         "with --events: a table of the items' attributes; may be given several times"),
    TEXT("model", "FILE", model, CLI_FINETUNE, 0, FILES,
         "pretrained model to start from; default: fresh weights (SASRec)"),
    TEXT("model", "FILE", model, SCORE | CLI_INFO, CLI_RECOMMEND, FILES,
         "model file, training state or converted PyTorch state dict (safetensors); the file stays "
         "mapped: to replace it, rename another file to its name, do not copy over it"),
    TEXT("model", "FILE", model, CLI_CONVERT, 0, FILES,
         "give the items the numbers of this model, which was trained from events"),
    TEXT("out", "FILE", out, CLI_PRETRAIN, CLI_PRETRAIN, FILES, "model file to write at the end"),
    TEXT("out", "FILE", out, CLI_FINETUNE, CLI_FINETUNE, FILES,
         "model file to write: at every improvement the weights of the best epoch so far, at the "
         "end the weights of the refit"),
    TEXT("resume", "FILE", resume, TRAIN, 0, FILES,
         "training state from which to continue; the result is the same as without a stop"),
    TEXT("state", "FILE", state, TRAIN, 0, FILES,
         "training state to write; default: the file of --resume, or OUT.state"),
    TEXT("out", "FILE", out, CLI_REPORT, CLI_REPORT, FILES, "page to write (HTML)"),
    TEXT("log", "FILE", log, TRAIN, 0, OUTPUT,
         "append JSON objects to FILE: configuration, each epoch, result"),
    TEXT("report", "FILE", report, CLI_FINETUNE, 0, OUTPUT,
         "write an HTML page about the run, from its log; then --log is OUT.log by default"),
    FLAG("json", json, ALL, false, OUTPUT, "results on stdout as JSON, one object per line"),

    COLUMN("user-column", table.user_column, 1,
           "column of the user: its name or, without a header, its number from 1; default: a usual "
           "name (user, userId, ...), or column 1"),
    COLUMN("item-column", table.item_column, 1,
           "column of the item; default: a usual name (item, movieId, asin, ...), or column 2"),
    COLUMN("timestamp-column", table.timestamp_column, 0,
           "column of the time: a number in any unit, or an ISO 8601 date; '': none, events are in "
           "the order of the rows; default: a usual name, or column 3 (of four columns: 4)"),
    COLUMN("value-column", table.value_column, 0,
           "column of a rating or another value, for --min-value; '': none; default: a usual name "
           "(rating, value, ...), or column 3 of four"),
    EVENT_TEXT("attribute-columns", "LIST", table.attribute_columns, 1, 4096,
               "columns of --attributes to use, separated by commas; default: all but the item's"),
    EVENT_TEXT(
        "attribute-separator", "TEXT", table.attribute_separator, 0, 8,
        "text between the values of one attribute cell, as in Comedy|Drama; '': a cell is one "
        "value; default: |"),
    COLUMN("attribute-item-column", attribute_item_column, 1,
           "column of the item in --attributes; default: as --item-column"),
    EVENT_TEXT("attribute-delimiter", "TEXT", attribute_delimiter, 1, 8,
               "text between the columns of --attributes; default: as --delimiter"),
    WORD("format", table.format, formats, WITH_EVENTS, true, EVENTS,
         "format of the files; auto: by their names, or by the first line"),
    WORD("header", table.header, headers, WITH_EVENTS, true, EVENTS,
         "whether the first row is a header; auto: yes if it holds a column name you gave, or a "
         "usual name"),
    EVENT_TEXT(
        "delimiter", "TEXT", table.delimiter, 1, 8,
        "text between columns, \\t is a tab; default: a comma in .csv, a tab in .tsv, :: in .dat"),
    INT("bad-rows", bad_rows, 0, 2147483647, WITH_EVENTS, true, EVENTS,
        "number of bad rows in a file to leave out and show; with one more the file is refused"),
    DOUBLE("min-value", selection.min_value, -INFINITY, DBL_MAX, any_number, WITH_EVENTS, true,
           EVENTS, "leave out events with a lower value or without a value"),
    WORD(
        "repeats", selection.repeats, repeats, WITH_EVENTS, true, EVENTS,
        "if a user took an item again: keep all events, drop immediate repeats (runs), or drop all "
        "but the first (drop)"),
    INT("min-user-events", selection.min_user_events, 1, 2147483647, WITH_EVENTS, true, EVENTS,
        "leave out users with fewer events and items with fewer than --min-item-events, again "
        "until all have enough (k-core)"),
    INT("min-item-events", selection.min_item_events, 1, 2147483647, WITH_EVENTS, true, EVENTS,
        "see --min-user-events"),
    INT("max-length", selection.max_length, 0, 2147483647, WITH_EVENTS, true, EVENTS,
        "keep only the newest N events of a user; 0: all"),
    INT("min-length", selection.min_length, 1, 2147483647, WITH_EVENTS, true, EVENTS,
        "after all that, leave out users with fewer events"),

    WORD("recipe", run.recipe, recipes, TRAIN, true, TRAINING,
         "sets the options with a default by recipe, if you do not give them; best: the most "
         "accurate recipe known; paper: the authors' settings"),
    INT("epochs", run.epochs, 0, 1000000, CLI_PRETRAIN, false, TRAINING,
        "number of epochs, including those before --resume; 0 writes the untrained model"),
    INT("epochs", run.epochs, 1, 1000000, CLI_FINETUNE, false, TRAINING,
        "largest number of epochs, including those before --resume"),
    DOUBLE("time-budget", run.time_budget, 0, 1e9, NULL, TRAIN, true, TRAINING,
           "seconds for the whole run, refit included; 0: no limit; at least one epoch is trained; "
           "with a limit the result depends on the speed of the machine"),
    INT("save-every", save_every, 1, 1000000, TRAIN, false, TRAINING,
        "save the training state every N epochs; fine-tuning also saves it at every improvement"),
    {"seed", "N", CLI_UINT64, AT(seed), 0, 0, "0..18446744073709551615", NULL, TRAIN, 0, true,
     TRAINING, "start of all random numbers"},
    INT("batch-size", sampler.batch_size, 1, 65536, TRAIN, true, TRAINING, "sequences in a step"),
    DOUBLE("lr", trainer.learning_rate, ABOVE_ZERO, 1000, tiny, TRAIN, true, TRAINING,
           "learning rate of Adam"),
    DOUBLE("warmup-epochs", run.warmup_epochs, 0, 1e6, NULL, TRAIN, true, TRAINING,
           "epochs in which the learning rate rises to --lr; may be a fraction; the default is at "
           "most half of --epochs"),
    WORD("schedule", run.schedule, schedules, TRAIN, true, TRAINING,
         "the learning rate after the warm-up; cosine: falls to 0 along half a cosine until "
         "--epochs, which --resume then cannot raise"),
    DOUBLE("weight-decay", trainer.weight_decay, 0, 1000, NULL, TRAIN, true, TRAINING,
           "L2 decay, added to the gradient"),
    DOUBLE("decoupled-weight-decay", trainer.decoupled_weight_decay, 0, 1000, NULL, TRAIN, true,
           TRAINING, "AdamW's decay: reduces the weights directly, times the learning rate"),
    DOUBLE("adam-beta1", trainer.adam_beta1, 0, BELOW_ONE, below_one, TRAIN, true, TRAINING,
           "decay of Adam's first moment"),
    DOUBLE("adam-beta2", trainer.adam_beta2, 0, BELOW_ONE, below_one, TRAIN, true, TRAINING,
           "decay of Adam's second moment"),
    DOUBLE("max-gradient-norm", trainer.max_gradient_norm, 0, 1e9, NULL, TRAIN, true, TRAINING,
           "reduce gradients with a larger norm to this norm; 0: never"),
    INT("patience", run.patience, 1, 1000000, CLI_FINETUNE, true, TRAINING,
        "stop after N epochs without improvement"),
    WORD("refit", run.held_out_count, refits, CLI_FINETUNE, true, TRAINING,
         "after the best epoch is found, train again from the same start, for the same number of "
         "epochs, also on the valid items (or on all); --out is the result; with all there is no "
         "test of the result"),
    WORD("stop-metric", run.metric, metrics, CLI_FINETUNE, true, TRAINING,
         "metric of the valid split that chooses the epoch; with --stop-protocol sampled the "
         "default is mrr"),
    WORD("stop-protocol", run.protocol, protocols, CLI_FINETUNE, true, TRAINING,
         "how the valid split is ranked"),

    WORD(
        "loss", trainer.finetune_loss, losses, CLI_FINETUNE, true, OBJECTIVES,
        "ce: softmax over all items; bce: the paper's loss, one negative per position; sampled-ce: "
        "ce over randomly drawn items, for large catalogues"),
    INT("negative-count", trainer.negative_count, 1, 2147483647, CLI_FINETUNE, true, OBJECTIVES,
        "needs --loss sampled-ce: average number of items that a step draws"),
    DOUBLE("label-smoothing", trainer.label_smoothing, 0, BELOW_ONE, below_one, CLI_FINETUNE, true,
           OBJECTIVES,
           "needs --loss ce or sampled-ce: share of a label that is spread evenly over all items"),
    DOUBLE("aap-weight", trainer.aap_weight, 0, 1e6, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "weight of associated attribute prediction"),
    DOUBLE("mip-weight", trainer.mip_weight, 0, 1e6, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "weight of masked item prediction"),
    DOUBLE("map-weight", trainer.map_weight, 0, 1e6, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "weight of masked attribute prediction"),
    DOUBLE("sp-weight", trainer.sp_weight, 0, 1e6, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "weight of segment prediction"),
    DOUBLE("mask-p", sampler.mask_p, 0, 1, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "share of the items that are masked"),
    FLAG("reference-draws", sampler.reference_draws, TRAIN, true, OBJECTIVES,
         "draw negatives and segments exactly as the authors' code does, also from held-out items"),

    INT("hidden-size", config.hidden_size, 1, 4096, TRAIN, true, NETWORK,
        "width; must be a multiple of --num-attention-heads"),
    INT("num-hidden-layers", config.num_hidden_layers, 1, 64, TRAIN, true, NETWORK,
        "number of layers"),
    INT("num-attention-heads", config.num_attention_heads, 1, 4096, TRAIN, true, NETWORK,
        "number of attention heads"),
    INT("num-attention-heads", config.num_attention_heads, 1, 4096, SCORE | CLI_INFO, false,
        NETWORK, "number of attention heads, if the model file does not hold it"),
    WORD("hidden-act", config.hidden_act, activations, TRAIN, true, NETWORK, "activation function"),
    WORD("hidden-act", config.hidden_act, activations, SCORE | CLI_INFO, false, NETWORK,
         "activation function, if the model file does not hold it"),
    DOUBLE("attention-probs-dropout-prob", config.attention_probs_dropout_prob, 0, 0.99, NULL,
           TRAIN, true, NETWORK, "dropout of attention probabilities"),
    DOUBLE("hidden-dropout-prob", config.hidden_dropout_prob, 0, 0.99, NULL, TRAIN, true, NETWORK,
           "dropout of hidden states"),
    DOUBLE("initializer-range", config.initializer_range, 0, 10, NULL, TRAIN, true, NETWORK,
           "standard deviation of fresh weights"),
    INT("max-seq-length", config.max_seq_length, 1, 4096, TRAIN, true, NETWORK,
        "number of history items that the model uses"),

    WORD("split", evaluate.split, splits, CLI_EVALUATE, false, WHAT,
         "test: rank the last item of each user; valid: the one before it"),
    WORD("protocol", evaluate.protocol, protocols, CLI_EVALUATE, false, WHAT,
         "full: rank among all items; sampled: rank among the user's negatives in NAME_sample.txt"),
    WORD("seen", evaluate.seen, policies, CLI_EVALUATE, false, WHAT,
         "items of the history: exclude: not ranked; zero: score 0, as in the authors' code; "
         "include: "
         "ranked"),
    WORD("seen", run.seen, policies, CLI_FINETUNE, true, TRAINING,
         "items of the history when valid and test items are ranked; see s3rec evaluate --help"),
    FLAG("popularity", popularity, CLI_EVALUATE, false, WHAT,
         "instead of a model: rank items by how often they occur in the training part"),
    TEXT(
        "ranks", "FILE", ranks, CLI_EVALUATE, 0, OUTPUT,
        "write the rank of each user's held-out item to FILE, one line per user, the first rank is "
        "0; -1: the user is skipped; 9223372036854775807: the item is in the history and so not "
        "ranked, a miss; with --events a tab and the user's name follow"),

    TEXT("user", "USER", user, CLI_RECOMMEND, 0, WHAT,
         "with --events, the name of the user; with --data, the user's line in NAME.txt, counted "
         "from 1 without blank lines"),
    TEXT("history", "ITEMS", history, CLI_RECOMMEND, 0, WHAT,
         "items of a user that is in no file, oldest first: \"12 7 93\"; by name if the model has "
         "names; names with spaces or commas need double quotes"),
    INT("k", k, 1, 1000000, CLI_RECOMMEND, false, WHAT, "number of recommendations"),
    TEXT("exclude", "ITEMS", exclude, CLI_RECOMMEND, 0, WHAT, "other items to leave out"),
    TEXT("candidates", "ITEMS", candidates, CLI_RECOMMEND, 0, WHAT, "rank only these items"),

    INT("threads", context.thread_count, 1, 256, TRAIN | CLI_EVALUATE, false, COMPUTE,
        "number of threads; the results do not depend on it"),
    INT("shards", trainer.shard_count, 1, 256, TRAIN, true, COMPUTE,
        "number of parts of a step, a power of two; the last bits of the results depend on it"),
    WORD("backend", context.backend, backends, WITH_MODEL, false, COMPUTE,
         "what computes the encoder"),
    WORD("kernels", context.kernel_level, kernels, WITH_MODEL, false, COMPUTE,
         "instruction set of the library's own kernels"),
    WORD("limits", strict_limits, limits, ALL, false, COMPUTE,
         "how much a file may make this program read and allocate; strict: for files of unknown "
         "origin"),
};

const size_t cli_option_count = sizeof cli_option_table / sizeof cli_option_table[0];
_Static_assert(sizeof cli_option_table / sizeof cli_option_table[0] <= CLI_OPTION_LIMIT,
               "CLI_OPTION_LIMIT is too small");

const char *cli_metric_name(s3rec_metric metric) { return metrics[metric - 1].word; }

bool cli_option_of_events(const cli_option *option) { return option->group == EVENTS; }
