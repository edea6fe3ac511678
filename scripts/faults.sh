#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/faults.sh [SUITE...]
#
# The long form of the fault suites (tests/faults): memory, calls, kills, limits, hosts. Every
# request for memory and every call of the system fails once, the tool is killed 1,000 times. It
# ends with the table of docs/trust.md. The log is build-faults/faults.log.
#
# Environment: KILLS is the number of kills (1000).
set -eu
. "$(dirname -- "$0")/environment.sh"

folder=$root/build-faults
configure "$folder" --buildtype=release
compile "$folder"
library=$(ls -d "$folder"/lib/libs3rec.so.*.*.*[0-9])
status=0
python3 -u "$root/tests/faults/long.py" "$folder/tests/faults/flow" \
  "$folder/tests/faults/libs3_faults.so" "$folder/cli/s3rec" "$library" "${KILLS-1000}" "$@" \
  >"$folder/faults.log" 2>&1 || status=$?
grep -v '^ok: ' "$folder/faults.log"
exit "$status"
