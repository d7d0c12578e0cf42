"""A release of each task: sealed, opened, checked, downloaded, described."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from small_release import seal, serving, small_release
from task_items import task_items

from cellcommons.cards.front_matter import DATASET_SCHEMA
from cellcommons.client import Client
from cellcommons.counting import item_trees
from cellcommons.errors import CellCommonsError, DigestMismatch, InvalidDocument, MismatchedShapes, NotFound
from cellcommons.folder import load
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.indexes import ReleaseItem
from cellcommons.reading import Reading, write_reading
from cellcommons.release import Release, open_release
from cellcommons.store import FolderStore, object_path
from cellcommons.synthetic.classes import KINDS
from cellcommons.synthetic.movies import generate_movie

TASKS = ("instance_segmentation", "semantic_segmentation", "classification", "tracking", "augmented")


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Release]:
    store = FolderStore(tmp_path_factory.mktemp("store"))
    return {task: small_release(store, task) for task in TASKS}


@pytest.fixture(params=TASKS)
def release(request: pytest.FixtureRequest, releases: dict[str, Release]) -> Release:
    return releases[request.param]


def test_what_was_sealed_opens_as_it_was(release: Release) -> None:
    opened = open_release(release.store, release.digest)
    assert opened.verify() == release.counted()
    assert opened.manifest.task in TASKS
    given = {item.image: item for item in task_items(release.store, opened.manifest.task)}
    for item in opened.items():
        told = given[item.image]
        assert (item.labels, item.companions, item.cells) == (told.labels, told.companions, told.cells)
        assert item.cells
        reading = opened.reading(item)
        assert (reading.raster is not None) == (opened.manifest.task not in ("classification", "tracking"))
    again = small_release(release.store, opened.manifest.task)
    assert again.digest == release.digest


def test_a_copy_of_its_members_is_the_release(release: Release, tmp_path: Path) -> None:
    copy = FolderStore(tmp_path)
    for digest, _ in release.objects():
        copy.put(release.store.get(digest))
    opened = open_release(copy, release.digest)
    assert opened.verify() == release.counted()
    for item in opened.items():
        opened.image(item)
        opened.reading(item)


def test_a_damaged_companion_is_found_and_named(releases: dict[str, Release], tmp_path: Path) -> None:
    release, copy = releases["tracking"], FolderStore(tmp_path)
    for digest, _ in release.objects():
        copy.put(release.store.get(digest))
    member = next(m for m in release.members() if m.role.startswith("detections") and "file 0/c" in m.role)
    path = copy.root / object_path(member.sha256)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(DigestMismatch, match="detections tracking-"):
        open_release(copy, release.digest).verify()


def test_it_is_downloaded_whole_and_laid_out_for_people(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLCOMMONS_CACHE", str(tmp_path / "cache"))
    manifest = release.manifest
    with serving(release) as hub:
        done = Client(hub.address, pause=0.01).download(manifest.reference, tmp_path)
        assert done.bytes == done.fetched == release.counted().bytes
        assert Client(hub.address, pause=0.01).download(manifest.reference, tmp_path).fetched == 0
    opened = load(tmp_path)
    opened.verify()
    item = next(opened.items())
    if manifest.task in ("classification", "tracking"):
        values = json.loads((tmp_path / "labels" / f"{item.path}.json").read_bytes())
        assert values == dict(opened.reading(item).values)
        assert not (tmp_path / "labels" / f"{item.path}.zarr").exists()
    else:
        assert (tmp_path / "labels" / f"{item.path}.zarr" / "zarr.json").exists()
    shown = {path.name for path in (tmp_path / "companions").glob(f"{item.path}/*")}
    assert shown == {f"{kind}.zarr" for kind in item.companions}
    block = opened.card().split("```python\n")[1].split("```")[0]
    mirror = str(tmp_path / ".cellcommons")
    exec(compile(block.replace('"URL"', repr(mirror)), "card", "exec"), {})


def test_tracks_are_those_of_the_links(releases: dict[str, Release]) -> None:
    release = releases["tracking"]
    for number, item in enumerate(release.items()):
        truth = generate_movie(number, density="easy", frames=10, height=96, width=96, count=4).truth
        movie = release.movie(item)
        assert np.array_equal(movie.data > 0, truth.data > 0)
        assert len(movie.edges()) == len(truth.edges())
        assert movie.lineage.tracks == item.tracks
        assert (movie.pixel_size, movie.seconds_per_frame) == (truth.pixel_size, 300.0)
        assert sum(row.area for row in item.cells) == np.count_nonzero(movie.data)
    counts = release.manifest.counts
    assert counts.tracks == counts.cells > 24
    assert counts.divisions == sum(len(release.movie(item).lineage.divisions) for item in release.items())
    table = release.table("tracks")
    assert table.num_rows == counts.tracks == release.manifest.indexes["tracks"].rows
    assert table.column_names == ["image", "track", "begin", "end", "parent"]


def test_target_and_ontology_are_at_hand(releases: dict[str, Release]) -> None:
    pair = next(releases["augmented"].items())
    target = releases["augmented"].target(pair)
    assert (target.axes, target.channels) == ("cyx", pair.markers)
    assert releases["augmented"].image(pair).axes == "czyx"
    assert releases["augmented"].ontology is None
    assert releases["classification"].ontology == KINDS
    cell = next(releases["classification"].items())
    with pytest.raises(NotFound, match="no target"):
        releases["classification"].target(cell)
    with pytest.raises(InvalidDocument, match=r"no label map|not an OME-Zarr"):
        releases["classification"].labels(cell)


def test_whole_images_are_one_subject(tmp_path: Path) -> None:
    release = small_release(FolderStore(tmp_path), "classification", whole=True)
    for item in release.items():
        (row,) = item.cells
        assert (row.id, row.box, row.area) == (0, (0, 0, 48, 48), 48 * 48)
    assert "The whole image was classified" in release.card()


def test_cards_say_what_is_in_each_split(release: Release) -> None:
    text, task = release.card(), release.manifest.task
    fields = yaml.safe_load(text.split("---\n", 2)[1])
    jsonschema.validate(fields, DATASET_SCHEMA)
    if release.ontology:
        seen: Counter[tuple[str, str]] = Counter()
        for item in release.items():
            for row in item.cells:
                area = row.area if task == "semantic_segmentation" else 1
                seen.update({(row.classes[0], item.split): area})
        for name in release.ontology.names:
            counts = " | ".join(f"{seen[name, split]:,}" for split in ("train", "validation", "test"))
            assert f"| {name} | {counts} |" in text
    counts = release.manifest.counts
    if task == "tracking":
        assert f"| all | 6 | 6 | {counts.tracks} | {counts.divisions} |" in text
        assert "tracks" in {config["config_name"] for config in fields["configs"]}
    if task == "augmented":
        assert "| nuclei | 4 | 1 | 1 |" in text
        assert fields["task_categories"] == ["image-to-image"]


def test_one_class_only_in_a_split_is_said(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    items = list(task_items(store, "classification", whole=True, count=6))
    release = small_release(store, "classification", items=items)
    assert f"One class only in test: {KINDS.names[5 % len(KINDS)]}" in release.card()


def refused(release: Release, item: ReleaseItem) -> str:
    with pytest.raises(CellCommonsError) as caught:
        small_release(release.store, release.manifest.task, items=[item])
    assert item.name in caught.value.line()
    return caught.value.line()


def answers(release: Release, item: ReleaseItem, values: dict[str, object]) -> str:
    labels = write_reading(release.store, Reading(None, values)).digest
    return refused(release, replace(item, labels=labels, cells=()))


def test_classes_outside_the_ontology_are_refused(releases: dict[str, Release]) -> None:
    release = releases["classification"]
    item = next(release.items())
    assert "'Martian' is not in the ontology" in answers(release, item, {"1": ["Martian"]})
    assert "no subject" in answers(release, item, {"77": [KINDS.names[0]]})
    assert "other classes" in refused(release, replace(item, cells=item.cells[1:]))
    tissue = releases["semantic_segmentation"]
    item = next(tissue.items())
    raster = tissue.labels(item).copy()
    raster[0, 0] = 9
    said = refused(tissue, replace(item, labels=write_labels(tissue.store, raster).digest))
    assert "pixel value 9 is no class" in said


def test_links_to_cells_that_are_not_there_are_refused(releases: dict[str, Release]) -> None:
    release = releases["tracking"]
    item = next(release.items())
    assert "not there" in answers(release, item, {"1:999": "0:1"})
    assert "a parent comes before" in answers(release, item, {"0:1": "1:1"})
    assert "no detections" in refused(release, replace(item, companions={}))
    assert "are not the tracks" in refused(release, replace(item, cells=item.cells[1:]))


def test_a_target_of_another_shape_or_pixel_size_is_refused(releases: dict[str, Release]) -> None:
    release = releases["augmented"]
    item = next(release.items())
    target = release.target(item)
    smaller = ImageData(target.data[:, 1:], "cyx", target.channels, target.pixel_size)
    assert "its source (64, 64)" in refused(
        release, replace(item, companions={"target": write_image(release.store, smaller).digest})
    )
    size = replace(target.pixel_size, y=3.0)
    coarser = ImageData(target.data, "cyx", target.channels, size)
    assert "micrometres along y" in refused(
        release, replace(item, companions={"target": write_image(release.store, coarser).digest})
    )
    assert "has no target" in refused(release, replace(item, companions={}))
    assert "knows no 'cells'" in refused(release, replace(item, companions={**item.companions, "cells": item.labels}))


def test_labels_of_another_shape_are_refused(releases: dict[str, Release]) -> None:
    release = releases["instance_segmentation"]
    item = next(release.items())
    labels = write_labels(release.store, np.zeros((5, 6), np.uint32)).digest
    with pytest.raises(MismatchedShapes, match=item.name):
        seal(release.store, [replace(item, labels=labels, cells=())])


def test_unknown_tasks_and_ontologies_that_do_not_fit_are_refused(releases: dict[str, Release]) -> None:
    release = releases["instance_segmentation"]
    items = list(release.items())
    with pytest.raises(InvalidDocument, match="'counting' is not known"):
        seal(release.store, items, task="counting")
    with pytest.raises(InvalidDocument, match="takes no ontology"):
        seal(release.store, items, ontology=KINDS)
    with pytest.raises(InvalidDocument, match="needs an ontology"):
        seal(release.store, items, task="classification")


def test_every_tree_of_an_item_is_listed(releases: dict[str, Release]) -> None:
    item = next(releases["augmented"].items())
    assert dict(item_trees(item)) == {"image": item.tree, "labels": item.labels, **item.companions}
