#!/bin/sh
# libcoppice exports what the public headers mark COPPICE_API, and nothing else
# of Coppice; and they mark all that users have to link.
# Usage: exported_test.sh REPOSITORY LIBRARY OBJECTS, where OBJECTS is the archive
# of which the library is made.
set -eu

repository=$1
library=$2
objects=$3

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

# Of the symbols that nm lists, those of namespace coppice, by their mangled names:
# the first name within, or in a namespace within that public headers open.
# shellcheck disable=SC2016 # The awk program's own.
names='
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
    if (name == "nn" || name == "model" || name == "detail") {
      name = take()
    }
    if (name == "") {
      name = rest ~ /^ls/ ? "operator<<" : rest ~ /^eq/ ? "operator==" \
        : rest ~ /^ne/ ? "operator!=" : rest
    }
    print name
  }'
nm -D --defined-only "$library" >"$work/symbols"
awk "$names" "$work/symbols" | sort -u >"$work/exported"
{
  nm --defined-only "$objects" 2>/dev/null | awk 'NF == 3 && $2 == "T"' |
    awk "$names"
  # What is made of templates has weak symbols, as all that is inline.
  sed -nE 's/^template (class|struct) ([A-Za-z0-9_]+)<.*/\2/p' \
    "$repository"/src/*/*.cpp
} | sort -u >"$work/defined"
# All classes and functions that public headers declare.
find "$repository/include/coppice" -name '*.h' -exec cat {} + |
  sed -nE -e 's/^(class|struct) (COPPICE_API )?([A-Za-z0-9_]+).*[^;]$/\3/p' \
    -e 's/^[[A-Za-z].*[ &*]([a-z0-9_]+)\(.*/\1/p' -e 's/^([a-z0-9_]+)\(.*/\1/p' |
  sort -u >"$work/declared"

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
[ "$(wc -l <"$work/public")" -ge 50 ] || fail "hardly anything is public"
comm -13 "$work/public" "$work/exported" >"$work/more"
# A class without symbols of its own is marked if templates are made with it.
comm -23 "$work/public" "$work/exported" | while read -r name; do
  grep -q "${#name}$name" "$work/symbols" || echo "$name"
done >"$work/less"
comm -23 "$work/defined" "$work/exported" | comm -12 - "$work/declared" \
  >"$work/unmarked"
[ -s "$work/defined" ] || fail "nothing is defined in $objects"
[ ! -s "$work/more" ] || fail "exported, but not public: $(xargs <"$work/more")"
[ ! -s "$work/less" ] || fail "public, but not exported: $(xargs <"$work/less")"
[ ! -s "$work/unmarked" ] ||
  fail "declared for users, but hidden: $(xargs <"$work/unmarked")"
[ $failures -eq 0 ]
