#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/coverage.sh [--no-run] [--html DIR] [SUITE...]
#
# Measures which lines, functions and branches of lib the tests run: builds build-coverage with
# gcc, not optimised and without assertions, runs the unit and cli suites but those that train for
# long (or only those named), and prints a table by folder.
# build-coverage/uncovered.txt gets every branch that was never taken. --html writes the sources of
# lib as pages, with what did not run in colour. --no-run builds and runs nothing, but reads again
# what the last run left.
set -eu
. "$(dirname -- "$0")/environment.sh"

run=yes html=
while [ $# -gt 0 ]; do
  case $1 in
    --no-run) run= ;;
    --html) html=${2:?DIR is missing}; shift ;;
    -*) sed -n '3,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
folder=$root/build-coverage
if [ "$run" ]; then
  CC=gcc configure "$folder" --buildtype=debug -Db_coverage=true -Db_ndebug=true -Dpython=false \
    -Dc_args=-fprofile-update=prefer-atomic
  compile "$folder"
  find "$folder" -name '*.gcda' -delete
  if [ $# -eq 0 ]; then set -- --suite unit --suite cli --no-suite slow --no-suite long; fi
  # A failed test is named, and what it ran counts.
  meson test -C "$folder" --no-rebuild --print-errorlogs "$@" </dev/null >"$folder/test.log" 2>&1 ||
    grep -E ' (FAIL|TIMEOUT) ' "$folder/test.log" >&2
fi
python3 "$root/scripts/coverage.py" "$folder" "$folder/uncovered.txt" ${html:+"$html"}
