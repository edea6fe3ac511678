#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/onednn3.sh DIR
#
# Unpacks a oneDNN 3.x into the prefix DIR (lib, include) for -Ddnnl_root=DIR. It
# is Intel's CPU build for the GNU OpenMP runtime, from PyPI. Its libdnnl.so uses
# the libgomp.so.1 of the system and has no OpenMP runtime of its own. So there is
# only one in the process, as with Debian's package. Downloads stay in DIR.wheels;
# nothing is unpacked unless its SHA-256 is the one below. If the prefix is there
# already, nothing is done. With S3REC_SETUP=no nothing is downloaded.
set -eu

version=2023.2.0 # of the packages; oneDNN 3.2
wheel_hashes="\
2f22a54d6a890ed14bfa185d42a4be65d8b5b1df85dc1f0f3a9abe31620416fb  \
onednn_cpu_gomp-$version-py2.py3-none-manylinux1_x86_64.whl
9763c69e8c907e119056bd52ad918ca84ac9ba939d130a99dfa95ccca3e5e284  \
onednn_devel_cpu_gomp-$version-py2.py3-none-manylinux1_x86_64.whl"

[ $# -eq 1 ] || { echo "usage: scripts/onednn3.sh DIR" >&2; exit 2; }
prefix=$1
[ -e "$prefix/lib/libdnnl.so.3" ] && exit 0
if [ "$(uname -m)" != x86_64 ]; then
  echo "onednn3.sh: these packages are for x86-64, this is $(uname -m)" >&2
  exit 1
fi

wheels=$prefix.wheels
mkdir -p "$wheels"
have_wheels() { (cd "$wheels" && echo "$wheel_hashes" | sha256sum --check --status 2>/dev/null); }
if ! have_wheels; then
  if [ "${S3REC_SETUP-yes}" = no ]; then
    echo "onednn3.sh: $wheels does not hold the wheels, and S3REC_SETUP=no: none are fetched" >&2
    exit 1
  fi
  python3 -m pip --version >/dev/null 2>&1 || {
    echo "onednn3.sh: python3 has no pip (Debian: python3-pip)" >&2
    exit 1
  }
  echo "onednn3.sh: from PyPI, by version and SHA-256: oneDNN 3.2 ($version) into $prefix"
  rm -f "$wheels"/*
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$wheels" "onednn-devel-cpu-gomp==$version" "onednn-cpu-gomp==$version" >&2
  have_wheels || {
    echo "onednn3.sh: what PyPI gave is not what was expected: $wheels is not used" >&2
    exit 1
  }
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
