"""Two releases compared: every task, every fact, both ways, and only what changed is read."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from planted import item_of, mirrored, mirrored_track, plant, release_of, rows, sealed
from small_release import small_release

from cellcommons.classes import Ontology
from cellcommons.diff.changes import BORN, DIED, MERGED, RECLASSED, REPAINTED, SPLIT
from cellcommons.diff.compare import diff_releases
from cellcommons.diff.pictures import change_pictures, write_pictures
from cellcommons.diff.result import ReleaseDiff
from cellcommons.diff.tables import diff_tables, write_parquet
from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_image_tree, write_image, write_labels
from cellcommons.images.outline import read_outline
from cellcommons.indexes import Provenance, ReleaseItem
from cellcommons.kinds.given import read_given
from cellcommons.kinds.registry import kind_of
from cellcommons.reading import Reading, read_reading, write_reading
from cellcommons.release import Release
from cellcommons.store import FolderStore
from cellcommons.synthetic.cells import generate_cells

TASKS = ("instance_segmentation", "semantic_segmentation", "classification", "tracking", "augmented")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    return FolderStore(tmp_path_factory.mktemp("objects"))


class Watched(FolderStore):
    """A store that remembers what was read of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: set[str] = set()

    def get(self, digest: str) -> bytes:
        self.read.add(digest)
        return super().get(digest)

    def open(self, digest: str):
        self.read.add(digest)
        return super().open(digest)


def reread(store: FolderStore, release: Release, item: ReleaseItem, reading: Reading, **changes: object) -> ReleaseItem:
    """The item with another reading, its rows as the task counts them."""
    companions = dict(changes.pop("companions", item.companions))  # type: ignore[call-overload]
    given = read_given(store, companions, read_outline(store, item.tree))
    cells = kind_of(release.manifest.task).rows(reading, given, release.ontology)
    tree = write_reading(store, reading, read_outline(store, item.tree).pixel_size)
    return replace(item, labels=tree.digest, cells=cells, companions=companions, **changes)  # type: ignore[arg-type]


def again(store: FolderStore, release: Release, items: list[ReleaseItem], **changes: object) -> Release:
    facts: dict = {"slug": release.manifest.dataset, "task": release.manifest.task, "ontology": release.ontology}
    return sealed(store, items, edition=2, **{**facts, **changes})


def both_ways(before: Release, after: Release) -> ReleaseDiff:
    """The diff; and that the other way round is its mirror image."""
    there, back = diff_releases(before, after), diff_releases(after, before)
    assert sorted(map(mirrored, there.cells), key=repr) == sorted(back.cells, key=repr)
    assert sorted(map(mirrored_track, there.tracks), key=repr) == sorted(back.tracks, key=repr)
    a, b = there.tally, back.tally
    assert (a.born, a.died, a.split, a.merged, a.split_into) == (b.died, b.born, b.merged, b.split, b.merged_from)
    assert (
        a.before - a.removed - a.died + a.split_into - a.split - a.merged_from + a.merged + a.born + a.added == a.after
    )
    assert [(c.before, c.after, c.both) for c in there.classes] == [(c.after, c.before, c.both) for c in back.classes]
    assert diff_releases(before, after).to_bytes() == there.to_bytes()
    return there


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
    found = both_ways(release_of(store, maps), release_of(store, later, edition=2))
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
    after = release_of(watched, maps | {"image-2": changed}, edition=2)
    watched.read.clear()
    found = diff_releases(before, after)
    assert found.tally.died == 1
    indexes = {index.sha256 for release in (before, after) for index in release.manifest.indexes.values()}
    ones, others = ({i.image: i for i in release.items()} for release in (before, after))
    needed = set(indexes)
    for release, item in ((before, ones["image-2"]), (after, others["image-2"])):
        needed |= {item.labels} | {entry.sha256 for entry in release.tree(item.labels).entries}
    assert watched.read <= needed


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
    after = sealed(store, list(after_items.values()), edition=2, title="Other", licence="CC-BY-4.0")
    found = both_ways(before, after)
    assert {i.image: i.what for i in found.images} == {
        "image-1": ("pixels",), "image-2": ("metadata",), "image-3": ("split",), "image-4": ("source", "stratum"),
        "image-5": ("provenance",), "image-6": ("name",),
    }  # fmt: skip
    assert found.cells == ()
    assert found.summary()["images"]["moves"] == {"train -> test": 1}
    assert found.summary()["facts"] == {"licence": ["CC0-1.0", "CC-BY-4.0"], "title": ["Cells", "Other"]}


