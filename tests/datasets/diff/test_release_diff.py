"""Two releases compared: every task, every fact, both ways, and only what changed is read."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from planted import item_of, plant, release_of, rows, sealed
from small_release import small_release
from two_releases import TASKS, Watched, again, both_ways, reread

from cellcommons.diff.changes import BORN, DIED, MERGED, SPLIT
from cellcommons.diff.compare import diff_releases
from cellcommons.diff.pictures import change_pictures, write_pictures
from cellcommons.diff.tables import diff_tables, write_parquet
from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_image_tree, write_image
from cellcommons.indexes import Provenance
from cellcommons.reading import Reading, read_reading
from cellcommons.store import FolderStore
from cellcommons.synthetic.cells import generate_cells


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    return FolderStore(tmp_path_factory.mktemp("objects"))


@pytest.mark.parametrize("task", TASKS)
def test_a_release_does_not_differ_from_itself(store: FolderStore, task: str) -> None:
    release = small_release(store, task, count=3)
    found = diff_releases(release, release)
    assert found.is_empty
    assert found.summary()["same"] is True
    assert found.tally.same == found.tally.before == release.manifest.counts.cells
    assert all(table.num_rows == 0 for table in diff_tables(found).values())
    assert all(c.dice == 1.0 for c in found.classes)
    assert bool(found.classes) == (task == "semantic_segmentation")


def test_planted_changes_are_found_and_add_up(store: FolderStore) -> None:
    rng = np.random.default_rng(5)
    maps = {f"image-{n}": generate_cells(n, height=192, width=192, count=20).labels for n in range(5)}
    planted = {image: plant(labels, rng, most=1) for image, labels in list(maps.items())[:2]}
    later = {image: planted[image].labels if image in planted else labels for image, labels in maps.items()}
    later["image-9"] = later.pop("image-4")
    found = both_ways(release_of(store, maps), release_of(store, later))
    for image, plan in planted.items():
        assert {(c.kind, c.before, c.after) for c in found.cells if c.image == image} == plan.expected
    assert {c.image for c in found.cells} == set(planted)
    kinds = {(i.image, i.kind, i.what) for i in found.images}
    assert kinds == {
        ("image-0", "changed", ("labels",)), ("image-1", "changed", ("labels",)),
        ("image-4", "removed", ()), ("image-9", "added", ()),
    }  # fmt: skip
    numbers = found.summary()
    assert (numbers["images"]["added"], numbers["images"]["removed"], numbers["images"]["changed"]) == (1, 1, 2)
    assert numbers["cells"]["removed"] == numbers["cells"]["added"] == len(rows(maps["image-4"]))
    assert list(numbers)[:5] == ["before", "after", "task", "same", "images"]


def test_only_trees_that_differ_are_read(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    maps = {f"image-{n}": generate_cells(n, height=96, width=96, count=5).labels for n in range(6)}
    before = release_of(watched, maps)
    changed = maps["image-2"].copy()
    changed[changed == changed.max()] = 0
    after = release_of(watched, maps | {"image-2": changed})
    watched.read.clear()
    found = diff_releases(before, after)
    assert found.tally.died == 1
    read = set(watched.read)
    members = [member for release in (before, after) for member in release.members()]
    indexes = {m.sha256 for m in members if m.role.startswith(("file", "part", "the listing"))}
    ones, others = ({i.image: i for i in release.items()} for release in (before, after))
    needed = set(indexes)
    for release, item in ((before, ones["image-2"]), (after, others["image-2"])):
        needed |= {item.labels} | {entry.sha256 for entry in release.tree(item.labels).entries}
    assert read <= needed


def test_facts_of_images_and_of_the_release(store: FolderStore) -> None:
    labels = generate_cells(1, height=96, width=96, count=5).labels
    plain = {f"image-{n}": item_of(store, f"image-{n}", labels) for n in range(7)}
    before = sealed(store, list(plain.values()))
    pixels = read_image_tree(store, plain["image-1"].tree)
    after_items = plain | {
        "image-1": replace(plain["image-1"], tree=write_image(store, replace(pixels, data=pixels.data // 2)).digest),
        "image-2": replace(plain["image-2"], tree=write_image(store, replace(pixels, channels=("actin",))).digest),
        "image-3": replace(plain["image-3"], split="test"),
        "image-4": replace(plain["image-4"], source="donor 7", stratum="liver"),
        "image-5": replace(plain["image-5"], provenance=Provenance("majority", annotations=("a", "b"))),
        "image-6": replace(plain["image-6"], name="renamed.tif"),
    }
    shown = read_image_tree(store, plain["image-2"].tree)
    after_items["image-2"] = replace(
        plain["image-2"], tree=write_image(store, replace(shown, metadata={"note": "x"})).digest
    )
    after = sealed(store, list(after_items.values()), title="Other", licence="CC-BY-4.0")
    found = both_ways(before, after)
    assert {i.image: i.what for i in found.images} == {
        "image-1": ("pixels",), "image-2": ("metadata",), "image-3": ("split",), "image-4": ("source", "stratum"),
        "image-5": ("provenance",), "image-6": ("name",),
    }  # fmt: skip
    assert found.cells == ()
    assert found.summary()["images"]["moves"] == {"train -> test": 1}
    assert found.summary()["facts"] == {"licence": ["CC0-1.0", "CC-BY-4.0"], "title": ["Cells", "Other"]}


def test_tasks_do_not_mix(store: FolderStore) -> None:
    one, other = small_release(store, "augmented", count=1), small_release(store, "tracking", count=1)
    with pytest.raises(InvalidDocument, match="cannot be compared"):
        diff_releases(one, other)


def test_an_image_of_another_size_has_other_cells(store: FolderStore) -> None:
    labels = generate_cells(1, height=96, width=96, count=5).labels
    before, after = release_of(store, {"a": labels}), release_of(store, {"a": labels[:64, :64].copy()})
    found = both_ways(before, after)
    assert (found.tally.died, found.tally.born) == (len(rows(labels)), len(rows(labels[:64, :64])))
    assert len(change_pictures(before, after, found.most_changed(3))) == 3


@pytest.mark.parametrize("task", TASKS)
def test_pictures_and_parquet(store: FolderStore, task: str, tmp_path: Path) -> None:
    before = small_release(store, task, count=1)
    item = next(iter(before.items()))
    reading = read_reading(store, item.labels)
    if task in ("classification", "tracking"):
        values = dict(list(reading.values.items())[:-1])
        reading = Reading(None, values)
    else:
        raster = reading.labels.copy()
        raster[raster == raster.max()] = 0
        reading = Reading(raster)
    after = again(store, before, [reread(store, before, item, reading)])
    found = diff_releases(before, after)
    names = write_pictures(before, after, found, tmp_path / "pictures")
    assert len(names) == len(found.most_changed(40)) > 0
    for name in names:
        picture = np.asarray(Image.open(io.BytesIO((tmp_path / "pictures" / name).read_bytes())))
        assert picture.std() > 0
    assert write_parquet(found, tmp_path / "tables") == ["cells.parquet", "images.parquet", "tracks.parquet"]
    cells = pq.read_table(tmp_path / "tables" / "cells.parquet").to_pylist()
    assert [tuple(row["before"]) for row in cells] == [c.before for c in found.cells]


def test_the_picture_shows_the_cell_before_and_after(store: FolderStore) -> None:
    labels = np.zeros((64, 64), np.uint32)
    labels[20:30, 20:30] = 4
    moved = np.zeros((64, 64), np.uint32)
    moved[20:30, 20:40] = 7
    before, after = release_of(store, {"a": labels}), release_of(store, {"a": moved})
    found = diff_releases(before, after)
    (picture,) = change_pictures(before, after, found.cells)
    shown = np.asarray(Image.open(io.BytesIO(picture.png))).astype(int)
    half = shown.shape[1] // 2
    green = np.abs(shown - (94, 234, 190)).max(axis=2) == 0
    amber = np.abs(shown - (255, 176, 84)).max(axis=2) == 0
    assert not green[:, half:].any()
    assert not amber[:, :half].any()
    assert 0 < green.sum() < amber.sum()


@pytest.mark.parametrize(("y", "x"), [(0, 0), (0, 54), (27, 0), (54, 54)])
def test_a_cell_at_the_edge_is_in_the_middle_of_its_picture(store: FolderStore, y: int, x: int) -> None:
    labels = np.zeros((64, 64), np.uint32)
    labels[y : y + 10, x : x + 10] = 4
    labels[30:34, 30:34] = 5
    gone = np.where(labels == 4, 0, labels).astype(np.uint32)
    before, after = release_of(store, {"a": labels}), release_of(store, {"a": gone})
    (picture,) = change_pictures(before, after, diff_releases(before, after).cells)
    shown = np.asarray(Image.open(io.BytesIO(picture.png))).astype(int)
    size = shown.shape[0]
    assert shown.shape[1] == 2 * size + 6
    green = np.argwhere(np.abs(shown - (94, 234, 190)).max(axis=2) == 0)
    assert np.abs((green.min(axis=0) + green.max(axis=0)) / 2 - size / 2).max() <= 5
    outside = (np.abs(shown[:, :size] - (30, 36, 44)).max(axis=2) == 0).mean()
    assert outside > 0.1, "what lies beyond the image is hatched"


def test_ranks_show_every_kind(store: FolderStore) -> None:
    rng = np.random.default_rng(8)
    labels = generate_cells(3, height=256, width=256, count=26).labels
    planted = plant(labels, rng)
    found = diff_releases(release_of(store, {"a": labels}), release_of(store, {"a": planted.labels}))
    ranked = found.most_changed(5)
    assert [c.kind for c in ranked] == [DIED, BORN, SPLIT, MERGED, "reshaped"]
    died = [c.area_before for c in found.most_changed(100) if c.kind == DIED]
    assert died == sorted(died, reverse=True)
    assert len(found.most_changed(10_000)) == len(found.cells)
