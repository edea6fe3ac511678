#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# Builds all targets into $OUT, with all libraries but those of the system linked statically. The
# environment is that of OSS-Fuzz: CC, CXX, CFLAGS, CXXFLAGS, LIB_FUZZING_ENGINE, SRC, WORK, OUT.
# Without $SRC/oneDNN the system's oneDNN is linked, as a shared library.
source=$SRC/s3rec
build=$WORK/s3rec
options=()
cxx_library=-lstdc++
case "${CXXFLAGS-}" in *-stdlib=libc++*) cxx_library=-lc++ ;; esac

if [ -d "$SRC/oneDNN" ]; then
  # Only what the backend `onednn` calls; sequential, since the library keeps it to one thread.
  cmake -S "$SRC/oneDNN" -B "$WORK/oneDNN" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$WORK/prefix" -DCMAKE_INSTALL_LIBDIR=lib \
    -DONEDNN_LIBRARY_TYPE=STATIC -DONEDNN_CPU_RUNTIME=SEQ -DONEDNN_BUILD_EXAMPLES=OFF \
    -DONEDNN_BUILD_TESTS=OFF -DONEDNN_BUILD_GRAPH=OFF
  cmake --build "$WORK/oneDNN" --target install
  options+=("-Ddnnl_root=$WORK/prefix")
fi

# The sanitizers are in CFLAGS, so meson is not told of them.
rm -rf "$build"
meson setup "$build" "$source" --buildtype=debugoptimized --prefer-static \
  --default-library=static -Db_lundef=false -Db_asneeded=false \
  -Dhardening=false -Dfuzz=true "-Dfuzz_engine=$LIB_FUZZING_ENGINE $cxx_library" \
  -Dtests=false -Dtool=false -Dbench=false -Dexamples=false ${options[@]+"${options[@]}"}

targets=()
for folder in "$source"/fuzz/corpus/*/; do
  targets+=("$(basename "$folder")")
done
meson compile -C "$build" "${targets[@]/%/_fuzzer}"

for target in "${targets[@]}"; do
  cp "$build/fuzz/${target}_fuzzer" "$OUT/"
  zip -q -j -r "$OUT/${target}_fuzzer_seed_corpus.zip" "$source/fuzz/corpus/$target"
  dictionary=$(sed -n "s/^ *'$target': .*# \(.*\.dict\)$/\1/p" "$source/fuzz/meson.build")
  if [ "$dictionary" ]; then
    cp "$source/fuzz/$dictionary" "$OUT/${target}_fuzzer.dict"
  fi
  printf '[libfuzzer]\nmax_len = 16384\n' >"$OUT/${target}_fuzzer.options"
done
