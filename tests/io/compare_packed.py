"""Exits with 0 if two files hold the same tensors, bit for bit.

Usage: compare_packed.py FOLDER-OF-COPPICE_SPARSE ORIGINAL PACKED
"""
import sys

sys.path.insert(0, sys.argv[1])
import coppice_sparse  # noqa: E402

original, packed = (coppice_sparse.load(path) for path in sys.argv[2:])
if sorted(original) != sorted(packed):
    sys.exit(f"tensors differ: {sorted(original)} {sorted(packed)}")
for name, array in original.items():
    other = packed[name]
    if (array.dtype, array.shape, array.tobytes()) != (
            other.dtype, other.shape, other.tobytes()):
        sys.exit(f"{name} differs")
print(f"{len(original)} tensors are alike")
