from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_release import items_in, overwrite, seal

from cellcommons.errors import DigestMismatch, InvalidDocument, NotFound
from cellcommons.release import CellRow, Provenance, Release, open_release
from cellcommons.store import FolderStore, object_path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    store = FolderStore(tmp_path_factory.mktemp("store"))
    return seal(store, items_in(store, 3, size=24))


def test_the_same_items_in_any_order_are_the_same_release(release: Release) -> None:
    again = seal(release.store, list(release.items())[::-1])
    assert again.digest == release.digest
    assert again.manifest.to_bytes() == release.manifest.to_bytes()


def test_what_was_sealed_is_what_opens(release: Release) -> None:
    opened = open_release(release.store, release.digest)
    first = next(opened.items())
    assert first.cells[0] == CellRow(1, (4, 4, 12, 12), 64, 0.75)
    assert first.provenance == Provenance("majority", "consensus-0", ("a", "b", "c"), ("p1", "p2", "p3"))
    assert opened.image(first).axes == "cyx"
    assert opened.image(first).channels == ("DNA", "actin")
    assert opened.labels(first).dtype == np.uint32
    assert set(np.unique(opened.labels(first))) == {0, 1, 5}
    assert opened.card() == "# Noise\n"


def test_counts_are_those_of_the_items(release: Release) -> None:
    counts = release.manifest.counts
    assert (counts.images, counts.cells, counts.readings) == (3, 6, 9)
    assert counts.splits == {s: len(list(release.items(s))) for s in ("train", "validation", "test")}
    with pytest.raises(InvalidDocument, match="valid"):
        release.items("dev")


def test_objects_are_all_that_a_copy_needs(release: Release, tmp_path: Path) -> None:
    copy = FolderStore(tmp_path)
    total = 0
    for digest, size in release.objects():
        data = release.store.get(digest)
        assert len(data) == size
        assert copy.put(data) == digest
        total += size
    assert open_release(copy, release.digest).verify() == release.counted()
    assert total == release.counted().bytes + len(release.manifest.to_bytes())
    digests = [digest for digest, _ in release.objects()]
    assert len(digests) == len(set(digests)) == release.counted().count + 1


def test_a_flipped_bit_in_any_object_is_found_and_named(release: Release, tmp_path: Path) -> None:
    shutil.copytree(release.store.root, tmp_path / "copy")
    store = FolderStore(tmp_path / "copy")
    members = list(release.members())
    named = {"the manifest", "the listing of parts", "part 00000, listing", "file indexes/cells/00000.parquet"}
    assert {m.role for m in members} >= named | {"file README.md"}
    for member in members:
        path = store.root / object_path(member.sha256)
        data = path.read_bytes()
        for position in (0, len(data) // 2, len(data) - 1):
            damaged = bytearray(data)
            damaged[position] ^= 0x10
            overwrite(path, bytes(damaged))
            with pytest.raises(DigestMismatch) as caught:
                open_release(store, release.digest).verify()
            assert member.sha256 in caught.value.line()
            assert member.role in caught.value.line() or member.role == "the manifest"
        overwrite(path, data)
    assert open_release(store, release.digest).verify() == release.counted()


def test_a_missing_object_is_found_and_named(release: Release, tmp_path: Path) -> None:
    shutil.copytree(release.store.root, tmp_path / "copy")
    store = FolderStore(tmp_path / "copy")
    for member in list(release.members())[1:]:
        data = release.store.get(member.sha256)
        store.delete(member.sha256)
        with pytest.raises(NotFound) as caught:
            open_release(store, release.digest).verify()
        assert member.role in caught.value.line()
        store.put(data)


def test_names_become_safe_and_different_paths(release: Release) -> None:
    names = ["../../etc/passwd", "A b/c.tif", "a-b-c.tif", "日本", ""]
    base = next(release.items())
    items = [replace(base, image=f"i{n}", name=name, source=f"s{n}") for n, name in enumerate(names)]
    paths = [item.path for item in seal(release.store, items).items()]
    assert [path[:-9] for path in paths] == ["etc-passwd", "A-b-c.tif", "a-b-c.tif", "image", "image"]
    assert len({path.lower() for path in paths}) == 5
    alone = next(seal(release.store, [items[2]]).items())
    assert alone.path == paths[2], "whatever other images there are"


def test_a_source_in_two_splits_is_refused(release: Release) -> None:
    one, two = list(release.items())[:2]
    items = [replace(one, split="train"), replace(two, split="test", source=one.source)]
    with pytest.raises(InvalidDocument, match="both train and test"):
        seal(release.store, items)


@pytest.mark.parametrize(
    "changes",
    [{"split": "dev"}, {"cells": (CellRow(1, (0, 0, 1, 1), 1), CellRow(1, (0, 0, 1, 1), 1))}],
)
def test_bad_items_are_refused(release: Release, changes: dict) -> None:
    with pytest.raises(InvalidDocument, match="image-0"):
        seal(release.store, [replace(next(release.items()), **changes)])


def test_an_empty_release_or_a_repeated_image_is_refused(release: Release) -> None:
    with pytest.raises(InvalidDocument, match="at least one"):
        seal(release.store, [])
    with pytest.raises(InvalidDocument, match="twice"):
        seal(release.store, [next(release.items())] * 2)


def test_a_tree_that_is_not_there_is_refused(release: Release, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        seal(FolderStore(tmp_path), list(release.items()))


def test_the_indexes_are_plain_parquet(release: Release, tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    path.write_bytes(release.store.get(dict(release.files())["indexes/cells/00000.parquet"].sha256))
    table = pq.read_table(path)
    assert table.num_rows == release.manifest.indexes["cells"].rows == 6
    assert len(release.table("sources")) == 3
    assert table.column_names == ["image", "cell", "y0", "x0", "y1", "x1", "area", "agreement", "classes"]


def test_a_manifest_whose_counts_lie_is_found(release: Release) -> None:
    counts = replace(release.manifest.counts, cells=7)
    digest = replace(release.manifest, counts=counts).save(release.store)
    with pytest.raises(InvalidDocument, match="counts"):
        open_release(release.store, digest).verify()
