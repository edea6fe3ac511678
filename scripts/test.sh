#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/test.sh [--quick] [--no-setup]
#
# Installs what is missing and runs every test (see TESTING.md). --quick runs only
# the tests of the release build. --no-setup installs and fetches nothing; S3REC_SETUP=no
# says the same. The last line is the number of checks that passed, failed and were
# skipped. The status is 1 if a check failed or none ran.
set -eu
. "$(dirname -- "$0")/environment.sh"

quick=
for option; do
  case $option in
    --quick) quick=yes ;;
    --no-setup) export S3REC_SETUP=no ;;
    *) echo "usage: scripts/test.sh [--quick] [--no-setup]" >&2; exit 2 ;;
  esac
done
cd "$root"
"$root/scripts/setup.sh" --tests

# Every stage leaves a log in `results`, in the form of meson's logs.
work=$root/build-test
results=$work/results
rm -rf "$results"
mkdir -p "$results"

# record STAGE RESULT NAME: a log of one line, for a stage that meson did not run.
record() { printf '{"name": "%s", "result": "%s", "stdout": ""}\n' "$3" "$2" >"$results/$1.json"; }

# build STAGE DIR [OPTION...]: if the build fails, records this and returns false.
build() {
  stage=$1 folder=$2
  shift 2
  echo "== $stage: build"
  configure "$folder" --werror "$@" && compile "$folder" && return
  record "$stage" FAIL build
  return 1
}

# run STAGE DIR [OPTION...]: runs meson's tests of a build folder.
run() {
  stage=$1 folder=$2
  shift 2
  echo "== $stage: test"
  rm -f "$folder"/meson-logs/testlog*.json
  meson test -C "$folder" --no-rebuild --print-errorlogs "$@" </dev/null || true
  cat "$folder"/meson-logs/testlog*.json >"$results/$stage.json" 2>/dev/null ||
    record "$stage" FAIL 'meson test'
}

build release "$root/build" --buildtype=release && run release "$root/build"

# The Python package as pip builds and installs it; scripts/setup.sh made the environment.
if [ -e "$tools/python-tests/ready" ]; then
  echo '== python: build and test'
  interposer=$root/build/tests/faults/libs3_faults.so # not where a sanitizer is
  if [ -e "$interposer" ]; then export S3REC_INTERPOSER="$interposer"; fi
  set --
  if [ -e "$tools/onednn/lib/libdnnl.so" ]; then set -- "-Ddnnl_root=$tools/onednn"; fi
  "$tools/python-tests/bin/python" "$root/scripts/test_python.py" "$work/python" \
    "$results/python.json" "$@" >"$work/python.log" 2>&1 </dev/null || cat "$work/python.log"
  [ -e "$results/python.json" ] || record python FAIL 'python package'
else
  record python SKIP 'the Python package: its tools from PyPI are not there'
fi

# The Go package against an installation of the release build.
if [ -e "$root/build/build.ninja" ]; then
  echo '== go: test'
  "$root/scripts/test_go.py" "$root/build" "$work/go" "$results/go.json" \
    >"$work/go.log" 2>&1 </dev/null || cat "$work/go.log"
  [ -e "$results/go.json" ] || record go FAIL 'go package'
else
  record go SKIP 'the Go package: no release build'
fi

if [ -z "$quick" ]; then
  # A oneDNN of another major version than that of the system.
  if "$root/scripts/onednn3.sh" "$work/onednn3"; then
    build onednn3 "$work/build-onednn3" --buildtype=release "-Ddnnl_root=$work/onednn3" &&
      run onednn3 "$work/build-onednn3" --no-suite source --no-suite compilers
  else
    record onednn3 SKIP 'oneDNN 3.x could not be fetched'
  fi

  # Another compiler contracts and orders floating-point operations differently.
  if command -v clang >/dev/null; then
    (
      export CC=clang
      build clang "$work/build-clang" --buildtype=release &&
        run clang "$work/build-clang" --no-suite source --no-suite compilers
    ) || true
  else
    record clang SKIP 'no clang'
  fi

  if have_sanitizers; then
    # Memory errors and undefined behaviour, in everything.
    (
      export CC=clang UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
      export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1
      build address "$work/build-address" --buildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false &&
        run address "$work/build-address" --no-suite source
    ) || true
    # Data races, in suites with threads. It uses only the plain kernels, as other processors do.
    (
      export CC=clang TSAN_OPTIONS=halt_on_error=1
      build thread "$work/build-thread" --buildtype=debugoptimized -Db_sanitize=thread \
        -Db_lundef=false -Dx86_levels=false &&
        run thread "$work/build-thread" --suite threads
    ) || true
  else
    record address SKIP 'no clang with sanitizers'
    record thread SKIP 'no clang with sanitizers'
  fi

  # Inputs that nobody wrote, for 60 s in all; the corpus itself is replayed in every build.
  if have_fuzzer; then
    echo '== fuzz: build and run'
    "$root/scripts/fuzz.sh" --seconds 60 --results "$results/fuzz.json" </dev/null || true
    [ -s "$results/fuzz.json" ] || record fuzz FAIL build
  else
    record fuzz SKIP 'no clang with libFuzzer'
  fi

  # Uninitialised memory, which the sanitizers above do not find.
  if command -v valgrind >/dev/null && [ -e "$root/build/build.ninja" ]; then
    run valgrind "$root/build" --setup valgrind --suite small
  else
    record valgrind SKIP 'no valgrind'
  fi
fi

echo
"$root/scripts/count_tests.py" "$results"/*.json
