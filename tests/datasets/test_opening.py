"""``cellcommons.open``: releases read where they lie, from a cache that works without the network."""

from __future__ import annotations

import multiprocessing
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_release import Hub, items_in, overwrite, seal, serving, small_release

import cellcommons
from cellcommons.cache import ObjectCache, cache_folder, place_file
from cellcommons.canonical import sha256_hex
from cellcommons.client import Client
from cellcommons.download_settings import DownloadSettings
from cellcommons.errors import DigestMismatch, InvalidDocument, MissingExtra, NotFound, Unreachable
from cellcommons.folder import ReleaseFolder
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.opening import AsLastSeen
from cellcommons.release import Release
from cellcommons.store import FolderStore, object_path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    store = FolderStore(tmp_path_factory.mktemp("store"))
    return seal(store, items_in(store, 3, size=48))


@pytest.fixture
def hub(release: Release):
    with serving(release) as hub:
        yield hub


def total(hub: Hub) -> int:
    return sum(hub.served.values())


@pytest.mark.parametrize("static", [False, True])
def test_an_opened_release_reads_as_the_one_that_was_sealed(
    hub: Hub, release: Release, tmp_path: Path, static: bool
) -> None:
    address = f"{hub.address}/static" if static else hub.address
    opened = cellcommons.open("lab/noise@1", hub=address, cache=tmp_path)
    assert opened.digest == release.digest
    assert list(opened.items()) == list(release.items())
    for item in opened.items():
        np.testing.assert_array_equal(opened.image(item).data, release.image(item).data)
        np.testing.assert_array_equal(opened.labels(item), release.labels(item))
    assert opened.table("cells").num_rows == release.manifest.counts.cells
    assert opened.verify() == release.counted()


def test_nothing_is_fetched_before_it_is_read_and_nothing_twice(hub: Hub, release: Release, tmp_path: Path) -> None:
    opened = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path)
    assert total(hub) == 0
    first, *others = opened.items()
    opened.image(first)
    wanted = {entry.sha256 for entry in release.tree(first.tree).entries} | {first.tree}
    indexes = {member.sha256 for member in release.members() if member.role.startswith(("file", "part", "the"))}
    assert set(hub.served) <= wanted | indexes
    assert not {item.tree for item in others} & set(hub.served)
    before = total(hub)
    again = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path)
    again.image(next(again.items()))
    assert total(hub) == before


def test_what_was_read_reads_again_without_the_hub(release: Release, tmp_path: Path) -> None:
    with serving(release) as hub:
        address = hub.address
        opened = cellcommons.open("lab/noise@1", hub=address, cache=tmp_path)
        seen, unseen, _ = opened.items()
        pixels = opened.image(seen).data
    for options in ({}, {"offline": True}):
        with pytest.warns(AsLastSeen, match=r"noise@1 as of 20..-..-..T..:..:..Z: nobody was asked"):
            alone = cellcommons.open("lab/noise@1", hub=address, cache=tmp_path, **options)
        np.testing.assert_array_equal(alone.image(seen).data, pixels)
        np.testing.assert_array_equal(alone.lazy(seen).load().data, pixels)
        with pytest.raises(Unreachable, match="not in the cache"):
            alone.image(unseen)
    with pytest.raises(NotFound, match="has not seen lab/noise@2"):
        cellcommons.open("lab/noise@2", hub=address, cache=tmp_path, offline=True)
    with pytest.raises(Unreachable):
        cellcommons.open("lab/noise@1", hub=address, cache=tmp_path / "other")


def test_large_objects_are_read_by_range(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    item = items_in(store, 1)[0]
    pixels = np.random.default_rng(0).integers(0, 60_000, (2, 600, 700), dtype=np.uint16)
    tree = write_image(store, ImageData(pixels, "cyx", ("DNA", "actin")))
    release = seal(store, [replace(item, height=600, width=700, tree=tree.digest, labels=_labels(store, pixels))])
    shard = max(tree.entries, key=lambda entry: entry.size)
    for ranges in (True, False):
        with serving(release) as hub:
            hub.ranges = ranges
            cache = tmp_path / f"cache-{ranges}"
            opened = cellcommons.open("lab/noise@1", hub=hub.address, cache=cache, whole=10_000)
            image = opened.lazy(next(opened.items()))
            assert (image.axes, image.shape, image.name) == ("cyx", (2, 600, 700), item.name)
            part = image.region((slice(1, 2), slice(300, 400), slice(10, 60)))
            np.testing.assert_array_equal(part, pixels[1:2, 300:400, 10:60])
            if ranges:
                assert 0 < hub.served[shard.sha256] < shard.size / 4
            before = hub.served[shard.sha256]
            image.region((slice(1, 2), slice(300, 400), slice(10, 60)))
            assert hub.served[shard.sha256] == before
            assert not ObjectCache(cache).exists(shard.sha256)
            # Once the whole object is asked for, it is verified and kept.
            assert sha256_hex(opened.store.get(shard.sha256)) == shard.sha256
            assert ObjectCache(cache).exists(shard.sha256)


def _labels(store: FolderStore, pixels: np.ndarray) -> str:
    labels = np.zeros(pixels.shape[1:], np.uint32)
    labels[4:12, 4:12], labels[20:30, 16:30] = 1, 5
    return write_labels(store, labels).digest


def test_a_flipped_bit_is_refused_and_never_cached(hub: Hub, release: Release, tmp_path: Path) -> None:
    item = next(release.items())
    shard = max(release.tree(item.tree).entries, key=lambda entry: entry.size)
    hub.flip = {shard.sha256}
    opened = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path)
    with pytest.raises(DigestMismatch, match=shard.sha256):
        opened.image(item)
    assert not ObjectCache(tmp_path).exists(shard.sha256)
    hub.flip = set()
    opened.image(item)


