"""A folder as a zip that is never written: any zip reader reads it, and it is the same each time."""

from __future__ import annotations

import hashlib
import io
import os
import random
import zipfile
from pathlib import Path

import pytest

from cellcommons import packing
from cellcommons.archives import check_zip, extract_zip
from cellcommons.errors import DigestMismatch, NotFound, UnreadableFile
from cellcommons.packing import PackedFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "cells"
    files = {"a/1.png": b"one", "b.txt": b"", "a/ü.tif": random.Random(1).randbytes(300_000), ".zattrs": b"{}"}
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / ".DS_Store").write_bytes(b"x")
    (root / "link.png").symlink_to(root / "a/1.png")
    (root / "loop").symlink_to(root)
    return root


def whole(packed: PackedFolder, step: int) -> bytes:
    return b"".join(packed.read(start, min(step, packed.size - start)) for start in range(0, packed.size, step))


def test_it_is_a_zip_of_the_files(folder: Path, tmp_path: Path) -> None:
    packed = PackedFolder(folder)
    data = whole(packed, 1 << 20)
    assert (len(data), hashlib.sha256(data).hexdigest()) == (packed.size, packed.sha256())
    assert packed.name == "cells.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = ["cells/.zattrs", "cells/a/1.png", "cells/a/ü.tif", "cells/b.txt", "cells/link.png"]
        assert archive.namelist() == sorted(names)
        assert archive.read("cells/a/ü.tif") == (folder / "a/ü.tif").read_bytes()
    (tmp_path / "packed.zip").write_bytes(data)
    check_zip(tmp_path / "packed.zip")
    extract_zip(tmp_path / "packed.zip", tmp_path / "out")
    assert (tmp_path / "out/cells/link.png").read_bytes() == b"one"


def test_every_range_is_the_same_bytes(folder: Path) -> None:
    packed = PackedFolder(folder)
    data = whole(packed, 1 << 20)
    assert whole(packed, 7919) == data
    for start in range(0, 400, 7):
        assert packed.read(start, 61) == data[start : start + 61]


def test_it_is_the_same_whenever_and_however_it_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = PackedFolder(folder).sha256()
    os.utime(folder / "b.txt", (0, 0))
    monkeypatch.setattr(packing, "_WHOLE", 10)  # large files are read twice
    assert PackedFolder(folder).sha256() == before
    (folder / "b.txt").write_bytes(b"!")
    assert PackedFolder(folder).sha256() != before


def test_large_files_and_offsets_by_zip64(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = whole(PackedFolder(folder), 1 << 20)
    monkeypatch.setattr(packing, "_LARGE", 1000)
    packed = PackedFolder(folder)
    head = packing._local_header("x", 0, 5000)
    assert head[18:26] == (1000).to_bytes(4, "little") * 2
    assert packed.size > len(plain)
    monkeypatch.undo()
    # Python's reader takes zip64 fields only where the plain ones say so: with the true mark and real sizes.
    monkeypatch.setattr(packing, "_MANY", 2)
    data = whole(PackedFolder(folder), 1 << 20)
    assert b"PK\x06\x06" in data
    assert b"PK\x06\x07" in data


def test_a_file_that_shrinks_is_named(folder: Path) -> None:
    packed = PackedFolder(folder)
    packed.sha256()
    (folder / "a/ü.tif").write_bytes(b"short")
    with pytest.raises(DigestMismatch, match="changed while it was being sent"):
        whole(packed, 1 << 20)


def test_what_is_no_folder_of_files(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        PackedFolder(tmp_path / "absent")
    with pytest.raises(UnreadableFile, match="no file"):
        PackedFolder(tmp_path)
