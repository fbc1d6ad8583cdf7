#!/bin/sh
# Every section of docs/reference.md that a file cites is there.
# Usage: reference_test.sh REPOSITORY
set -eu

cd "$1"
cited=$(grep -rhoE 'docs/reference\.md [0-9]+(\.[0-9]+)?' \
  include src tests benchmarks examples | sort -u | cut -d ' ' -f 2)
if [ -z "$cited" ]; then
  echo "FAILED: no file cites docs/reference.md"
  exit 1
fi
status=0
for section in $cited; do
  if ! grep -qE "^##+ $section " docs/reference.md; then
    echo "FAILED: docs/reference.md has no section $section, which is cited in"
    grep -rlF "docs/reference.md $section" \
      include src tests benchmarks examples | sed 's/^/  /'
    status=1
  fi
done
exit $status
