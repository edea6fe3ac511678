#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/fuzz.sh [--hours H] [--seconds S] [--results FILE] [TARGET...]
#
# Builds the fuzz targets (fuzz/README.md) with clang's libFuzzer, address and undefined-behaviour
# sanitizers in build-fuzz, and runs them one after the other on all processors: H hours in all,
# by default one. Inputs that reach new code are kept in build-fuzz/corpus, findings, as small as
# they become, in build-fuzz/findings. At the end a table says how often each target was run, and
# how many findings there are; the status is 1 if there are any.
#
# --seconds is for tests: S seconds in all, one process, the corpus of the tree, always the same
# random numbers, and nothing is kept but findings. --results writes a log in the form of meson's.
set -eu
. "$(dirname -- "$0")/environment.sh"

seconds='' hours=1 results='' targets=''
while [ $# -gt 0 ]; do
  case $1 in
    --hours) hours=${2:?hours}; shift ;;
    --seconds) seconds=${2:?seconds}; shift ;;
    --results) results=${2:?a file}; shift ;;
    -*) sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2 ;;
    *) targets="$targets $1" ;;
  esac
  shift
done
have_fuzzer || { echo 'fuzz: needs clang with libFuzzer' >&2; exit 2; }

folder=$root/build-fuzz
export CC=clang
configure "$folder" --werror --buildtype=debugoptimized -Dfuzz=true -Dtests=false -Dtool=false \
  -Dbench=false -Dexamples=false -Db_sanitize=address,undefined -Db_lundef=false
compile "$folder"
if [ -z "$targets" ]; then
  for program in "$folder"/fuzz/*_fuzzer; do
    name=${program##*/}
    targets="$targets ${name%_fuzzer}"
  done
fi
set -- $targets

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1
if [ "$seconds" ]; then
  share=$((seconds / $#))
else
  share=$(awk "BEGIN { print int($hours * 3600 / $#) }")
fi
[ "$share" -gt 0 ] || share=1

# What a process that was ended leaves behind goes with this folder, which lies in memory.
TMPDIR=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# executions LOG...: how many inputs the processes that wrote these logs have run.
executions() {
  sed -n 's/^stat::number_of_executed_units: *//p' "$@" |
    awk '{ sum += $1 } END { print sum + 0 }'
}

# minimise TARGET FILE: makes a finding smaller, where that is possible.
minimise() {
  case $2 in *.small | */timeout-* | */slow-unit-*) return ;; esac
  "$folder/fuzz/$1_fuzzer" -minimize_crash=1 -max_total_time=60 \
    "-exact_artifact_path=$2.small" "$2" >/dev/null 2>&1 </dev/null || true
}

# fuzz TARGET: leaves its logs in `logs`.
fuzz() {
  target=$1
  logs=$folder/logs/$target found=$folder/findings/$target seeds=$root/fuzz/corpus/$target
  kept=$folder/corpus/$target
  rm -rf "$logs"
  mkdir -p "$logs" "$found" "$kept"
  dictionary=$(sed -n "s/^ *'$target': .*# \(.*\.dict\)$/\1/p" "$root/fuzz/meson.build")
  set -- -max_len=16384 -timeout=120 -rss_limit_mb=3072 -malloc_limit_mb=1024 \
    -print_final_stats=1 "-max_total_time=$share" "-artifact_prefix=$found/"
  if [ "$dictionary" ]; then set -- "$@" "-dict=$root/fuzz/$dictionary"; fi
  if [ "$seconds" ]; then
    kept=$logs/corpus
    mkdir "$kept"
    set -- "$@" -seed=1
  else
    set -- "$@" "-jobs=$(getconf _NPROCESSORS_ONLN)" "-workers=$(getconf _NPROCESSORS_ONLN)"
  fi
  (cd "$logs" && "$folder/fuzz/${target}_fuzzer" "$@" "$kept" "$seeds" >run.log 2>&1 </dev/null) ||
    failed="$failed $target"
}

failed='' sum=0
[ -z "$results" ] || : >"$results"
printf '%-12s %12s %10s\n' target executions findings
for target; do
  before=$failed
  fuzz "$target"
  for finding in "$found"/*; do
    if [ -e "$finding" ]; then minimise "$target" "$finding"; fi
  done
  set -- "$logs"/fuzz-*.log
  if [ ! -e "$1" ]; then set -- "$logs/run.log"; fi
  count=$(executions "$@")
  sum=$((sum + count))
  findings=$(find "$found" -type f ! -name '*.small' | wc -l)
  printf '%-12s %12d %10d\n' "$target" "$count" "$findings"
  result=OK
  if [ "$before" != "$failed" ]; then
    result=FAIL
    grep -h -m 1 -A 25 -e 'this does not hold' -e 'runtime error' -e 'ERROR: ' "$@" | cut -c 1-200
  fi
  if [ "$results" ]; then
    printf '{"name": "fuzz %s, %d executions", "result": "%s", "stdout": ""}\n' "$target" "$count" \
      "$result" >>"$results"
  fi
done
printf '%-12s %12d\n' all "$sum"
if [ "$failed" ]; then
  echo "fuzz: findings of$failed are in $folder/findings" >&2
  exit 1
fi
