#!/bin/sh
# Makes the recorded outputs again, in the folder above.
#
# Usage: run_all.sh [TORCHAO]
#
# Needs Debian 12's python3-torch (1.13.1). What newer versions of the reference
# add comes from TORCHAO, a checkout of torchao that still has
# prototype/sparsity (July 2026 or before); without it those files stay.
set -eu

cd "$(dirname "$0")"
python=${PYTHON:-/usr/bin/python3}

make() {
  PYTHONPATH=${torchao:+$torchao:}. "$python" "$1.py" >/dev/null
  echo "made by $1.py"
}

torchao=
for script in gen_weight_norm gen_nearly_diagonal gen_activation \
  gen_schedulers gen_data_norm gen_layout gen_classic_prune; do
  make $script
done
if [ $# -gt 0 ]; then
  torchao=$1
  make gen_structured_newest
  make check_newest_weight_norm
fi
