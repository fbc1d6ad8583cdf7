#!/bin/sh
# Makes the Debian packages, installs them in an empty root, builds a user's
# project against what is there, runs program and project, removes the packages
# and looks for what they left.
# Usage: package_test.sh REPOSITORY BUILD GENERATOR CXX TORCH_DIR
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

if [ "$(id -u)" -ne 0 ] || ! command -v dpkg-shlibdeps >/dev/null; then
  echo "Skipped: dpkg installs only as root, and cpack needs dpkg-dev."
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cpack --config "$build/CPackConfig.cmake" -B "$work/packages" \
  >"$work/log" 2>&1 || { cat "$work/log" && fail "cpack"; }

root=$work/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
touch "$root/var/lib/dpkg/status" "$root/var/lib/dpkg/available"
dpkg_there() {
  # What they depend on is on this machine, not in the empty root.
  dpkg --root="$root" --force-depends --force-script-chrootless "$@" \
    >"$work/log" 2>&1 || { cat "$work/log" && fail "dpkg $1"; }
}
find "$root" -path "$root/var" -prune -o -print | sort >"$work/before"
dpkg_there --install "$work"/packages/*.deb
dpkg-deb --field "$work"/packages/coppice_*.deb Depends | grep -q libtorch ||
  fail "the package does not depend on LibTorch"

"$root/usr/bin/coppice" --version || fail "the program does not start"
project=$repository/examples/train_and_prune
cmake -S "$project" -B "$work/project" -G "$generator" \
  -DCMAKE_CXX_COMPILER="$cxx" -DTorch_DIR="$torch" \
  -DCMAKE_PREFIX_PATH="$root/usr" >"$work/log" 2>&1 ||
  { cat "$work/log" && fail "configuring $project"; }
cmake --build "$work/project" >"$work/log" 2>&1 ||
  { cat "$work/log" && fail "building $project"; }
(cd "$work" && project/train_and_prune) || fail "running $project"

dpkg_there --purge coppice libcoppice-dev
find "$root" -path "$root/var" -prune -o -print | sort >"$work/after"
diff "$work/before" "$work/after" || fail "something is left"
