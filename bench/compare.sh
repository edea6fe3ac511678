#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: bench/compare.sh [OPTION...] [BENCHMARK...]
#
# Runs s3rec-bench and bench/peer_torch.py in turns on the same data and prints how many times
# faster the library is. BENCHMARK: pretrain, finetune, score, score-batch; default all.
#   --data DIR --name NAME  the data set; default: one made by examples/catalogue
#   --threads N             threads of training on both sides; default: all processors.
#                           Pretraining is measured with one thread as well.
#   --rounds N              default 5; a round has one run of each side
#   --seconds S             length of a measurement, default 3
#   --kernels K             the library's kernel level: auto, baseline, avx2 or avx512
#   --build DIR             default build-bench; a release is built there when nothing is
#   --python PYTHON         a Python that has torch; default python3
#   --torch VERSION         this version, installed with pip in the build folder
#   --compile               training by torch.compile, too; takes minutes before it measures
#   --onnx                  install what scoring by onnxruntime needs, if Python lacks it
# Without --torch a Python that has no torch gets pip's newest, in the build folder too. That takes
# 6 GB of disk: the wheel loads CUDA's libraries even where there is no GPU.
set -eu
. "$(dirname -- "$0")/../scripts/environment.sh"

fail() { echo "compare.sh: $*" >&2; exit 1; }
usage() { echo "compare.sh: $* (--help lists the options)" >&2; exit 2; }

build=$root/build-bench data='' name='' threads=$(getconf _NPROCESSORS_ONLN) rounds=5 seconds=3
kernels=auto python=python3 version='' benchmarks='' compile='' onnx=''
while [ $# -gt 0 ]; do
  case $1 in
    pretrain | finetune | score | score-batch)
      benchmarks="$benchmarks $1"
      shift
      continue ;;
    --compile) compile=compiled; shift; continue ;;
    --onnx) onnx=yes; shift; continue ;;
    --help) sed -n '3,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --data | --name | --threads | --rounds | --seconds | --kernels | --build | --python | --torch)
      [ $# -gt 1 ] || usage "$1 needs a value" ;;
    *) usage "unknown: $1" ;;
  esac
  case $1 in
    --data) data=$2 ;;
    --name) name=$2 ;;
    --threads) threads=$2 ;;
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --kernels) kernels=$2 ;;
    --build) build=$2 ;;
    --python) python=$2 ;;
    --torch) version=$2 ;;
  esac
  shift 2
done
case ${data:+data}${name:+name} in
  data | name) usage '--data and --name go together' ;;
esac
benchmarks=${benchmarks:-pretrain finetune score score-batch}

prepare_build() {
  if [ ! -e "$build/build.ninja" ]; then
    "$root/scripts/setup.sh"
    configure "$build" --buildtype=release -Dtests=false
  fi
  compile "$build"
}

# has_torch PYTHON [VERSION]: a local part as in 2.0.0+cpu does not count.
has_torch() {
  "$1" -c 'import sys, torch
sys.exit(torch.__version__.split("+")[0] != sys.argv[1] if sys.argv[1:] else 0)' \
    ${2:+"$2"} 2>/dev/null
}

# Sets `python` to one that can import torch, of the version asked for.
prepare_torch() {
  if has_torch "$python" $version; then return; fi
  venv=$build/torch${version:+-$version}
  if ! has_torch "$venv/bin/python" $version; then
    echo "installing torch${version:+ $version} in $venv, up to 6 GB ..." >&2
    if ! { "$python" -m venv "$venv" && "$venv/bin/python" -m pip install --quiet \
        --disable-pip-version-check "torch${version:+==$version}" numpy; } \
        >"$build/pip.log" 2>&1; then
      cat "$build/pip.log" >&2
      rm -rf "$venv"
      fail 'pip cannot install torch here; --python names a Python that has it'
    fi
    has_torch "$venv/bin/python" $version || fail "the torch in $venv cannot be imported"
  fi
  python=$venv/bin/python
}

# Sets `trainers` and `scorers`, the variants of peer_torch.py to run. The tuned one needs a fused
# Adam on processors: torch 2.4.
choose_variants() {
  trainers=eager scorers=eager
  if "$python" -c 'import sys, torch
sys.exit(tuple(map(int, torch.__version__.split(".")[:2])) < (2, 4))' 2>/dev/null; then
    trainers="eager tuned $compile" scorers='eager tuned'
  else
    echo 'torch is older than 2.4: without the tuned variant'
  fi
  packages='onnxruntime onnx onnxscript'
  imports='import onnxruntime, onnx, onnxscript'
  export PYTHONPATH="$build/onnx${PYTHONPATH:+:$PYTHONPATH}"
  if [ -n "$onnx" ] && ! "$python" -c "$imports" 2>/dev/null; then
    echo "installing $packages in $build/onnx ..." >&2
    "$python" -m pip install --quiet --disable-pip-version-check --target "$build/onnx" \
      $packages >"$build/pip.log" 2>&1 || cat "$build/pip.log" >&2
  fi
  if "$python" -c "$imports" 2>/dev/null; then
    scorers="$scorers onnx"
  else
    echo "without onnxruntime: $python has not all of $packages (--onnx installs them)"
  fi
}

