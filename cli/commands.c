/* SPDX-License-Identifier: Apache-2.0 */
/* The commands and the texts of their --help. The options come from option_table.c. */
#include "cli.h"

static const char pretrain_text[] =
    "Learns the embeddings and the encoder from the data alone. Four objectives predict the "
    "attributes of an item, the attributes of a masked item, the masked item itself and a missing "
    "segment.\n\n"
    "The last two items of every user are held out: they are not used, unless --reference-draws "
    "asks for them. The training state is saved every --save-every epochs and on an interrupt "
    "(Ctrl-C, SIGTERM, a closed terminal unless under nohup, the limit of `ulimit -t')."
    "\vExamples:\n"
    "  s3rec pretrain --data data --name LastFM --epochs 150 \\\n"
    "    --out lastfm.safetensors\n"
    "  s3rec pretrain --data data --name LastFM --resume lastfm.safetensors.state \\\n"
    "    --out lastfm.safetensors\n"
    "  s3rec pretrain --events ratings.csv --min-user-events 5 \\\n"
    "    --min-item-events 5 --attributes movies.csv --attribute-columns genres \\\n"
    "    --out movies.safetensors\n"
    "\n"
    "A model that is trained from --events keeps the names of its items and attributes.\n"
    "\n"
    "A resumed run takes its options from the state. An option that contradicts the state is "
    "refused. --epochs may be raised, unless --schedule is cosine. Without "
    "NAME_item2attributes.json the attribute objectives have only negatives to learn from, and a "
    "remark says so. A file with attributes for none of the data's items is refused.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data, 130 interrupted.";

static const char finetune_text[] =
    "Trains a model to predict each next item. Training starts from a pretrained model or from "
    "fresh weights. It finds the epoch that ranks the valid split best, trains again for the same "
    "number of epochs, also on the valid items (--refit), and prints test metrics."
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
    "With --events and --model the items are those of the model. Events of other items are left "
    "out and counted.\n"
    "\n"
    "With --model the network is that of the file; only its dropouts come from the recipe or from "
    "options. A resumed run takes its options from the state. An option that contradicts the state "
    "is refused. The state also holds the best weights so far; a file of --out with other weights "
    "is not replaced. A refit starts from the file of --model again, so this file must still "
    "exist. If it was moved, give its new path with --model. NAME_sample.txt is read only for "
    "--stop-protocol sampled.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data, 130 interrupted.";

static const char report_text[] =
    "Makes one HTML page from one or more training logs: results, curves of losses and metrics, "
    "metrics by history length and by item popularity, example users, configuration. The page "
    "needs no other file: it has no scripts and loads nothing."
    "\vExamples:\n"
    "  s3rec report tuned.log --out tuned.html\n"
    "  s3rec report ce.log bce.log scratch.log --out losses.html\n"
    "\n"
    "A log is the file that --log of pretrain and finetune writes. All its runs are shown, "
    "finished or not. "
    "`s3rec finetune --report FILE' makes the page of its own run.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data.";

static const char evaluate_text[] =
    "Ranks the held-out item of every user (test: the last item, valid: the one before it). "
    "Prints hit rate, NDCG and MRR, and how they were measured."
    "\vExamples:\n"
    "  s3rec evaluate --data data --name LastFM --model tuned.safetensors\n"
    "  s3rec evaluate --data data --name LastFM --model tuned.safetensors \\\n"
    "    --split valid --protocol sampled --json\n"
    "  s3rec evaluate --data data --name LastFM --popularity\n"
    "  s3rec evaluate --events ratings.csv --min-user-events 5 \\\n"
    "    --min-item-events 5 --model tuned.safetensors\n"
    "\n"
    "The first rank is 0. HR@k: share of the users whose held-out item has a rank below k. "
    "NDCG@k: mean of 1/log2(rank+2), or of 0 from rank k on. MRR: mean of 1/(rank+1).\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data.";

static const char recommend_text[] =
    "Prints the items that a user should see next, best first, and what each of them has in common "
    "with the user's latest items."
    "\vExamples:\n"
    "  s3rec recommend --data data --name LastFM --model tuned.safetensors --user 1\n"
    "  s3rec recommend --model tuned.safetensors --history \"12 7 93\" --json\n"
    "  s3rec recommend --events ratings.csv --model tuned.safetensors --user alice\n"
    "  s3rec recommend --model tuned.safetensors \\\n"
    "    --history '\"The Matrix (1999)\" dune-2'\n"
    "\n"
    "The history is every item that the user took, held-out items included: this command is for "
    "use, not for measuring. Items of the history are never recommended. Ids that the model does "
    "not know are skipped. A model that was trained from --events has item names: items are given "
    "and printed by name.\n"
    "\n"
    "DIR/NAME_names.tsv, if it exists, holds titles of the items. The file is tab-separated and "
    "its first line names the columns; the columns id and title are used.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data.";

static const char info_text[] =
    "Describes a model file, a training state or a data set; without arguments, this build."
    "\vExamples:\n"
    "  s3rec info tuned.safetensors\n"
    "  s3rec info --data data --name LastFM --json\n"
    "  s3rec info --events ratings.csv --min-user-events 5 --min-item-events 5\n"
    "  s3rec info\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 bad input data.";

static const char convert_text[] =
    "Writes events as data files for --data and --name, with tables of the names that the numbers "
    "in these files stand for."
    "\vExamples:\n"
    "  s3rec convert --events ratings.csv --min-user-events 5 --min-item-events 5 \\\n"
    "    --attributes movies.csv --attribute-columns genres \\\n"
    "    --data data --name movies\n"
    "  s3rec convert --events new.csv.gz --model tuned.safetensors \\\n"
    "    --data data --name new\n"
    "\n"
    "Writes NAME.txt, NAME_items.tsv and NAME_users.tsv; with --attributes also "
    "NAME_item2attributes.json and NAME_attributes.tsv. Users are numbered from 1 (their line of "
    "NAME.txt), items from 1, attributes from 0. DIR is made if it does not exist.\n"
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
    {"report", CLI_REPORT, cli_report, "make a page about training runs from their logs", "LOG...",
     report_text},
    {"info", CLI_INFO, cli_info, "describe a model, a training state, data or the build", "[FILE]",
     info_text},
    {NULL, 0, NULL, NULL, NULL, NULL}};
