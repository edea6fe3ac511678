#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/demo.sh [USER]
#
# The whole way, from nothing to recommendations: sets up what is missing, builds
# the release, makes up a streaming catalogue, pretrains, fine-tunes, compares with
# two baselines and recommends to one viewer (USER, a line of demo.txt). Everything
# it writes is in out/ and build-demo/; a second run gives the same files.
set -eu
. "$(dirname -- "$0")/environment.sh"

user=${1-12}
cd "$root"
"$root/scripts/setup.sh"
echo 'building ...'
configure "$root/build-demo" --buildtype=release -Dtests=false
compile "$root/build-demo"
s3rec=build-demo/cli/s3rec
data='--data out/data --name demo' # two options: used without quotes
begun=$(date +%s)
rm -f out/pretrain.log out/finetune.log
mkdir -p out

step() { printf '\n== %s\n' "$*"; }
# row LABEL OPTION...: the figures of one evaluation.
row() {
  label=$1
  shift
  $s3rec evaluate $data "$@" >out/evaluate.txt
  printf '%-12s%s\n' "$label" "$(tail -n 1 out/evaluate.txt)"
}

step 'A catalogue, made up: viewers with tastes, sequels, directors'
$s3rec generate $data --users 2000 --items 1000 --seed 42

step 'Pretraining: four self-supervised objectives'
$s3rec pretrain $data --epochs 3 --out out/pretrained.safetensors --log out/pretrain.log

step 'Fine-tuning: predict the next item, keep the best epoch'
$s3rec finetune $data --model out/pretrained.safetensors --batch-size 64 --epochs 25 \
  --patience 5 --out out/tuned.safetensors --log out/finetune.log

step 'Test: find the last item of each viewer among all items not watched yet'
$s3rec pretrain $data --epochs 0 --out out/untrained.safetensors >out/untrained.log
printf '%-12s%s\n' '' '    HR@1    HR@5   HR@10   HR@20  NDCG@5 NDCG@10 NDCG@20     MRR'
row popularity --popularity
row untrained --model out/untrained.safetensors
row trained --model out/tuned.safetensors

step "Recommendations for viewer $user"
$s3rec recommend $data --model out/tuned.safetensors --user "$user" --k 10
printf '\n%s s for all of this. Files are in out/; another viewer:\n' "$(($(date +%s) - begun))"
echo "  $s3rec recommend $data --model out/tuned.safetensors --user 7"