def test_semantic_maps_by_pair_of_classes_and_dice(store: FolderStore) -> None:
    before = small_release(store, "semantic_segmentation", count=3)
    items = list(before.items())
    raster = before.labels(items[0]).copy()
    names = before.ontology.names
    raster[10:20, 10:20], raster[30:34, 30:40] = 1, 0
    was = before.labels(items[0])
    after = again(store, before, [reread(store, before, items[0], Reading(raster)), *items[1:]])
    found = both_ways(before, after)
    moved = np.count_nonzero(was != raster)
    assert found.summary()["pixels"]["changed"] == moved == sum(c.area_after for c in found.cells)
    assert {c.kind for c in found.cells} == {REPAINTED}
    pairs = {("".join(c.classes_before), "".join(c.classes_after)): c.area_after for c in found.cells}
    for one, name in enumerate(names, start=1):
        became_first = np.count_nonzero((was == one) & (raster == 1)) if one > 1 else 0
        assert pairs.get((name, names[0]), 0) == became_first
        assert pairs.get((name, ""), 0) == np.count_nonzero((was == one) & (raster == 0))
    rasters = [(before.labels(item), raster if n == 0 else before.labels(item)) for n, item in enumerate(items)]
    for overlap in found.classes:
        value = names.index(overlap.name) + 1
        masks = [(a == value, b == value) for a, b in rasters]
        assert overlap.before == sum(int(a.sum()) for a, _ in masks)
        assert overlap.both == sum(int((a & b).sum()) for a, b in masks)


