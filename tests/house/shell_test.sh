#!/bin/sh
# Runs the README's commands for the shell as they are written there.
# Usage: shell_test.sh README PROGRAM CHECKPOINT SCRIPT
set -eu

readme=$1 program=$2 checkpoint=$3 script=$4
if [ ! -f "$checkpoint" ]; then
  echo "Skipped: there is no $checkpoint."
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# commands_of TITLE COUNT: the commands of a section.
commands_of() {
  found=$(sed -n "/^## $1/,/^## /{ /^coppice /p }" "$readme")
  [ "$(echo "$found" | wc -l)" -eq "$2" ] || {
    echo "FAILED: expected $2 commands under '$1' in the README, found:"
    echo "$found"
    exit 1
  }
  echo "$found"
}

commands_of 'Use it from the shell' 5 >"$work/commands"
commands_of 'Make it faster' 3 >>"$work/commands"
cp "$checkpoint" "$work/net.safetensors"
cp "$script" "$work/net.pt"
export XDG_CACHE_HOME="$work/cache"
cd "$work"
coppice() {
  "$program" "$@"
}
set -x
# shellcheck source=/dev/null # It is made above.
. ./commands
cmp sparse.safetensors again.safetensors
