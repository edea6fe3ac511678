#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/demo.sh [USER]
#
# Shows every step up to recommendations. It installs what is missing, builds the
# release, makes up a streaming catalogue, pretrains, fine-tunes, compares with two
# baselines and recommends to one viewer (USER, a line of demo.txt). It writes only
# to out/ and build-demo/. A second run gives the same files.
set -eu
. "$(dirname -- "$0")/environment.sh"

user=${1-12}
cd "$root"
"$root/scripts/setup.sh"
echo 'building ...'
configure "$root/build-demo" --buildtype=release -Dtests=false
compile "$root/build-demo"
s3rec=build-demo/cli/s3rec
catalogue=build-demo/examples/catalogue/s3rec-catalogue
data='--data out/data --name demo' # two options: used without quotes
begun=$(date +%s)
rm -f out/pretrain.log out/finetune.log
mkdir -p out

# step TITLE [LINE...]: a heading, and what a new reader needs to know.
step() {
  printf '\n== %s\n' "$1"
  shift
  for line; do printf '   %s\n' "$line"; done
}
# row LABEL OPTION...: the figures of one evaluation.
row() {
  label=$1
  shift
  $s3rec evaluate $data "$@" >out/evaluate.txt
  printf '%-12s%s\n' "$label" "$(tail -n 1 out/evaluate.txt)"
}

step 'A made-up catalogue: viewers with tastes, sequels, directors'
$catalogue generate $data --items 1000 --users 2000

step 'Pretraining: four self-supervised objectives' \
  'Losses for each sequence; they should fall. aap: the attributes of its items. mip: which items' \
  'were masked. map: their attributes. sp: which segment was cut out (0.693 is a pure guess).'
$s3rec pretrain $data --epochs 3 --out out/pretrained.safetensors --log out/pretrain.log

step 'Fine-tuning: predict the next item, find the best epoch' \
  'ndcg@20 should rise. It is 1 if every hidden item is first, 0 if none is among the first 20.' \
  'Then the refit: the same number of epochs again, also on the items that chose the epoch.'
$s3rec finetune $data --model out/pretrained.safetensors --out out/tuned.safetensors \
  --log out/finetune.log

step 'Test: find the last item of each viewer among all items not watched yet' \
  'HR@k: share of the viewers whose item is among the first k. NDCG and MRR also count its place.' \
  'popularity: the same list for all viewers. untrained: the model before training.'
$s3rec pretrain $data --epochs 0 --out out/untrained.safetensors >out/untrained.log
printf '%-12s%s\n' '' '    HR@1    HR@5   HR@10   HR@20  NDCG@5 NDCG@10 NDCG@20     MRR'
row popularity --popularity
row untrained --model out/untrained.safetensors
row trained --model out/tuned.safetensors

step "Recommendations for viewer $user" \
  'popularity: place among all items by views. why: what the catalogue says about the item.' \
  'The model itself saw only numbers.'
$catalogue recommend $data --items 1000 --model out/tuned.safetensors --user "$user"
printf '\nAll of this took %s s. The files are in out/. Two more commands: another viewer,\n' \
  "$(($(date +%s) - begun))"
printf 'and the output of the tool, which works with any catalogue:\n'
echo "  $catalogue recommend $data --items 1000 --model out/tuned.safetensors --user 7"
echo "  $s3rec recommend $data --model out/tuned.safetensors --user 7"
