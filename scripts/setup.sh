#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/setup.sh [--tests]
#
# Installs everything that a build needs and that is missing; with --tests also
# what the tests use. It uses apt if it may. Else it names what is missing and
# ends with status 1. It prints nothing if nothing is missing. Tools that only
# some tests use (clang, valgrind, doxygen, ...) are optional: without them those
# tests are skipped. ccache makes builds faster.
set -eu
. "$(dirname -- "$0")/environment.sh"

tests=
case ${1-} in
  '') ;;
  --tests) tests=yes ;;
  *) echo "usage: scripts/setup.sh [--tests]" >&2; exit 2 ;;
esac

have() { command -v "$1" >/dev/null 2>&1; }
have_package() { pkg-config --exists "$1" 2>/dev/null; }

# have_onednn: is there a oneDNN of 2.6 or later, in the system or in `tools`?
have_onednn() {
  [ -e "$tools/onednn/lib/libdnnl.so" ] && return 0
  printf '%s\n' '#include <oneapi/dnnl/dnnl_version.h>' \
    '#if DNNL_VERSION_MAJOR * 100 + DNNL_VERSION_MINOR < 206' '#error' '#endif' |
    cc -E - >/dev/null 2>&1
}

# need NAME PACKAGE TEST...: if the test fails, adds to `missing` and `packages`.
need() {
  name=$1 package=$2
  shift 2
  "$@" || { missing="$missing
  $name (Debian, Ubuntu: $package)"; packages="$packages $package"; }
}

look() {
  missing='' packages=''
  need 'a C compiler' gcc have cc
  need 'the C library headers' libc6-dev test -e /usr/include/stdlib.h
  need 'Python 3' python3 have python3
  need 'meson 1.0 or later' meson have_meson
  need ninja ninja-build have ninja
  need pkg-config pkg-config have pkg-config
  need 'jansson 2.11 or later' libjansson-dev have_package 'jansson >= 2.11'
  need zlib zlib1g-dev have_package zlib
  need 'oneDNN 2.6 or later' libdnnl-dev have_onednn
  if [ "$tests" ]; then need 'libcheck 0.11 or later' check have_package 'check >= 0.11'; fi
}

look_optional() {
  missing='' packages=''
  need 'a C++ compiler' g++ have c++
  need ccache ccache have ccache
  need clang clang have clang
  need valgrind valgrind have valgrind
  need doxygen doxygen have doxygen
  need Go golang-go have go
  need libabigail abigail-tools have abidiff
  need 'pip for Python 3' python3-pip python3 -m pip --version >/dev/null 2>&1
}

# The name of the package with the sanitizers' run-time libraries has clang's version in it.
look_sanitizers() {
  missing='' packages=''
  version=$(clang -dumpversion 2>/dev/null) || return 0
  need "clang's sanitizers" "libclang-rt-${version%%.*}-dev" have_sanitizers
}

# as_root COMMAND...
if [ "$(id -u)" -eq 0 ]; then
  as_root() { env DEBIAN_FRONTEND=noninteractive "$@"; }
elif have sudo && sudo -n true 2>/dev/null; then
  as_root() { sudo -n env DEBIAN_FRONTEND=noninteractive "$@"; }
else
  as_root() { return 1; }
fi

updated=
# install PACKAGE...: one by one, so that one unknown name does not stop the other packages.
install() {
  have apt-get && as_root true || return 0
  mkdir -p "$tools"
  if [ -z "$updated" ]; then
    as_root apt-get update >"$tools/apt.log" 2>&1 </dev/null || true
    updated=yes
  fi
  for package; do
    echo "setup: installing $package"
    as_root apt-get install -y --no-install-recommends "$package" >>"$tools/apt.log" 2>&1 \
      </dev/null || echo "setup: apt could not install $package (see $tools/apt.log)" >&2
  done
}

look
if [ "$packages" ]; then install $packages; fi

# Older distributions have packages that are too old. PyPI has newer ones.
if have python3 && ! have_meson; then
  python3 -m venv --help >/dev/null 2>&1 || install python3-venv
  echo 'setup: fetching meson from PyPI'
  mkdir -p "$tools"
  python3 -m venv "$tools/python" >"$tools/pip.log" 2>&1 &&
    "$tools/python/bin/pip" install --quiet 'meson>=1.0' ninja >>"$tools/pip.log" 2>&1 || true
fi
if have cc && ! have_onednn && [ "$(uname -m)" = x86_64 ]; then
  echo 'setup: fetching oneDNN 3.x from PyPI'
  python3 -m pip --version >/dev/null 2>&1 || install python3-pip
  "$root/scripts/onednn3.sh" "$tools/onednn" || true
fi

look
if [ "$missing" ]; then
  printf 'setup: please install what is missing:%s\n' "$missing" >&2
  exit 1
fi
if [ "$tests" ]; then
  look_optional
  if [ "$packages" ]; then install $packages; fi
  look_sanitizers
  if [ "$packages" ]; then install $packages; fi

  # Tests of the Python package need tools from PyPI. Without these tools they are skipped.
  environment=$tools/python-tests
  if [ ! -e "$environment/ready" ]; then
    echo 'setup: fetching the tools for tests of the Python package from PyPI'
    mkdir -p "$tools"
    make_environment() { python3 -m venv --clear "$environment" >"$tools/venv.log" 2>&1; }
    { make_environment || { install python3-venv && make_environment; }; } &&
      "$environment/bin/pip" install --quiet --disable-pip-version-check numpy pytest mypy \
        build hypothesis pandas polars pyarrow scikit-learn tqdm >>"$tools/venv.log" 2>&1 \
        </dev/null && touch "$environment/ready" ||
      echo "setup: failed, tests of the Python package are skipped (see $tools/venv.log)" >&2
  fi
fi
