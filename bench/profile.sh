#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: bench/profile.sh [--build DIR] [BENCHMARK [OPTION...]]
#
# Where the time of a benchmark goes, by group of functions: samples of perf or, where perf cannot
# record, instructions counted by callgrind. BENCHMARK and its options are s3rec-bench's; default:
# pretrain --threads 1 --steps 300. A tenth of a second for the floor's products and the set-up are
# in it: take many steps. DIR: default build-bench; a release is built there when nothing is.
set -eu
. "$(dirname -- "$0")/../scripts/environment.sh"

build=$root/build-bench
case ${1-} in
  --help) sed -n '3,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --build)
    [ $# -gt 1 ] || { echo 'profile.sh: --build needs a value' >&2; exit 2; }
    build=$2
    shift 2 ;;
esac
if [ $# -eq 0 ]; then set -- pretrain --threads 1 --steps 300; fi
if [ ! -e "$build/build.ninja" ]; then
  "$root/scripts/setup.sh"
  configure "$build" --buildtype=release -Dtests=false
fi
compile "$build"

# Each prints lines of "count where function".
sample() {
  perf record -q -F 1999 -o "$build/perf.data" "$build/bench/s3rec-bench" "$@" >&2 &&
    perf report -i "$build/perf.data" --stdio -F sample,dso,sym 2>/dev/null
}
count() {
  valgrind --quiet --tool=callgrind --callgrind-out-file="$build/callgrind.out" \
    "$build/bench/s3rec-bench" "$@" --steps 20 >&2 &&
    callgrind_annotate --threshold=100 "$build/callgrind.out"
}
if perf record -q -o /dev/null true >/dev/null 2>&1; then
  sample "$@" >"$build/profile.txt"
elif command -v valgrind >/dev/null; then
  echo 'perf cannot record here: instructions by callgrind instead, 20 steps' >&2
  count "$@" >"$build/profile.txt"
else
  echo 'profile.sh: needs perf or valgrind' >&2
  exit 1
fi

python3 - "$build/profile.txt" <<'END_OF_TABLE'
import collections
import re
import sys

# The first that fits; a function of oneDNN has no name, as it was made at run time.
GROUPS = [("matrix products", r"multiply_|lay_out_|place_panels"),
          ("attention", r"attention|product_rows|transpose"),
          ("heads, losses", r"cross_entropy|softmax|_aap|_mip|_map|_sp\b|pair_loss|item_rows|four_"
                            r"products|attribute|head_|objective|next_item|select_rows"),
          ("norm, residual", r"_norm|s3_add_|s3_add\b"),
          ("activation", r"activation_"),
          ("embedding, bias", r"embedding|bias"),
          ("Adam, gradient sums", r"adam|gradients|first_not_finite"),
          ("sampling, batch", r"sampler|_fill|batch|negative|item_set|ragged"),
          ("scoring", r"scan|bounds|rank|above|top_k|quantize|matrix_vector|gathered|largest"),
          ("matrix products", r"gemm|linear|panel|JIT|dnnl|\?\?\?"),
          ("memory, system", r"mem(set|move|cpy)|\[k\]|kernel")]

counts = collections.Counter()
for line in open(sys.argv[1]):
    match = re.match(r"\s*([\d,]+)\s+(?:\([ \d.]+%\)\s+)?(\S.*)", line)
    if match is None or "PROGRAM TOTALS" in line:
        continue
    name = next((name for name, pattern in GROUPS if re.search(pattern, match[2])), "other")
    counts[name] += int(match[1].replace(",", ""))
total = sum(counts.values())
for name, number in counts.most_common():
    print(f"{name:22}{100 * number / total:6.1f} %")
END_OF_TABLE
