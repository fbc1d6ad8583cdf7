#!/bin/sh
# Each public header says what it is for, and coppice.h includes them all.
# Usage: public_headers_test.sh REPOSITORY
set -eu
cd "$1/include"

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

for header in coppice/*.h coppice/*/*.h; do
  grep -q '^#pragma once' "$header" || fail "$header has no include guard"
  [ "$header" != coppice/coppice.h ] || continue
  grep -q '^ *///' "$header" || fail "$header has no comment of documentation"
  grep -qF "#include \"$header\"" coppice/coppice.h ||
    fail "coppice/coppice.h does not include $header"
done
[ $failures -eq 0 ]
