#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/requirements/lock.sh
#
# Writes build.txt and tests.txt again, from build.in and tests.in: the newest releases for each
# Python from 3.9 on, with all they need and the SHA-256 of every file of these releases. It is run
# by hand, to move to newer releases; it needs the program uv and PyPI. Everything else installs
# from these files, and so always the same.
set -eu
cd "$(dirname -- "$0")"

for name in build tests; do
  {
    sed -n 2p lock.sh
    echo "# Written by scripts/requirements/lock.sh from $name.in."
    uv pip compile --quiet --universal --python-version 3.9 --only-binary :all: \
      --generate-hashes --no-annotate --no-header --no-emit-package colorama "$name.in"
  } >"$name.part"
  mv "$name.part" "$name.txt"
done
