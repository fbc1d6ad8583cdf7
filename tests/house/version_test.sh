#!/bin/sh
# The version stands in CMakeLists.txt alone, and all that tells it tells that.
# Usage: version_test.sh REPOSITORY BUILD PROGRAM LIBRARY
set -eu

repository=$1
build=$2
program=$3
library=$4

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

version=$(sed -n 's/^ *VERSION \([0-9.]*\)$/\1/p' "$repository/CMakeLists.txt")
echo "$version" | grep -qE '^[0-9]+\.[0-9]+\.[0-9]+$' ||
  fail "CMakeLists.txt has no version, but '$version'"

printed=$("$program" --version)
case $printed in
  "coppice $version (LibTorch "[0-9]*.[0-9]*")") ;;
  *) fail "the program says '$printed'" ;;
esac
soname=$(objdump -p "$library" | sed -n 's/^ *SONAME *//p')
[ "$soname" = "libcoppice.so.${version%.*}" ] || fail "the soname is $soname"
grep -qF "set(PACKAGE_VERSION \"$version\")" \
  "$build/coppiceConfigVersion.cmake" || fail "find_package is told another"
grep -qE "^## $version |^To be $version\.$" "$repository/CHANGELOG.md" ||
  fail "CHANGELOG.md does not speak of $version"
cd "$repository"
if grep -rnF "$version" include src cmake python script tests/house; then
  fail "the version stands in a second place"
fi
exit $failures
