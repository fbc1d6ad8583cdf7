#!/bin/sh
# script/check-levels on a small tree, with one wrong include at a time.
# Usage: check_levels_test.sh REPOSITORY
# shellcheck disable=SC2016 # Names in messages stand between backticks.
set -eu

check=$1/script/check-levels
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -p "$tree/include/coppice/low" "$tree/include/coppice/high" \
  "$tree/src/raw" "$tree/src/low" "$tree/src/high" "$tree/src/twin" \
  "$tree/src/cli" "$tree/tests/high" "$tree/tests/support" "$tree/benchmarks/low"
cat >"$tree/CMakeLists.txt" <<'EOF'
coppice_room(raw LEVEL 0 PLAIN)
coppice_room(low LEVEL 0)
coppice_room(high LEVEL 1)
coppice_room(twin LEVEL 1)
EOF
cat >"$tree/src/high/right.cpp" <<'EOF'
#include "coppice/high/right.h"
#include "coppice/export.h"
#include <torch/types.h>
#include "coppice/low/thing.h"
#include "high/private.h"
// #include "coppice/twin/thing.h"
EOF
cat >"$tree/src/cli/main.cpp" <<'EOF'
#include "coppice/coppice.h"
#include "cli/run.h"
#include "coppice/twin/thing.h"
EOF
echo '#include "support/golden.h"' >"$tree/tests/high/right_test.cpp"
echo '#include "coppice/twin/thing.h"' >"$tree/tests/support/golden.h"

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# expect FILE LINE-TEXT COMPLAINT: with that line as its second, FILE is named.
expect() {
  printf '\n%s\n' "$2" >"$tree/$1"
  if found=$("$check" "$tree"); then
    fail "nothing found wrong with $2 in $1"
  elif [ "$found" != "$1:2: $3" ]; then
    fail "expected: $1:2: $3"
    echo "     got: $found"
  fi
  rm "$tree/$1"
}

"$check" "$tree" || fail "a tree without fault"
expect src/high/a.cpp '#include "coppice/twin/thing.h"' \
  'lower: `high` (level 1) includes `coppice/twin/thing.h` (level 1)'
expect include/coppice/low/a.h '#include <coppice/high/right.h>' \
  'lower: `low` (level 0) includes `coppice/high/right.h` (level 1)'
expect tests/high/a_test.cpp '  #  include "twin/private.h"' \
  'lower: `high` (level 1) includes `twin/private.h` (level 1)'
expect benchmarks/low/a_bench.cpp '#include "coppice/raw/thing.h"' \
  'lower: `low` (level 0) includes `coppice/raw/thing.h` (level 0)'
expect src/high/a.cpp '#include "cli/run.h"' \
  'lower: `high` (level 1) includes `cli/run.h` (level 2)'
expect src/raw/a.cpp '#include <ATen/Parallel.h>' \
  'plain: `raw` includes LibTorch, `ATen/Parallel.h`'
expect src/high/a.cpp '#include "coppice/coppice.h"' \
  'whole: `high` includes all of Coppice'
expect include/coppice/high/a.h '#include "low/private.h"' \
  'public: a public header includes `low/private.h`'
expect src/high/a.cpp '#include "../low/thing.h"' \
  'path: includes `../low/thing.h`'
expect src/high/a.cpp '#include "coppice/cellar/thing.h"' \
  'room: `coppice/cellar/thing.h` lies in no room'
mkdir "$tree/src/util"
printf 'int x;\n' >"$tree/src/util/a.cpp"
[ "$("$check" "$tree")" = \
  'src/util/a.cpp:1: room: `util` has no coppice_room line in CMakeLists.txt' ] ||
  fail "a folder that is no room"

[ $failures -eq 0 ]
