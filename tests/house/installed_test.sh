#!/bin/sh
# Installs Coppice, moves the installed copy elsewhere and builds the examples,
# and the programs that the README shows, against it.
# Usage: installed_test.sh REPOSITORY BUILD GENERATOR CXX TORCH_DIR
set -eu

repository=$1
build=$2
generator=$3
cxx=$4
torch=$5

fail() {
  echo "FAILED: $*"
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"

if grep -r -e "$build" -e "$repository" -e "$work" \
  --include='*.cmake' --include='*.h' "$work/moved"; then
  fail "an installed file names a folder of this machine"
fi
library=$(find "$work/moved" -name 'libcoppice.so')
if objdump -p "$library" | grep -E 'R(UN)?PATH' | grep -F "$build"; then
  fail "the library looks for others in the build folder"
fi
program=$work/moved/bin/coppice
if [ -x "$program" ]; then
  "$program" --help >/dev/null || fail "the installed program does not start"
fi

# build FOLDER: FOLDER holds a CMakeLists.txt of a user. build_and_run FOLDER
# [ARG]... also runs what it is.
build() {
  echo "-- $1"
  cmake -S "$1" -B "$work/build" -G "$generator" -DCMAKE_CXX_COMPILER="$cxx" \
    -DTorch_DIR="$torch" -DCMAKE_PREFIX_PATH="$work/moved" \
    >"$work/log" 2>&1 || { cat "$work/log" && fail "configuring $1"; }
  cmake --build "$work/build" >"$work/log" 2>&1 ||
    { cat "$work/log" && fail "building $1"; }
}
build_and_run() {
  build "$1"
  name=$(basename "$1")
  shift
  (cd "$work" && "$work/build/$name" "$@") || fail "running $name"
  rm -rf "$work/build"
}

for example in "$repository"/examples/*/; do
  case $example in
    *'/*/' | */run_compiled/) ;; # Below, once there is a compiled file.
    */fashion_mnist/) ;;         # Below, with data of its own.
    *) build_and_run "${example%/}" ;;
  esac
done
if [ -x "$program" ] && [ -f "$work/net.pt" ]; then # Of examples/trace.
  "$program" compile "$work/net.pt" -o "$work/fast.pt" --input 4x20:int64 \
    --no-cache --seconds 0.05 || fail "compiling the file of examples/trace"
  build_and_run "$repository/examples/run_compiled" "$work/fast.pt"
fi

build "$repository/examples/fashion_mnist"
"$repository/tests/house/fashion_mnist_test.sh" "$work/build/fashion_mnist" \
  "$program" || fail "examples/fashion_mnist"
rm -rf "$work/build"

# Every block of C++ in the README: what is not a whole program becomes the body
# of one, after the model that it takes for granted.
mkdir "$work/readme"
[ ! -f "$repository/README.md" ] || awk -v folder="$work/readme" '
  /^```cpp/ { inside = 1; ++count; next }
  /^```/ { inside = 0 }
  inside { print > (folder "/" count ".cpp") }' "$repository/README.md"
for block in "$work"/readme/*.cpp; do
  [ -f "$block" ] || continue
  mkdir "$work/readme_block"
  if grep -q 'int main(' "$block"; then
    cp "$block" "$work/readme_block/main.cpp"
  else
    {
      grep '^#include' "$block"
      cat "$repository/tests/house/readme_model.h"
      echo 'int main() {'
      grep -v '^#include' "$block"
      echo '}'
    } >"$work/readme_block/main.cpp"
  fi
  sed 's/train_and_prune/readme_block/' \
    "$repository/examples/train_and_prune/CMakeLists.txt" \
    >"$work/readme_block/CMakeLists.txt"
  build_and_run "$work/readme_block"
  rm -r "$work/readme_block"
done