# Beauty's size.
prepare_data() {
  [ -z "$data" ] || return 0
  data=$build/compare-data name=generated
  "$build/examples/catalogue/s3rec-catalogue" generate --data "$data" --name "$name" \
    --users 22363 --items 12101 >/dev/null
}

# run FILE COMMAND...: its results, objects a line, go to the end of FILE.
run() {
  file=$1
  shift
  "$@" >>"$out/$file" 2>"$out/errors" || { cat "$out/errors" >&2; fail "failed: $*"; }
}

# measure BENCHMARK THREADS: a run of each side. The number of items is the data's; named, it keeps
# s3rec-bench from measuring a large catalogue as well.
measure() {
  peers=$1 variants=$trainers
  case $1 in
    finetune) peers='finetune_ce finetune_bce' ;;
    score) variants=$scorers ;;
    score-batch) peers=score_batch variants=$scorers ;;
  esac
  run library "$build/bench/s3rec-bench" "$1" --data "$data" --name "$name" --threads "$2" \
    --kernels "$kernels" --seconds "$seconds" --items 12101 --json
  for peer in $peers; do
    for variant in $variants; do
      run peer "$python" "$root/bench/peer_torch.py" --bench "$peer" --variant "$variant" \
        --data "$data" --name "$name" --threads "$2" --seconds "$seconds"
    done
  done
}

# Scoring is single-threaded in the library.
measure_all() {
  for benchmark in $benchmarks; do
    case $benchmark in
      pretrain)
        measure pretrain 1
        if [ "$threads" -gt 1 ]; then measure pretrain "$threads"; fi ;;
      finetune) measure finetune "$threads" ;;
      *) measure "$benchmark" 1 ;;
    esac
  done
}

prepare_build
build=$(cd "$build" && pwd)
prepare_torch
choose_variants
prepare_data
out=$build/compare
rm -rf "$out"
mkdir "$out"
# MKL before 2020.1 takes its slowest path on AMD's processors unless told otherwise; later
# ones ignore this.
if grep -q AuthenticAMD /proc/cpuinfo && grep -qw avx2 /proc/cpuinfo; then
  export MKL_DEBUG_CPU_TYPE=5
fi
echo "load average at the beginning: $(cut -d ' ' -f 1-3 /proc/loadavg), of $(nproc) processors"
round=1
while [ "$round" -le "$rounds" ]; do
  echo "round $round of $rounds" >&2
  measure_all
  round=$((round + 1))
done

"$python" - "$out/library" "$out/peer" <<'END'
import json
import statistics
import sys

ROWS = [("pretrain", "step_ms_median", "step, ms"), ("pretrain", "peak_rss_mb", "peak memory, MB"),
        ("finetune_ce", "step_ms_median", "step, ms"),
        ("finetune_bce", "step_ms_median", "step, ms"),
        ("score", "score_us_p50", "a user, us, p50"), ("score", "score_us_p99", "a user, us, p99"),
        ("score_batch", "users_per_s_median", "users a second")]
PEERS = {"eager": "torch", "tuned": "torch, tuned", "compiled": "torch, compiled",
         "onnx": "onnxruntime"}


def values(records, **wanted):
    """The figure `key` of each record that has these values."""
    return [record[key] for record in records
            if all(record.get(name) == value for name, value in wanted.items())]


library, peer = ([json.loads(line) for line in open(path)] for path in sys.argv[1:])
versions = sorted({record["onnxruntime"] for record in peer} - {""})
print(f"libs3rec with {library[0]['backend']} backend and {library[0]['kernels']} kernels, "
      f"torch {peer[0]['torch']} {'with' if peer[0]['mkl'] else 'without'} MKL"
      f"{''.join(', onnxruntime ' + version for version in versions)}; data {peer[0]['data']}\n")
print(f"{'benchmark':13}{'what':17}{'threads':>7}{'libs3rec':>10}  {'peer':15}{'':>8}"
      f"{'ratio':>8}{'least':>8}{'most':>8}")
for benchmark, key, what in ROWS:
    for threads in sorted({record["threads"] for record in peer
                           if record["benchmark"] == benchmark}):
        run = {"benchmark": benchmark, "threads": threads}
        ours = values(library, **run)
        start = f"{benchmark:13}{what:17}{threads:7}{statistics.median(ours):10.4g}  "
        for variant, name in PEERS.items():
            theirs = values(peer, variant=variant, **run)
            if not theirs:
                continue
            ratios = [a / b if key.startswith("users") else b / a for a, b in zip(ours, theirs)]
            print(f"{start}{name:15}{statistics.median(theirs):8.4g}"
                  f"{statistics.median(ratios):8.1f}{min(ratios):8.1f}{max(ratios):8.1f}")
            start = " " * len(start)
END
