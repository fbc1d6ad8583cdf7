#!/bin/sh
# Runs the program of examples/fashion_mnist on tiny data, and shows it broken
# data.
# Usage: fashion_mnist_test.sh PROGRAM COPPICE
set -eu

program=$1 coppice=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

fail() {
  echo "FAILED: $*"
  exit 1
}

# size_bytes N: a size of an IDX header, below 65536.
size_bytes() {
  # shellcheck disable=SC2059 # The format is what is printed.
  printf "$(printf '\\000\\000\\%03o\\%03o' $(($1 / 256)) $(($1 % 256)))"
}

# images COUNT, labels COUNT: the bytes of such files.
images() {
  printf '\000\000\010\003'
  size_bytes "$1" && size_bytes 28 && size_bytes 28
  seq 100000 | head -c $(($1 * 784))
}
labels() {
  printf '\000\000\010\001'
  size_bytes "$1"
  for i in $(seq "$1"); do
    # shellcheck disable=SC2059
    printf "\\00$((i % 8))"
  done
}

mkdir data
images 40 | gzip >data/train-images-idx3-ubyte.gz
labels 40 >data/train-labels-idx1-ubyte
images 20 >data/t10k-images-idx3-ubyte
labels 20 | gzip >data/t10k-labels-idx1-ubyte.gz

short="--data data --epochs 1 --seconds 0.01"
# shellcheck disable=SC2086 # Words.
"$program" $short --out a/b >printed || fail "the short run"
for part in 'data, 40 training and 20 test images' 'dense epoch 1/1' \
  'sparse step 4/4 .* sparsity  90.00%' 'fc1.weight .* 90.00% .* pruned' \
  'zeros in the pruned layers  *0.00%  *90.00%' 'whole model, batch 64' \
  'a/b/demo-compiled.pt gets '; do
  grep -q -e "$part" printed || { cat printed && fail "it does not print: $part"; }
done
[ "$(ls a/b)" = "$(printf 'demo-compiled.pt\ndemo-dense.pt\ndemo.pt')" ] ||
  fail "it wrote $(ls a/b)"

# As script/demo goes on.
"$coppice" bench a/b/demo.pt a/b/demo-compiled.pt --input 1x1x28x28 --batch 1 \
  --no-cache --seconds 0.01 --html a/b/demo.html >printed 2>&1 ||
  { cat printed && fail "the page"; }
grep -q 'fc1' a/b/demo.html || fail "the page has no fc1"

# refused CODE PART [OPTION]...: one sentence that holds PART, and no file.
refused() {
  code=$1 part=$2
  shift 2
  status=0
  # shellcheck disable=SC2086
  "$program" $short --out c "$@" >/dev/null 2>complaint || status=$?
  [ "$status" -eq "$code" ] || fail "expected $code ($part), got $status"
  grep -q -e "$part" complaint || { cat complaint && fail "it does not say: $part"; }
  [ "$(wc -l <complaint)" -eq 1 ] || { cat complaint && fail "not one line"; }
  [ -z "$(ls c)" ] || fail "it wrote $(ls c)"
}

mkdir c
refused 2 'cannot be 0: see' --epochs 0
refused 2 'cannot be many: see' --epochs many
refused 2 'cannot be 1x: see' --seconds 1x
refused 2 'no such option' --epoch
refused 2 'more is not an option' more
refused 1 'there is no none/train-images-idx3-ubyte' --data none
file=data/t10k-images-idx3-ubyte
cp $file whole
head -c 5000 whole >$file
refused 1 "$file is cut short"
{ cat whole && echo; } >$file
refused 1 "$file is cut short or too long"
gzip <whole | head -c 3000 >$file
refused 1 "$file is cut short"
# Sizes whose product overflows.
{ printf '\000\000\010\003' && printf '\377%.0s' 1 2 3 4 5 6 7 8 9 10 11 12; } >$file
refused 1 "$file is cut short"
labels 20 >$file
refused 1 "$file is not an IDX file"
: >$file
refused 1 "$file is not an IDX file"
images 19 >$file
refused 1 "do not hold as many images as labels"
{ printf '\000\000\010\003' && size_bytes 20 && size_bytes 14 && size_bytes 56 &&
  tail -c +17 whole; } >$file
refused 1 "another size than 28x28"
cp whole $file
{ printf '\000\000\010\001' && size_bytes 20 && printf '%020d' 0; } \
  >data/t10k-labels-idx1-ubyte
refused 1 "labels above 9"
