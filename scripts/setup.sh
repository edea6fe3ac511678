#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/setup.sh [--tests] [--no-sudo | --offline]
#
# Installs everything that a build needs and that is missing; with --tests also
# what the tests use. Before it uses root's rights or the net it says for what:
#
# - Packages of the distribution, by apt-get as root or by sudo without a password.
#   The distribution's signatures and release pin them. --no-sudo: not these.
# - Tools from PyPI, into build-tools. Files in scripts/requirements pin them by
#   version and SHA-256. --offline, or S3REC_SETUP=no: neither these nor packages.
#
# If something that a build needs is still missing it names it and ends with status
# 1. It prints nothing if nothing is missing. Tools that only some tests use (clang,
# valgrind, doxygen, ...) are optional: without them those tests are skipped. ccache
# makes builds faster.
set -eu
. "$(dirname -- "$0")/environment.sh"

tests='' use_apt=yes use_net=yes
for option; do
  case $option in
    --tests) tests=yes ;;
    --no-sudo) use_apt= ;;
    --offline) use_net= ;;
    *) echo "usage: scripts/setup.sh [--tests] [--no-sudo | --offline]" >&2; exit 2 ;;
  esac
done
if [ "${S3REC_SETUP-yes}" = no ]; then use_net=; fi

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
  need 'jansson 2.11 or later (for the tool)' libjansson-dev have_package 'jansson >= 2.11'
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

# as_root COMMAND...; sudo is not even asked if apt is not to be used.
if [ -z "$use_net" ] || [ -z "$use_apt" ] || ! have apt-get; then
  as_root() { return 1; }
elif [ "$(id -u)" -eq 0 ]; then
  sudo='as root'
  as_root() { env DEBIAN_FRONTEND=noninteractive "$@"; }
elif have sudo && sudo -n true 2>/dev/null; then
  sudo='by sudo'
  as_root() { sudo -n env DEBIAN_FRONTEND=noninteractive "$@"; }
else
  as_root() { return 1; }
fi

updated=
# install PACKAGE...: one by one, so that one unknown name does not stop the other packages.
install() {
  as_root true || return 0
  mkdir -p "$tools"
  if [ -z "$updated" ]; then
    echo "setup: $sudo: apt-get update"
    as_root apt-get update >"$tools/apt.log" 2>&1 </dev/null || true
    updated=yes
  fi
  echo "setup: $sudo: apt-get install -y --no-install-recommends $*"
  for package; do
    as_root apt-get install -y --no-install-recommends "$package" >>"$tools/apt.log" 2>&1 \
      </dev/null || echo "setup: apt could not install $package (see $tools/apt.log)" >&2
  done
}

# make_environment DIR LOCK LOG: a virtual environment with what a lock file pins, and nothing
# else. DIR/ready is a copy of the lock file, so that a newer one is seen.
make_environment() {
  cmp -s "$2" "$1/ready" && return
  [ "$use_net" ] || return
  echo "setup: from PyPI, by the versions and SHA-256 in ${2#"$root/"}: into ${1#"$root/"}"
  mkdir -p "$tools"
  python3 -m venv --help >/dev/null 2>&1 && python3 -c 'import ensurepip' 2>/dev/null ||
    install python3-venv
  python3 -m venv --clear "$1" >"$3" 2>&1 &&
    "$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps \
      --only-binary :all: -r "$2" >>"$3" 2>&1 </dev/null && cp "$2" "$1/ready"
}

look
if [ "$packages" ]; then install $packages; fi

# Older distributions have packages that are too old. PyPI has newer ones.
if have python3 && ! have_meson; then
  make_environment "$tools/python" "$root/scripts/requirements/build.txt" "$tools/pip.log" || true
fi
if have cc && ! have_onednn && [ "$use_net" ] && [ "$(uname -m)" = x86_64 ]; then
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
  make_environment "$tools/python-tests" "$root/scripts/requirements/tests.txt" \
    "$tools/venv.log" ||
    echo "setup: tests of the Python package are skipped: no tools (see $tools/venv.log)" >&2
fi
