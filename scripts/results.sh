#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/results.sh DATA NAME OUT [SEED...]
#
# Does the runs of docs/results.md, for the data set NAME in the folder DATA: pretraining (150
# epochs) and each fine-tuning, with pretrained and with fresh weights, for each seed (42 43 44).
# Weights, states, logs and a table go to OUT. If the script was stopped, call the same command
# again: it skips runs that are complete and continues the one that was stopped.
#
# Environment: CHECKPOINT=FILE starts from these weights instead of pretraining (a second file
# needs another OUT); RUNS='paper best' does only these runs; THREADS is for each run (default:
# all cores); S3REC is the tool (default: it is built here).
set -eu
. "$(dirname -- "$0")/environment.sh"

if [ $# -lt 3 ]; then
  sed -n '3,13s/^# \{0,1\}//p' "$0"
  exit 2
fi
data=$1 name=$2 out=$3
shift 3
[ $# -gt 0 ] || set -- 42 43 44
runs=${RUNS-'paper paper-99 ce best-selected best'}
threads=${THREADS-$(nproc)}
if [ -z "${S3REC-}" ]; then
  "$root/scripts/setup.sh"
  configure "$root/build-results" --buildtype=release -Dtests=false
  compile "$root/build-results"
  S3REC=$root/build-results/cli/s3rec
fi
mkdir -p "$out"

# run COMMAND FILE OPTION...: does a run to its end, or continues it.
run() {
  command=$1 file=$2
  shift 2
  if grep -q '"event":"done"' "$file.log" 2>/dev/null; then return; fi
  printf '\n== %s: s3rec %s %s\n' "$(basename "$file")" "$command" "$*"
  if [ -f "$file.state" ]; then set -- --resume "$file.state"; fi
  "$S3REC" "$command" --data "$data" --name "$name" --threads "$threads" --out "$file" \
    --log "$file.log" "$@"
}

# finetune FILE RUN [--model FILE] --seed N
finetune() {
  file=$1 kind=$2
  shift 2
  case $kind in
    paper) run finetune "$file" --recipe paper "$@" ;;
    paper-99) run finetune "$file" --recipe paper --stop-protocol sampled "$@" ;;
    ce) run finetune "$file" --recipe paper --loss ce "$@" ;;
    best-selected) run finetune "$file" --refit none "$@" ;;
    best) run finetune "$file" "$@" ;;
    *) echo "no such run: $kind" >&2 && exit 2 ;;
  esac
}

for seed; do
  pretrained=${CHECKPOINT:-$out/pretrained-$seed.safetensors}
  weights=checkpoint
  if [ -z "${CHECKPOINT-}" ]; then
    weights=pretrained
    run pretrain "$pretrained" --epochs 150 --seed "$seed"
  fi
  for kind in $runs; do
    if [ "$kind" = paper-99 ] && [ ! -f "$data/${name}_sample.txt" ]; then continue; fi
    finetune "$out/$kind.$weights.$seed.safetensors" "$kind" --model "$pretrained" --seed "$seed"
    [ -n "${CHECKPOINT-}" ] || finetune "$out/$kind.fresh.$seed.safetensors" "$kind" --seed "$seed"
  done
done
"$root/scripts/results_table.py" "$out" >"$out/table.md"
cat "$out/table.md"
