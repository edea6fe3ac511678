# SPDX-License-Identifier: Apache-2.0
# The other scripts source this file. It knows the folders and how to set up a build folder.
# `tools` has what scripts/setup.sh fetched if the system has none or an old one: meson, oneDNN.

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
tools=$root/build-tools
PATH=$tools/python/bin:$PATH
export PATH

# have_meson: is there a meson that can read meson.build (1.0 or later)?
have_meson() {
  case $(meson --version 2>/dev/null) in
    '' | 0.*) return 1 ;;
  esac
}

# have_sanitizers: is there a clang with the run-time libraries of its sanitizers?
have_sanitizers() {
  for sanitizer in address thread; do
    echo 'int main(void) { return 0; }' |
      clang "-fsanitize=$sanitizer" -x c - -o /dev/null >/dev/null 2>&1 || return 1
  done
}

# have_fuzzer: is there a clang with libFuzzer?
have_fuzzer() {
  echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d[n] != 0; }' |
    clang -fsanitize=fuzzer -x c - -o /dev/null >/dev/null 2>&1
}

# configure DIR [OPTION...]: makes or updates a build folder; prints only failures.
configure() {
  folder=$1
  shift
  if [ -e "$tools/onednn/lib/libdnnl.so" ]; then set -- "-Ddnnl_root=$tools/onednn" "$@"; fi
  if [ -e "$folder/build.ninja" ]; then set -- --reconfigure "$@"; fi
  mkdir -p "$folder"
  meson setup "$@" "$folder" "$root" >"$folder/setup.log" 2>&1 </dev/null || {
    cat "$folder/setup.log" >&2
    return 1
  }
}

# compile DIR: prints only failures.
compile() {
  meson compile -C "$1" >"$1/compile.log" 2>&1 </dev/null || {
    grep -v '^\[' "$1/compile.log" | head -n 60 >&2
    return 1
  }
}
