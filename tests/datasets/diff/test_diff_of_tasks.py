"""What is told of each task: pixels of classes, subjects, links and divisions, failure regions and answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_release import small_release
from two_releases import Watched, again, both_ways, reread

from cellcommons.classes import Ontology
from cellcommons.diff.changes import BORN, DIED, RECLASSED, REPAINTED, SPLIT
from cellcommons.diff.pictures import _begun, _telling_frame
from cellcommons.images.ome_zarr import write_labels
from cellcommons.images.outline import read_outline
from cellcommons.indexes import ReleaseItem
from cellcommons.kinds.given import read_given
from cellcommons.reading import Reading, read_reading, write_reading
from cellcommons.store import FolderStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    return FolderStore(tmp_path_factory.mktemp("objects"))


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


def test_a_track_that_was_cut_is_shown_where_it_was_cut() -> None:
    before = np.zeros((5, 4, 4), np.uint32)
    before[:, 1:3, 1:3] = 7
    after = before.copy()
    after[3:, 1:3, 1:3] = 9
    assert _telling_frame(before, after) == _telling_frame(after, before) == 3
    # There the one goes on, drawn through, and the other begins, dashed; what is there from the start does not begin.
    assert not _begun(before, 3).any()
    assert (_begun(after, 3) == (after[3] == 9)).all()
    assert not _begun(after, 0).any()
    assert _telling_frame(before, np.where(np.arange(5)[:, None, None] == 2, 0, before).astype(np.uint32)) == 2