def test_a_class_renamed_is_told_without_reading_a_map(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    before = small_release(watched, "semantic_segmentation", count=2)
    names = list(before.ontology.names)
    other = Ontology((*names[:-1], "elsewhere"))

    def renamed(item: ReleaseItem) -> ReleaseItem:
        new = {(names[-1],): ("elsewhere",)}
        return replace(item, cells=tuple(replace(c, classes=new.get(c.classes, c.classes)) for c in item.cells))

    kept = [renamed(item) for item in before.items()]
    after = again(watched, before, kept, ontology=other)
    watched.read.clear()
    found = both_ways(before, after)
    area = sum(c.area for i in before.items() for c in i.cells if c.classes == (names[-1],))
    assert found.summary()["pixels"]["changed"] == area > 0
    assert "ontology" in found.facts
    assert not watched.read & {i.labels for i in before.items()}


def test_subjects_reclassed(store: FolderStore) -> None:
    before = small_release(store, "classification", count=3)
    items = list(before.items())
    values = dict(read_reading(store, items[1].labels).values)
    first, second, *_ = sorted(values, key=int)
    other = next(name for name in before.ontology.names if [name] != values[first])
    was = tuple(values[first])
    values[first] = [other]
    del values[second]
    after = again(store, before, [items[0], reread(store, before, items[1], Reading(None, values)), items[2]])
    found = both_ways(before, after)
    assert {(c.kind, c.before, c.after) for c in found.cells} == {
        (RECLASSED, (int(first),), (int(first),)), (DIED, (int(second),), ()),
    }  # fmt: skip
    change = next(c for c in found.cells if c.kind == RECLASSED)
    assert (change.classes_before, change.classes_after) == (was, (other,))
    # The same cells under other numbers are the same subjects: their outlines tell.
    cells = before.companion(items[2], "cells")
    raster = read_given(store, {"cells": cells}, read_outline(store, items[2].tree)).cells
    moved = np.where(raster == 0, 0, raster + 100).astype(np.uint32)
    answers = {str(int(k) + 100): v for k, v in read_reading(store, items[2].labels).values.items()}
    companions = {"cells": write_labels(store, moved).digest}
    renamed = reread(store, before, items[2], Reading(None, answers), companions=companions)
    found = both_ways(before, again(store, before, [*items[:2], renamed]))
    assert found.cells == ()
    assert found.images[0].what == ("labels", "cells")


def test_links_tracks_and_divisions(store: FolderStore) -> None:
    before = small_release(store, "tracking", count=2)
    item = next(iter(before.items()))
    links = dict(read_reading(store, item.labels).values)
    children: dict[str, list[str]] = {}
    for child, parent in links.items():
        children.setdefault(str(parent), []).append(child)
    single = next(c for c in sorted(links) if len(children[str(links[c])]) == 1 and c in children)
    cut = {k: v for k, v in links.items() if k != single}
    after = again(store, before, [reread(store, before, item, Reading(None, cut)), *list(before.items())[1:]])
    found = both_ways(before, after)
    numbers = found.summary()
    assert numbers["links"] == {"added": 0, "removed": 1}
    assert [(t.kind, t.before, t.after) for t in found.tracks] == [("link removed", (links[single], single), ())]
    assert numbers["divisions"] == {"born": 0, "died": 0, "changed": 0}
    assert found.tally.after == found.tally.before + 1
    assert sum(c.kind in (SPLIT, BORN) for c in found.cells) == 1


def test_divisions_and_renumbered_detections(store: FolderStore) -> None:
    before = small_release(store, "tracking", count=1, seed=3, size=128)
    item = next(iter(before.items()))
    links = dict(read_reading(store, item.labels).values)
    roots = sorted({str(v) for v in links.values()} | set(links), key=lambda n: tuple(map(int, n.split(":"))))
    taken = {str(parent) for parent in links.values()}
    # A second daughter for a cell that has one: whichever cell of the next frame begins a track or is taken over.
    mother = next(n for n in roots if n in taken)
    frame = int(mother.split(":")[0]) + 1
    stolen = next(c for c in links if c.startswith(f"{frame}:") and links[c] != mother)
    later = links | {stolen: mother}
    after = again(store, before, [reread(store, before, item, Reading(None, later))])
    found = both_ways(before, after)
    assert found.summary()["links"] == {"added": 1, "removed": 1}
    assert found.summary()["divisions"]["born"] + found.summary()["divisions"]["changed"] >= 1
    # Detections under other ids, with links that say the same, are no change of links or tracks.
    detections = read_given(store, item.companions, read_outline(store, item.tree)).frame_movie()
    moved = np.where(detections == 0, 0, detections + 50).astype(np.uint32)

    def name(node: str) -> str:
        at, cell = node.split(":")
        return f"{at}:{int(cell) + 50}"

    renamed = reread(
        store, before, item, Reading(None, {name(c): name(str(p)) for c, p in links.items()}),
        companions={"detections": write_reading(store, Reading(moved)).digest},
    )  # fmt: skip
    found = both_ways(before, again(store, before, [renamed]))
    assert (found.cells, found.tracks) == ((), ())
    assert found.images[0].what[:2] == ("labels", "detections")


def test_failure_regions_and_answers(store: FolderStore) -> None:
    before = small_release(store, "augmented", count=2)
    items = list(before.items())
    marks = before.labels(items[0]).copy()
    marks[40:50, 40:50] = 9
    reading = Reading(marks, {"better": "left"})
    after = again(store, before, [reread(store, before, items[0], reading), items[1]])
    found = both_ways(before, after)
    assert {(c.kind, c.before, c.after) for c in found.cells} == {(BORN, (), (9,))}
    assert [(a.key, a.before, a.after) for a in found.answers] == [("better", None, "left")]
    assert found.summary()["answers"] == 1


def test_tasks_do_not_mix(store: FolderStore) -> None:
    one, other = small_release(store, "augmented", count=1), small_release(store, "tracking", count=1)
    with pytest.raises(InvalidDocument, match="cannot be compared"):
        diff_releases(one, other)


def test_an_image_of_another_size_has_other_cells(store: FolderStore) -> None:
    labels = generate_cells(1, height=96, width=96, count=5).labels
    before, after = release_of(store, {"a": labels}), release_of(store, {"a": labels[:64, :64].copy()}, edition=2)
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
    before, after = release_of(store, {"a": labels}), release_of(store, {"a": moved}, edition=2)
    found = diff_releases(before, after)
    (picture,) = change_pictures(before, after, found.cells)
    shown = np.asarray(Image.open(io.BytesIO(picture.png))).astype(int)
    third = shown.shape[1] // 3
    green = np.abs(shown - (94, 234, 190)).max(axis=2) == 0
    amber = np.abs(shown - (255, 176, 84)).max(axis=2) == 0
    assert not green[:, :third].any()
    assert not amber[:, : 2 * third].any()
    assert 0 < green.sum() < amber.sum()


def test_ranks_show_every_kind(store: FolderStore) -> None:
    rng = np.random.default_rng(8)
    labels = generate_cells(3, height=256, width=256, count=26).labels
    planted = plant(labels, rng)
    found = diff_releases(release_of(store, {"a": labels}), release_of(store, {"a": planted.labels}, edition=2))
    ranked = found.most_changed(5)
    assert [c.kind for c in ranked] == [DIED, BORN, SPLIT, MERGED, "reshaped"]
    died = [c.area_before for c in found.most_changed(100) if c.kind == DIED]
    assert died == sorted(died, reverse=True)
    assert len(found.most_changed(10_000)) == len(found.cells)
