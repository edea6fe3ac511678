/* SPDX-License-Identifier: Apache-2.0 */
/* The commands and the texts of their --help; options come from the table. */
#include "cli.h"

static const char pretrain_text[] =
    "Learns embeddings and encoder from the data alone, with four objectives: which attributes "
    "belong to an item and to a masked one, which item is masked, which segment is missing.\n\n"
    "Held-out items (the last two of every user) are not used, unless --reference-draws asks for "
    "it. "
    "The training state is saved "
    "every --save-every epochs and when interrupted (Ctrl-C, SIGTERM)."
    "\vExamples:\n"
    "  s3rec pretrain --data data --name LastFM --epochs 150 \\\n"
    "    --out lastfm.safetensors\n"
    "  s3rec pretrain --data data --name LastFM --resume lastfm.safetensors.state \\\n"
    "    --out lastfm.safetensors\n"
    "  s3rec pretrain --events ratings.csv --min-user-events 5 \\\n"
    "    --min-item-events 5 --attributes movies.csv --attribute-columns genres \\\n"
    "    --out movies.safetensors\n"
    "\n"
    "Trained from --events a model keeps the names of its items and attributes.\n"
    "\n"
    "A resumed run takes its options from the state; one that contradicts it is refused. "
    "--epochs may be raised unless --schedule is cosine. Without NAME_item2attributes.json the "
    "attribute objectives have only negatives to learn from, and a remark says so; a file with "
    "attributes for none of the data's items is refused.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data, 130 interrupted.";

static const char finetune_text[] =
    "Trains a model to predict each next item, from a pretrained model or from scratch, finds the "
    "epoch at which the valid split is ranked best, trains anew for as many epochs on the valid "
    "items, too (--refit), and prints test metrics."
    "\vExamples:\n"
    "  s3rec finetune --data data --name LastFM --model lastfm.safetensors \\\n"
    "    --out tuned.safetensors\n"
    "  s3rec finetune --data data --name LastFM --model lastfm.safetensors \\\n"
    "    --out tuned.safetensors --report tuned.html\n"
    "  s3rec finetune --data data --name LastFM --model lastfm.safetensors \\\n"
    "    --recipe paper --stop-protocol sampled --out paper.safetensors\n"
    "  s3rec finetune --events ratings.csv --min-user-events 5 \\\n"
    "    --min-item-events 5 --model movies.safetensors --out tuned.safetensors\n"
    "\n"
    "With --events and --model items are those of the model; events of others are left out and "
    "counted.\n"
    "\n"
    "With --model the network is the file's; only its dropouts are the recipe's or as given. A "
    "resumed run takes its options from the state; one that contradicts it is refused. The state "
    "has the best weights so far, too; a file of --out with other weights is not replaced. A refit "
    "starts from the file of --model again, which must still be there (if it was moved, say "
    "where). NAME_sample.txt is read for --stop-protocol sampled only.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data, 130 interrupted.";

static const char report_text[] =
    "Makes one page (HTML) of one or several training logs: results, curves of losses and "
    "metrics, metrics by history length and by item popularity, example users, configuration. "
    "The page stands alone: no scripts, nothing is loaded."
    "\vExamples:\n"
    "  s3rec report tuned.log --out tuned.html\n"
    "  s3rec report ce.log bce.log scratch.log --out losses.html\n"
    "\n"
    "A log is what --log of pretrain and finetune writes; all its runs are shown, finished or not. "
    "`s3rec finetune --report FILE' makes the page of its own run.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data.";

static const char evaluate_text[] =
    "Ranks every user's hidden answer (test: the last item, valid: the one before) and prints "
    "hit rate, NDCG and MRR, stamped with how they were measured."
    "\vExamples:\n"
    "  s3rec evaluate --data data --name LastFM --model tuned.safetensors\n"
    "  s3rec evaluate --data data --name LastFM --model tuned.safetensors \\\n"
    "    --split valid --protocol sampled --json\n"
    "  s3rec evaluate --data data --name LastFM --popularity\n"
    "  s3rec evaluate --events ratings.csv --min-user-events 5 \\\n"
    "    --min-item-events 5 --model tuned.safetensors\n"
    "\n"
    "HR@k: share of the users whose answer is among the first k. NDCG@k: 1/log2(rank+2) of the "
    "zero-based rank, 0 from k on. MRR: mean of 1/(rank+1).\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data.";

static const char recommend_text[] =
    "Prints the items a user should see next, best first, with what they have in common with the "
    "user's latest items."
    "\vExamples:\n"
    "  s3rec recommend --data data --name LastFM --model tuned.safetensors --user 1\n"
    "  s3rec recommend --model tuned.safetensors --history \"12 7 93\" --json\n"
    "  s3rec recommend --events ratings.csv --model tuned.safetensors --user alice\n"
    "  s3rec recommend --model tuned.safetensors \\\n"
    "    --history '\"The Matrix (1999)\" dune-2'\n"
    "\n"
    "All that a user took is the history, held-out items included: this is for use, not for "
    "measuring. Items of the history are never recommended. Ids the model does not know are "
    "skipped. A model that was trained from --events has names: items go in and come out by them.\n"
    "\n"
    "DIR/NAME_names.tsv, where it exists, gives the items titles: tab-separated, the first line "
    "names the columns; those called id and title are used.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data.";

static const char info_text[] =
    "Describes a model file, a training state, a data set, or (without arguments) this build."
    "\vExamples:\n"
    "  s3rec info tuned.safetensors\n"
    "  s3rec info --data data --name LastFM --json\n"
    "  s3rec info --events ratings.csv --min-user-events 5 --min-item-events 5\n"
    "  s3rec info\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data.";

static const char convert_text[] =
    "Writes the data set of events as files for --data and --name, and tables that say what the "
    "numbers in them are called."
    "\vExamples:\n"
    "  s3rec convert --events ratings.csv --min-user-events 5 --min-item-events 5 \\\n"
    "    --attributes movies.csv --attribute-columns genres \\\n"
    "    --data data --name movies\n"
    "  s3rec convert --events new.csv.gz --model tuned.safetensors \\\n"
    "    --data data --name new\n"
    "\n"
    "Writes NAME.txt, NAME_items.tsv and NAME_users.tsv; with --attributes also "
    "NAME_item2attributes.json and NAME_attributes.tsv. Users are numbered from 1 (their line of "
    "NAME.txt), items from 1, attributes from 0. DIR is made where it is missing.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data.";

const cli_command cli_commands[] = {
    {"convert", CLI_CONVERT, cli_convert, "write events as numbered data files", NULL,
     convert_text},
    {"pretrain", CLI_PRETRAIN, cli_pretrain, "learn items and attributes, self-supervised", NULL,
     pretrain_text},
    {"finetune", CLI_FINETUNE, cli_finetune, "learn to predict the next item", NULL, finetune_text},
    {"evaluate", CLI_EVALUATE, cli_evaluate, "measure a model on held-out items", NULL,
     evaluate_text},
    {"recommend", CLI_RECOMMEND, cli_recommend, "print what a user should see next", NULL,
     recommend_text},
    {"report", CLI_REPORT, cli_report, "a page about training runs, from their logs", "LOG...",
     report_text},
    {"info", CLI_INFO, cli_info, "describe a model, a training state, data or the build", "[FILE]",
     info_text},
    {NULL, 0, NULL, NULL, NULL, NULL}};
