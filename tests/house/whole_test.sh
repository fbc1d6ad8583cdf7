#!/bin/sh
# coppice/coppice.h includes every public header of the rooms that it names.
# Usage: whole_test.sh REPOSITORY
set -eu

cd "$1/include"
rooms=$(sed -n 's/^#include "coppice\/\([a-z_]*\)\/.*/\1/p' coppice/coppice.h)
status=0
for room in $rooms; do
  for header in "coppice/$room"/*.h; do
    if ! grep -qF "#include \"$header\"" coppice/coppice.h; then
      echo "FAILED: coppice/coppice.h lacks $header"
      status=1
    fi
  done
done
exit $status
