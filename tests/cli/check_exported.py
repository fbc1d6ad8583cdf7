"""Exits with 0 if all checksums in an archive of torch.export, and in the archives
in it, are right.

Usage: check_exported.py ARCHIVE...
"""
import io
import sys
import zipfile


def check(path, data):
    with zipfile.ZipFile(data) as archive:
        wrong = archive.testzip()
        if wrong is not None:
            sys.exit(f"{path}: the checksum of {wrong} is wrong")
        for name in archive.namelist():
            entry = archive.read(name)
            if entry[:4] == b"PK\x03\x04":
                check(f"{path}: {name}", io.BytesIO(entry))


for path in sys.argv[1:]:
    check(path, path)