def test_a_cut_connection_is_tried_again(hub: Hub, release: Release, tmp_path: Path) -> None:
    item = next(release.items())
    shard = max(release.tree(item.tree).entries, key=lambda entry: entry.size)
    hub.cut = {shard.sha256: 100}
    opened = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path)
    np.testing.assert_array_equal(opened.image(item).data, release.image(item).data)


def test_a_damaged_cache_heals(hub: Hub, release: Release, tmp_path: Path) -> None:
    opened = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path)
    item = next(opened.items())
    opened.image(item)
    shard = max(release.tree(item.tree).entries, key=lambda entry: entry.size)
    path = tmp_path / object_path(shard.sha256)
    for damage in (b"", path.read_bytes()[:-1], bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]):
        overwrite(path, damage)
        assert sha256_hex(opened.store.get(shard.sha256)) == shard.sha256
    overwrite(path, path.read_bytes()[:-7])
    tail = opened.store.read_range(shard.sha256, shard.size - 9, shard.size, size=shard.size)
    assert tail == release.store.get(shard.sha256)[-9:]
    overwrite(path, path.read_bytes()[:-7])
    np.testing.assert_array_equal(opened.image(item).data, release.image(item).data)


def _open_all(address: str, cache: Path) -> None:
    opened = cellcommons.open("lab/noise@1", hub=address, cache=cache)
    for item in opened.items():
        opened.image(item)
    sys.exit(0 if opened.verify().count else 1)


def test_processes_share_one_cache(hub: Hub, release: Release, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_open_all, args=(hub.address, tmp_path)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with pytest.warns(AsLastSeen):
        assert cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path, offline=True).verify()
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_download_takes_from_the_cache_and_gives_to_it(hub: Hub, release: Release, tmp_path: Path) -> None:
    opened = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path / "cache")
    item = next(opened.items())
    opened.image(item)
    before = total(hub)
    done = Client(hub.address, pause=0.01).download(
        "lab/noise@1", tmp_path / "one", DownloadSettings(cache=tmp_path / "cache")
    )
    assert done.fetched == total(hub) - before == release.counted().bytes - before
    again = Client(hub.address, pause=0.01).download(
        "lab/noise@1", tmp_path / "two", DownloadSettings(cache=tmp_path / "cache")
    )
    assert again.fetched == 0
    assert ReleaseFolder(tmp_path / "two").verify().digest == release.digest
    # A damaged object of the cache is not handed on.
    digest = item.tree
    overwrite(tmp_path / "cache" / object_path(digest), b"nonsense")
    (tmp_path / "two" / ".cellcommons" / object_path(digest)).unlink(missing_ok=True)
    Client(hub.address, pause=0.01).download(
        "lab/noise@1", tmp_path / "three", DownloadSettings(cache=tmp_path / "cache")
    )
    assert ReleaseFolder(tmp_path / "three").verify().digest == release.digest


def test_a_placed_file_is_whole_and_replaces_what_was_there(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "deep" / "target"
    source.write_bytes(b"abc")
    place_file(source, target, aside=tmp_path)
    place_file(source, target, aside=tmp_path)
    assert target.read_bytes() == b"abc"
    assert [path.name for path in target.parent.iterdir()] == ["target"]
    assert {path.name for path in tmp_path.iterdir()} == {"source", "deep"}


def test_every_task_opens(tmp_path: Path) -> None:
    for task in ("classification", "tracking", "augmented"):
        release = small_release(FolderStore(tmp_path / task), task, count=3)
        name = "lab/" + task.replace("_", "-")
        with serving(release) as hub:
            opened = cellcommons.open(f"{name}@1", hub=hub.address, cache=tmp_path / "cache")
            item = next(opened.items())
            assert opened.reading(item).values == release.reading(item).values
            if task == "tracking":
                assert opened.movie(item).lineage == release.movie(item).lineage
            if task == "augmented":
                np.testing.assert_array_equal(opened.target(item).data, release.target(item).data)


def test_tables_are_arrow_and_pandas(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    assert release.table("images").column_names[:2] == ["image", "name"]
    with pytest.raises(NotFound, match="There are cells"):
        release.table("nuclei")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"cellcommons\[pandas\]"):
        release.frame("cells")


def test_a_folder_opens_as_load_does(hub: Hub, release: Release, tmp_path: Path) -> None:
    Client(hub.address).download("lab/noise@1", tmp_path / "noise-1")
    assert cellcommons.open(tmp_path / "noise-1").digest == release.digest
    assert cellcommons.open(str(tmp_path / "noise-1")).digest == release.digest
    with pytest.raises(InvalidDocument):
        cellcommons.open("no such@x", hub=hub.address, cache=tmp_path)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder(tmp_path) == tmp_path
    monkeypatch.setenv("CELLCOMMONS_CACHE", str(tmp_path / "a"))
    assert cache_folder() == tmp_path / "a"
    monkeypatch.delenv("CELLCOMMONS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_folder() == tmp_path / "b" / "cellcommons"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path(os.path.expanduser("~/.cache/cellcommons"))
