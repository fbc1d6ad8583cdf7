"""Rewrites TorchScript archives without their debug information.

Usage: without_debug.py FILE...

The debug information of an archive is the source of the models and where it lay on the disk of who made it. Nothing
needs it to run the model. Records stay as they are, each beginning at a multiple of 64 bytes, as PyTorch writes them.
"""
import sys
import zipfile

ALIGNMENT = 64
HEADER = 30


def padding(start, name):
    """The extra field that moves the data of a record to the next multiple of ALIGNMENT."""
    fill = -(start + HEADER + len(name.encode()) + 4) % ALIGNMENT
    return b"FB" + fill.to_bytes(2, "little") + b"Z" * fill


def rewrite(path):
    with zipfile.ZipFile(path) as archive:
        records = [(info, archive.read(info)) for info in archive.infolist() if not info.filename.endswith(".debug_pkl")]
    with zipfile.ZipFile(path, "w") as archive:
        for info, data in records:
            kept = zipfile.ZipInfo(info.filename)
            kept.compress_type = info.compress_type
            kept.extra = padding(archive.fp.tell(), info.filename)
            archive.writestr(kept, data)


if __name__ == "__main__":
    for file in sys.argv[1:]:
        rewrite(file)
