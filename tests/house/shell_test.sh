#!/bin/sh
# Runs the README's commands for the shell as they are written there.
# Usage: shell_test.sh README PROGRAM MODEL
set -eu

readme=$1 program=$2 model=$3
if [ ! -f "$model" ]; then
  echo "Skipped: there is no $model."
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
commands=$(sed -n '/^## Use it from the shell/,/^## Use it from Python/{ /^coppice /p }' "$readme")
[ "$(echo "$commands" | wc -l)" -eq 5 ] || {
  echo "FAILED: expected five commands in the README, found:"
  echo "$commands"
  exit 1
}
cp "$model" "$work/net.safetensors"
cd "$work"
coppice() {
  "$program" "$@"
}
echo "$commands" >commands
set -x
# shellcheck source=/dev/null # It is made above.
. ./commands
cmp sparse.safetensors again.safetensors
