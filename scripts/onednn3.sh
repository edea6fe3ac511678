#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/onednn3.sh DIR
#
# Unpacks a oneDNN 3.x into the prefix DIR (lib, include) for -Ddnnl_root=DIR. It
# is Intel's CPU build for the GNU OpenMP runtime, from PyPI. Its libdnnl.so uses
# the libgomp.so.1 of the system and has no OpenMP runtime of its own. So there is
# only one in the process, as with Debian's package. Downloads stay in DIR.wheels.
# If the prefix is there already, nothing is done.
set -eu

version=2023.2.0 # of the packages; oneDNN 3.2

[ $# -eq 1 ] || { echo "usage: scripts/onednn3.sh DIR" >&2; exit 2; }
prefix=$1
[ -e "$prefix/lib/libdnnl.so.3" ] && exit 0
if [ "$(uname -m)" != x86_64 ]; then
  echo "onednn3.sh: these packages are for x86-64, this is $(uname -m)" >&2
  exit 1
fi

wheels=$prefix.wheels
mkdir -p "$wheels"
if [ "$(ls "$wheels" | grep -c '\.whl$')" -lt 2 ]; then
  python3 -m pip --version >/dev/null 2>&1 || {
    echo "onednn3.sh: python3 has no pip (Debian: python3-pip)" >&2
    exit 1
  }
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$wheels" "onednn-devel-cpu-gomp==$version" "onednn-cpu-gomp==$version" >&2
fi

# A wheel is a zip file. The files for the prefix are below NAME.data/data in it. The
# prefix gets its name only when it is complete.
python3 - "$wheels" "$prefix.part" <<'PYTHON'
import pathlib
import shutil
import sys
import zipfile

wheels, prefix = map(pathlib.Path, sys.argv[1:])
shutil.rmtree(prefix, ignore_errors=True)
for wheel in sorted(wheels.glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            head, separator, tail = name.partition(".data/data/")
            if not separator or "/" in head or ".." in tail.split("/") or name.endswith("/"):
                continue
            target = prefix / tail
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
PYTHON
for name in libdnnl.so libdnnl.so.3; do # in a wheel these are copies, not links
  (cd "$prefix.part/lib" && ln -sf libdnnl.so.3.* "$name")
done
rm -rf "$prefix"
mv "$prefix.part" "$prefix"
echo "oneDNN 3.x is in $prefix"
