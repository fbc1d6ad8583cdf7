#!/bin/sh
# Runs the README's commands for the shell as they are written there.
# Usage: shell_test.sh README PROGRAM SHARED PT2
set -eu

readme=$1 program=$2 shared=$3 pt2=$4
checkpoint=$shared/data/models/resnet20_cifar10.safetensors
if [ ! -f "$checkpoint" ]; then
  echo "Skipped: there is no $checkpoint."
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# commands_of TITLE COUNT: the commands of a section, COUNT of them the program's.
commands_of() {
  # shellcheck disable=SC2016 # Backquotes of Markdown.
  found=$(sed -n "/^## $1/,/^## /p" "$readme" |
    sed -n '/^```sh$/,/^```$/{ /^```/!p }')
  [ "$(echo "$found" | grep -c '^coppice ')" -eq "$2" ] || {
    echo "FAILED: expected $2 commands under '$1' in the README, found:"
    echo "$found"
    exit 1
  }
  echo "$found"
}

# The repository's folder has ../shared beside it.
mkdir "$work/repository"
ln -s "$shared" "$work/shared"
commands_of 'Use it from the shell' 6 >"$work/repository/commands"
commands_of 'Make it faster' 3 >>"$work/repository/commands"
cp "$checkpoint" "$work/repository/net.safetensors"
cp "$pt2" "$work/repository/net.pt2"
export XDG_CACHE_HOME="$work/cache"
cd "$work/repository"
coppice() {
  "$program" "$@"
}
set -x
# shellcheck source=/dev/null # It is made above.
. ./commands
cmp sparse.safetensors again.safetensors
