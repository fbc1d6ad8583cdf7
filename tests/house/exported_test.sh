#!/bin/sh
# libcoppice exports what the public headers mark COPPICE_API, and nothing else
# of Coppice.
# Usage: exported_test.sh REPOSITORY LIBRARY
set -eu

repository=$1
library=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The classes and functions that are marked.
find "$repository/include/coppice" -name '*.h' -exec cat {} + | awk '
  /COPPICE_API/ && !/^#define/ { text = ""; open = 1 }
  open {
    text = text " " $0
    if (text ~ /[({;:]/ && text !~ /(class|struct) COPPICE_API *$/) {
      if (match(text, /(class|struct) COPPICE_API +[A-Za-z0-9_]+/)) {
        name = substr(text, RSTART, RLENGTH)
      } else if (text ~ /\(/) {
        name = text
        sub(/ *\(.*/, "", name)
      } else {
        next # A type that has `::`, before the name.
      }
      sub(/.*[ *&]/, "", name)
      print name
      open = 0
    }
  }' | sort -u >"$work/public"

# Those that are exported: of each symbol of namespace coppice, by its mangled
# name, the first name within, or the one in `nn` and `detail`.
nm -D --defined-only "$library" | awk '
  function take() {
    if (!match(rest, /^[0-9]+/)) {
      return ""
    }
    size = substr(rest, 1, RLENGTH) + 0
    name = substr(rest, RLENGTH + 1, size)
    rest = substr(rest, RLENGTH + 1 + size)
    return name
  }
  {
    rest = $NF
    if (!sub(/^_Z([TG][A-Za-z]|Th?[vn0-9_]+|Z)*N[KVRO]*7coppice/, "", rest)) {
      next
    }
    name = take()
    if (name == "nn" || name == "detail") {
      name = take()
    }
    if (name == "") {
      name = rest ~ /^ls/ ? "operator<<" : rest ~ /^eq/ ? "operator==" \
        : rest ~ /^ne/ ? "operator!=" : rest
    }
    print name
  }' | sort -u >"$work/exported"

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
[ "$(wc -l <"$work/public")" -ge 50 ] || fail "hardly anything is public"
comm -13 "$work/public" "$work/exported" >"$work/more"
comm -23 "$work/public" "$work/exported" >"$work/less"
[ ! -s "$work/more" ] || fail "exported, but not public: $(xargs <"$work/more")"
[ ! -s "$work/less" ] || fail "public, but not exported: $(xargs <"$work/less")"
[ $failures -eq 0 ]
