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
static const cli_word metrics[] = {
    {"hr@1", S3REC_METRIC_HR_1},       {"hr@5", S3REC_METRIC_HR_5},
    {"hr@10", S3REC_METRIC_HR_10},     {"hr@20", S3REC_METRIC_HR_20},
    {"ndcg@5", S3REC_METRIC_NDCG_5},   {"ndcg@10", S3REC_METRIC_NDCG_10},
    {"ndcg@20", S3REC_METRIC_NDCG_20}, {"mrr", S3REC_METRIC_MRR},
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

/* The library's bounds where one of them is left out, as the nearest number within. */
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
    TEXT("name", "NAME", name, CLI_CONVERT, CLI_CONVERT, FILES, "names of the files begin so"),
    LIST("events", events, CLI_CONVERT,
         "instead of --data and --name: a log of events, a row for each (user, item, time; CSV, "
         "TSV, JSONL, gzip or not); may come again"),
    LIST("attributes", attributes, 0,
         "beside --events: a table of the items' attributes; may come again"),
    TEXT("model", "FILE", model, CLI_FINETUNE, 0, FILES,
         "pretrained model to start from; without it training starts from fresh weights (SASRec)"),
    TEXT("model", "FILE", model, SCORE | CLI_INFO, CLI_RECOMMEND, FILES,
         "model file, or a training state, or a converted PyTorch state dict (safetensors); stays "
         "mapped, so replace it by renaming, not by copying over it"),
    TEXT("model", "FILE", model, CLI_CONVERT, 0, FILES,
         "number the items as this model, which was trained from events, does"),
    TEXT("out", "FILE", out, CLI_PRETRAIN, CLI_PRETRAIN, FILES, "model file to write at the end"),
    TEXT("out", "FILE", out, CLI_FINETUNE, CLI_FINETUNE, FILES,
         "model file to write: the weights of the best epoch so far, at every improvement, at the "
         "end those of the refit"),
    TEXT("resume", "FILE", resume, TRAIN, 0, FILES,
         "training state to go on from, bit by bit as if there had been no stop"),
    TEXT("state", "FILE", state, TRAIN, 0, FILES,
         "training state to write (default: the one resumed from, else OUT.state)"),
    TEXT("out", "FILE", out, CLI_REPORT, CLI_REPORT, FILES, "page to write (HTML)"),
    TEXT("log", "FILE", log, TRAIN, 0, OUTPUT,
         "append JSON objects to FILE: configuration, each epoch, result"),
    TEXT("report", "FILE", report, CLI_FINETUNE, 0, OUTPUT,
         "write a page about the run (HTML) from its log; --log is OUT.log then by default"),
    FLAG("json", json, ALL, false, OUTPUT, "machine-readable results on stdout, one object a line"),

    COLUMN("user-column", table.user_column, 1,
           "column of the user, by its name or, without a header, its number from 1; default: the "
           "usual names (user, userId, ...), or column 1"),
    COLUMN("item-column", table.item_column, 1,
           "column of the item; default: the usual names (item, movieId, asin, ...), or column 2"),
    COLUMN("timestamp-column", table.timestamp_column, 0,
           "column of the time: a number in any unit, or an ISO 8601 date; '': none, the order of "
           "the rows counts; default: the usual names, or column 3 (of four: 4)"),
    COLUMN("value-column", table.value_column, 0,
           "column of a rating or the like, for --min-value; '': none; default: the usual names "
           "(rating, value, ...), or column 3 of four"),
    EVENT_TEXT("attribute-columns", "LIST", table.attribute_columns, 1, 4096,
               "columns of --attributes to use, with commas between; default: all but the item's"),
    EVENT_TEXT("attribute-separator", "TEXT", table.attribute_separator, 0, 8,
               "between several values of one attribute column, as in Comedy|Drama; '': a cell is "
               "one value; default: |"),
    COLUMN("attribute-item-column", attribute_item_column, 1,
           "column of the item in --attributes; default: as --item-column"),
    EVENT_TEXT("attribute-delimiter", "TEXT", attribute_delimiter, 1, 8,
               "between the columns of --attributes; default: as --delimiter"),
    WORD("format", table.format, formats, WITH_EVENTS, true, EVENTS,
         "of the files; auto: by their names, or by the first line"),
    WORD("header", table.header, headers, WITH_EVENTS, true, EVENTS,
         "whether the first row names the columns; auto: it does when it has a name asked for or a "
         "usual one"),
    EVENT_TEXT(
        "delimiter", "TEXT", table.delimiter, 1, 8,
        "between columns, \\t is a tab; default: a comma in .csv, a tab in .tsv, :: in .dat"),
    INT("bad-rows", bad_rows, 0, 2147483647, WITH_EVENTS, true, EVENTS,
        "rows of a file that may be unusable: they are left out, and shown; one more refuses it"),
    DOUBLE("min-value", selection.min_value, -INFINITY, DBL_MAX, any_number, WITH_EVENTS, true,
           EVENTS, "leave out events of a lower value, and those without one"),
    WORD("repeats", selection.repeats, repeats, WITH_EVENTS, true, EVENTS,
         "an item that a user took again: keep all; of repeats one behind another, or drop all "
         "but the first"),
    INT("min-user-events", selection.min_user_events, 1, 2147483647, WITH_EVENTS, true, EVENTS,
        "leave out users with fewer events and items with fewer than --min-item-events, until "
        "nothing more goes (k-core)"),
    INT("min-item-events", selection.min_item_events, 1, 2147483647, WITH_EVENTS, true, EVENTS,
        "see --min-user-events"),
    INT("max-length", selection.max_length, 0, 2147483647, WITH_EVENTS, true, EVENTS,
        "keep the newest so many events of a user; 0: all"),
    INT("min-length", selection.min_length, 1, 2147483647, WITH_EVENTS, true, EVENTS,
        "leave out users with fewer events at the end"),

    WORD("recipe", run.recipe, recipes, TRAIN, true, TRAINING,
         "sets the options whose default is said to be by recipe, unless they are given; best: the "
         "most accurate one known; paper: the authors' settings"),
    INT("epochs", run.epochs, 0, 1000000, CLI_PRETRAIN, false, TRAINING,
        "epochs in all, those before a resume included; 0 writes the untrained model"),
    INT("epochs", run.epochs, 1, 1000000, CLI_FINETUNE, false, TRAINING,
        "epochs at most, those before a resume included"),
    INT("save-every", save_every, 1, 1000000, TRAIN, false, TRAINING,
        "epochs between two savings of the training state; fine-tuning saves improvements, too"),
    {"seed", "N", CLI_UINT64, AT(seed), 0, 0, "0..18446744073709551615", NULL, TRAIN, 0,
     true, TRAINING, "of every random choice"},
    INT("batch-size", sampler.batch_size, 1, 65536, TRAIN, true, TRAINING, "sequences a step"),
    DOUBLE("lr", trainer.learning_rate, ABOVE_ZERO, 1000, tiny, TRAIN, true, TRAINING,
           "learning rate of Adam"),
    DOUBLE(
        "warmup-epochs", run.warmup_epochs, 0, 1e6, NULL, TRAIN, true, TRAINING,
        "epochs in which the learning rate rises to it, fractions allowed; by default at most half "
        "of --epochs"),
    WORD("schedule", run.schedule, schedules, TRAIN, true, TRAINING,
         "of the learning rate afterwards; cosine: falls along half a cosine to 0 at the end of "
         "--epochs, which then cannot be raised on --resume"),
    DOUBLE("weight-decay", trainer.weight_decay, 0, 1000, NULL, TRAIN, true, TRAINING,
           "L2 decay, added to the gradient"),
    DOUBLE("decoupled-weight-decay", trainer.decoupled_weight_decay, 0, 1000, NULL, TRAIN, true,
           TRAINING, "AdamW's: taken off the weights, times the learning rate"),
    DOUBLE("adam-beta1", trainer.adam_beta1, 0, BELOW_ONE, below_one, TRAIN, true, TRAINING,
           "decay of Adam's first moment"),
    DOUBLE("adam-beta2", trainer.adam_beta2, 0, BELOW_ONE, below_one, TRAIN, true, TRAINING,
           "decay of Adam's second moment"),
    DOUBLE("max-gradient-norm", trainer.max_gradient_norm, 0, 1e9, NULL, TRAIN, true, TRAINING,
           "clip gradients to this norm; 0: never"),
    INT("patience", run.patience, 1, 1000000, CLI_FINETUNE, true, TRAINING,
        "stop after this many epochs without improvement"),
    WORD("refit", run.held_out_count, refits, CLI_FINETUNE, true, TRAINING,
         "when the best epoch is known, train anew from the same start, for as many epochs, on the "
         "valid items, too, or on all; FILE of --out is the result; what was trained on the test "
         "items is not tested"),
    WORD(
        "stop-metric", run.metric, metrics, CLI_FINETUNE, true, TRAINING,
        "measure of the valid split that decides; with --stop-protocol sampled the default is mrr"),
    WORD("stop-protocol", run.protocol, protocols, CLI_FINETUNE, true, TRAINING,
         "how the valid split is ranked"),

    WORD("loss", trainer.finetune_loss, losses, CLI_FINETUNE, true, OBJECTIVES,
         "ce: softmax over all items; bce: the paper's, one negative a position; sampled-ce: ce "
         "over a draw of items, for large catalogues"),
    INT("negative-count", trainer.negative_count, 1, 2147483647, CLI_FINETUNE, true, OBJECTIVES,
        "with sampled-ce: items that a step draws, on average"),
    DOUBLE("label-smoothing", trainer.label_smoothing, 0, BELOW_ONE, below_one, CLI_FINETUNE, true,
           OBJECTIVES, "ce and sampled-ce: share of a label that goes to all items alike"),
    DOUBLE("aap-weight", trainer.aap_weight, 0, 1e6, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "associated attribute prediction"),
    DOUBLE("mip-weight", trainer.mip_weight, 0, 1e6, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "masked item prediction"),
    DOUBLE("map-weight", trainer.map_weight, 0, 1e6, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "masked attribute prediction"),
    DOUBLE("sp-weight", trainer.sp_weight, 0, 1e6, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "segment prediction"),
    DOUBLE("mask-p", sampler.mask_p, 0, 1, NULL, CLI_PRETRAIN, true, OBJECTIVES,
           "share of the items that are masked"),
    FLAG("reference-draws", sampler.reference_draws, TRAIN, true, OBJECTIVES,
         "draw negatives and segments exactly as the reference does, from held-out items, too"),

    INT("hidden-size", config.hidden_size, 1, 4096, TRAIN, true, NETWORK,
        "width; a multiple of the heads"),
    INT("num-hidden-layers", config.num_hidden_layers, 1, 64, TRAIN, true, NETWORK, "layers"),
    INT("num-attention-heads", config.num_attention_heads, 1, 4096, TRAIN, true, NETWORK,
        "attention heads"),
    INT("num-attention-heads", config.num_attention_heads, 1, 4096, SCORE | CLI_INFO, false,
        NETWORK, "attention heads of a model file that does not say it"),
    WORD("hidden-act", config.hidden_act, activations, TRAIN, true, NETWORK, "activation"),
    WORD("hidden-act", config.hidden_act, activations, SCORE | CLI_INFO, false, NETWORK,
         "activation of a model file that does not say it"),
    DOUBLE("attention-probs-dropout-prob", config.attention_probs_dropout_prob, 0, 0.99, NULL,
           TRAIN, true, NETWORK, "dropout of attention probabilities"),
    DOUBLE("hidden-dropout-prob", config.hidden_dropout_prob, 0, 0.99, NULL, TRAIN, true, NETWORK,
           "dropout of hidden states"),
    DOUBLE("initializer-range", config.initializer_range, 0, 10, NULL, TRAIN, true, NETWORK,
           "standard deviation of fresh weights"),
    INT("max-seq-length", config.max_seq_length, 1, 4096, TRAIN, true, NETWORK,
        "items of a history that are looked at"),

    WORD("split", evaluate.split, splits, CLI_EVALUATE, false, WHAT, "which answer is hidden"),
    WORD("protocol", evaluate.protocol, protocols, CLI_EVALUATE, false, WHAT,
         "full: rank among all items; sampled: among the listed negatives of NAME_sample.txt"),
    WORD("seen", evaluate.seen, policies, CLI_EVALUATE, false, WHAT,
         "items of the history: out of the ranking; score 0, as the reference does; or ranked too"),
    WORD("seen", run.seen, policies, CLI_FINETUNE, true, TRAINING,
         "items of the history in the valid and test rankings; see s3rec evaluate --help"),
    FLAG("popularity", popularity, CLI_EVALUATE, false, WHAT,
         "instead of a model: rank items by how often they are in the training part"),
    TEXT("ranks", "FILE", ranks, CLI_EVALUATE, 0, OUTPUT,
         "write the zero-based rank of each user's answer to FILE, a line each; -1: skipped; "
         "9223372036854775807: in the history and left out with it, a miss; with --events the "
         "user's name follows, behind a tab"),

    TEXT("user", "USER", user, CLI_RECOMMEND, 0, WHAT,
         "user of the events, by name; with --data on that line of NAME.txt, from 1, blank lines "
         "not counted"),
    TEXT(
        "history", "ITEMS", history, CLI_RECOMMEND, 0, WHAT,
        "items of a user who is in no file, oldest first: \"12 7 93\"; by name where the model has "
        "names, those with spaces or commas in double quotes"),
    INT("k", k, 1, 1000000, CLI_RECOMMEND, false, WHAT, "recommendations"),
    TEXT("exclude", "ITEMS", exclude, CLI_RECOMMEND, 0, WHAT, "items to leave out, too"),
    TEXT("candidates", "ITEMS", candidates, CLI_RECOMMEND, 0, WHAT, "rank only these items"),

    INT("threads", context.thread_count, 1, 256, TRAIN | CLI_EVALUATE, false, COMPUTE,
        "results do not depend on it"),
    INT("shards", trainer.shard_count, 1, 256, TRAIN, true, COMPUTE,
        "pieces of a step, a power of two; the last bits of results depend on it"),
    WORD("backend", context.backend, backends, WITH_MODEL, false, COMPUTE,
         "who computes the encoder"),
    WORD("kernels", context.kernel_level, kernels, WITH_MODEL, false, COMPUTE,
         "instruction set of the library's own kernels"),
};

const size_t cli_option_count = sizeof cli_option_table / sizeof cli_option_table[0];
_Static_assert(sizeof cli_option_table / sizeof cli_option_table[0] <= CLI_OPTION_LIMIT,
               "CLI_OPTION_LIMIT is too small");

const char *cli_metric_name(s3rec_metric metric) { return metrics[metric - 1].word; }

bool cli_option_of_events(const cli_option *option) { return option->group == EVENTS; }
