"""A disk that fills up under an object store: nothing half written gets a name, and what is kept stays whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cellcommons.canonical import sha256_hex
from cellcommons.errors import DiskFull
from cellcommons.object_uploads import PendingUpload
from cellcommons.store import FolderStore

SMALL = b"there is room for this"
LARGE = np.random.default_rng(0).bytes(200_000)
LEFT = 100 << 10


@pytest.fixture
def store(small_disk: Path) -> FolderStore:
    store = FolderStore(small_disk / "objects")
    store.put(SMALL)
    return store


def in_batch(store: FolderStore, path: Path) -> None:
    with store.batch() as batch:
        batch.put(path.read_bytes())


def file_in_batch(store: FolderStore, path: Path) -> None:
    with store.batch() as batch:
        batch.put_file(path)


def part(store: FolderStore, path: Path) -> None:
    upload = store.uploads().begin(LEFT - 8192, "0" * 64)
    for number in range(2):  # others write at the same time: what was free when it began is not any more
        writer = store.uploads().receive(upload.key, number + 1, LEFT - 8192)
        try:
            writer.write(LARGE[: LEFT - 8192])
            writer.keep()
        except OSError as error:
            raise DiskFull(str(error)) from error
        finally:
            writer.drop()


WAYS: dict[str, Callable[[FolderStore, Path], object]] = {
    "put": lambda store, path: store.put(path.read_bytes()),
    "put_file": lambda store, path: store.put_file(path),
    "batch": in_batch,
    "file in a batch": file_in_batch,
    "ref": lambda store, path: store.put_ref("channels/newest", path.read_bytes()),
    "part": part,
}


def check_whole(store: FolderStore) -> None:
    assert store.get(sha256_hex(SMALL)) == SMALL
    assert [digest for digest in store.digests() if sha256_hex(store.open(digest).read()) != digest] == []
    assert list((store.root / "incoming").iterdir()) == []


@pytest.mark.parametrize("way", WAYS)
def test_nothing_half_written(store: FolderStore, tmp_path: Path, way: str, fill: Callable[[int], Path]) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    ballast = fill(LEFT)
    with pytest.raises(DiskFull):
        WAYS[way](store, tmp_path / "large")
    check_whole(store)
    assert not store.exists(sha256_hex(LARGE))
    assert store.get_ref("channels/newest") is None
    ballast.unlink()
    assert store.get(store.put(LARGE)) == LARGE
    check_whole(store)


def test_who_goes_on_names_nothing_that_is_cut(store: FolderStore, fill: Callable[[int], Path]) -> None:
    """One image of a thousand did not fit, the next is smaller: the first must not lie under its sha256 cut short."""
    fill(LEFT)
    with store.batch() as batch:
        with pytest.raises(DiskFull, match="the disk is full"):
            batch.put(LARGE)
        kept = batch.put(b"and for this")
    assert store.exists(kept)
    assert not store.exists(sha256_hex(LARGE))
    check_whole(store)


def test_an_upload_that_cannot_be_put_together_keeps_its_parts(store: FolderStore, fill: Callable[[int], Path]) -> None:
    begun = store.uploads().begin(len(LARGE), sha256_hex(LARGE))
    upload = PendingUpload(begun.key, begun.size, begun.sha256, begun.part_size)
    writer = store.uploads().receive(upload.key, 1, len(LARGE))
    writer.write(LARGE)
    writer.keep()
    ballast = fill(LEFT)
    with pytest.raises(DiskFull):
        store.uploads().finish(upload)
    check_whole(store)
    ballast.unlink()
    assert store.uploads().parts(upload) == {1}
    assert store.get(store.uploads().finish(upload)) == LARGE
