"""Movies of a release written for other tools, by the library and by the command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_release import items_in, seal, serving, small_release

from cellcommons.classes import Ontology
from cellcommons.cli import main
from cellcommons.errors import CannotCarry, UnknownLayout
from cellcommons.exports import export_layouts, export_movie, export_release
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image
from cellcommons.kinds.tracking import track_rows
from cellcommons.labels import LabelMap, relabel
from cellcommons.layouts.contract import WritableLayout
from cellcommons.layouts.ctc import Ctc
from cellcommons.layouts.registry import get_layout
from cellcommons.links import detections_of, movie_of
from cellcommons.points import PointTracks
from cellcommons.reading import Reading, write_reading
from cellcommons.release import CellRow, Release, ReleaseItem
from cellcommons.store import FolderStore
from cellcommons.synthetic.movies import generate_movie
from cellcommons.tracks import LabelMovie


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    store = FolderStore(tmp_path_factory.mktemp("objects"))
    items = []
    for number, split in enumerate(("train", "train", "test")):
        movie = generate_movie(2 + number, density="medium", frames=12, height=96, width=112)
        masks, links = detections_of(movie.truth)
        image = ImageData(movie.image, "tcyx", movie.channels, movie.truth.pixel_size, seconds_per_frame=300.0)
        items.append(
            ReleaseItem(
                image=f"m{number}",
                name=f"dish {number}",
                tree=write_image(store, image).digest,
                labels=write_reading(store, Reading(values=links)).digest,
                split=split,
                source=f"s{number}",
                stratum="",
                channels=movie.channels,
                height=96,
                width=112,
                cells=track_rows(movie_of(masks, links)),
                companions={"detections": write_reading(store, Reading(masks), movie.truth.pixel_size).digest},
            )
        )
    return seal(store, items, task="tracking", dataset="lab/dishes")


@pytest.mark.parametrize("layout", ["ctc", "geff", "nist_lineage"])
def test_a_release_comes_back_as_it_was(release: Release, layout: str, tmp_path: Path) -> None:
    folder = tmp_path / layout
    done = export_release(release, folder, layout=layout)
    movies = [release.movie(item) for item in release.items()]
    assert (done.images, done.frames, done.dropped, done.left_out) == (3, 36, {}, {})
    assert done.tracks == done.cells == sum(len(movie.lineage.tracks) for movie in movies)
    assert done.divisions == sum(len(movie.lineage.divisions) for movie in movies) > 0
    scan = get_layout(layout).scan(folder)
    assert scan.skipped == ()
    by_name = {entry.name: entry for entry in scan.entries}
    for item, movie in zip(release.items(), movies, strict=True):
        entry = by_name[item.path]
        assert (entry.split, entry.source) == (item.split, item.source)
        again = get_layout(layout).read(entry)
        assert isinstance(again.truth, LabelMovie)
        assert again.truth.lineage == movie.lineage
        np.testing.assert_array_equal(again.truth.data, movie.data)
        np.testing.assert_array_equal(again.image.data, release.image(item).data)
        assert again.image.seconds_per_frame == movie.seconds_per_frame == 300.0


def test_spots_of_a_release_in_trackmate(release: Release, tmp_path: Path) -> None:
    with pytest.raises(CannotCarry, match="trackmate has no place for: outlines"):
        export_release(release, tmp_path / "a", layout="trackmate")
    assert not (tmp_path / "a").exists()
    done = export_release(release, tmp_path / "b", layout="trackmate", drop=["outlines"])
    assert done.dropped == {"outlines": 3}
    item = next(release.items())
    movie = release.movie(item)
    layout = get_layout("trackmate")
    again = layout.read(next(entry for entry in layout.scan(tmp_path / "b").entries if entry.name == item.path)).truth
    assert isinstance(again, PointTracks)
    assert again.lineage == movie.lineage
    frame, cell = movie.nodes()[5].tolist()
    np.testing.assert_allclose(again.positions[5], np.argwhere(movie.data[frame] == cell).mean(axis=0), atol=1e-6)
    assert again.radii[5] == pytest.approx(np.sqrt((movie.data[frame] == cell).sum() / np.pi), rel=1e-6)


TASKS = ["instance_segmentation", "semantic_segmentation", "classification", "whole images", "tracking", "augmented"]


@pytest.fixture(scope="module", params=TASKS)
def any_release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    whole = request.param == "whole images"
    task = "classification" if whole else request.param
    return small_release(FolderStore(tmp_path_factory.mktemp("store")), task, whole=whole)


def test_every_task_in_every_layout_that_carries_it(any_release: Release, tmp_path: Path) -> None:
    """Whole, or not at all and saying why; what is written is found again with its source and split."""
    written = []
    for name in export_layouts():
        layout, folder = get_layout(name), tmp_path / name
        assert isinstance(layout, WritableLayout)
        try:
            done = export_release(any_release, folder, layout=name, split="test", drop=["all"])
        except CannotCarry:
            assert not folder.exists()
            continue
        written.append(name)
        assert done.images == 1
        scan = layout.scan(folder)
        by_name = {entry.name: entry for entry in scan.entries}
        for item in any_release.items("test"):
            entry = by_name[item.path]
            if "source" in layout.carries.features:
                assert entry.source == item.source
            if "split" in layout.carries.features:
                assert entry.split == item.split
        layout.read(scan.entries[0])
    assert written, any_release.manifest.task


def test_labels_of_a_release_are_those_of_its_files(tmp_path: Path) -> None:
    cells = small_release(FolderStore(tmp_path / "s"), "instance_segmentation")
    wanted = [layout for layout in export_layouts() if LabelMap in get_layout(layout).carries.truths]
    assert wanted
    for name in wanted[:4]:
        export_release(cells, tmp_path / name, layout=name, split="train", drop=["all"])
        layout = get_layout(name)
        entries = {entry.name: entry for entry in layout.scan(tmp_path / name).entries}
        items = list(cells.items("train"))
        assert set(entries) == {item.path for item in items}
        for item in items:
            truth = layout.read(entries[item.path]).truth
            assert isinstance(truth, LabelMap)
            np.testing.assert_array_equal(relabel(truth.data), relabel(cells.labels(item)))


def test_boxes_without_a_class_and_failed_regions_are_said(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "s")
    rows = (CellRow(2, (1, 1, 4, 5), 12, classes=("b",)),)
    boxes = write_reading(store, Reading(values={"2": [1, 1, 4, 5], "7": [0, 0, 3, 3]})).digest
    image = write_image(store, ImageData(np.zeros((1, 8, 8), np.uint8), "cyx", ("intensity",))).digest
    labels = write_reading(store, Reading(values={"2": ["b"]})).digest
    item = ReleaseItem(
        image="i", name="i", tree=image, labels=labels, split="train", source="s", stratum="", channels=("intensity",),
        height=8, width=8, cells=rows, companions={"boxes": boxes},
    )  # fmt: skip
    boxed = seal(store, [item], task="classification", ontology=Ontology(("a", "b")))
    with pytest.raises(CannotCarry, match="1 boxes have no class"):
        export_release(boxed, tmp_path / "a", layout="voc")
    pairs = small_release(FolderStore(tmp_path / "p"), "augmented")
    done = export_release(pairs, tmp_path / "b", layout="paired", drop=["all"])
    assert (done.images, done.left_out["failed regions"]) == (6, 6)


def test_the_challenge_s_own_program_accepts_the_folder(release: Release, tmp_path: Path) -> None:
    pytest.importorskip("ctc_metrics")
    from ctc_metrics import evaluate_sequence  # beside its importorskip

    export_release(release, tmp_path / "out", layout="ctc")
    result = tmp_path / "out" / "01_RES"
    truth = tmp_path / "out" / "01_GT"
    result.mkdir()
    for path in sorted((truth / "TRA").iterdir()):
        (result / path.name.replace("man_track.txt", "res_track.txt").replace("man_track", "mask")).write_bytes(
            path.read_bytes()
        )
    found = evaluate_sequence(str(result), str(truth), metrics=["Valid", "SEG", "TRA", "DET", "BIO"], threads=1)
    assert found["Valid"] == 1
    assert found["SEG"] == found["TRA"] == found["DET"] == 1


def test_the_command(release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(release) as hub:
        assert main(["download", "lab/dishes@1", str(tmp_path / "r"), "--hub", hub.address]) == 0
    capsys.readouterr()
    program = [sys.executable, "-m", "cellcommons", "export", str(tmp_path / "r"), str(tmp_path / "ctc"), "--json"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["reference"], told["layout"], told["images"]) == ("lab/dishes@1.0.0", "ctc", 3)
    assert (tmp_path / "ctc" / "03_GT" / "TRA" / "man_track.txt").is_file()
    asked = ["export", str(tmp_path / "r"), str(tmp_path / "geff"), "--layout", "geff", "--split", "test"]
    assert main(asked) == 0
    assert re.search(r"images +1\n", capsys.readouterr().out)
    spots = ["export", str(tmp_path / "r"), str(tmp_path / "spots"), "--layout", "trackmate", "--drop", "outlines"]
    assert main(spots) == 0
    assert len(list((tmp_path / "spots").glob("*.xml"))) == 3
    capsys.readouterr()
    for wrong, said in (
        ([*spots[:2], str(tmp_path / "v"), "--layout", "trackmate"], "no place for: outlines"),
        (asked, "something is there already"),
        ([*asked[:2], str(tmp_path / "x"), "--split", "rest"], "split 'rest'"),
        ([*asked[:2], str(tmp_path / "y"), "--split", "validation"], "no image in split"),
        ([*asked[:2], str(tmp_path / "z"), "--channel", "4"], "no channel 4"),
        (["export", str(tmp_path / "none"), str(tmp_path / "w")], "cellcommons download"),
    ):
        assert main(wrong) == 2
        err = capsys.readouterr().err
        assert said in err
        assert len(err.splitlines()) == 1


def test_releases_of_other_tasks_and_unknown_layouts_are_refused(release: Release, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    cells = seal(store, items_in(store, 3))
    with pytest.raises(CannotCarry, match="ctc cannot hold LabelMap"):
        export_release(cells, tmp_path / "a", layout="ctc")
    with pytest.raises(UnknownLayout, match="no such layout"):
        export_release(release, tmp_path / "b", layout="cococo")


def test_one_movie_alone(tmp_path: Path) -> None:
    movie = generate_movie(60, frames=3, height=64, width=64)
    image = ImageData(movie.image, "tcyx", movie.channels)
    done = export_movie(movie.truth, image, tmp_path / "one", layout="ctc")
    assert (done.images, done.frames) == (1, 3)
    again = Ctc().read(Ctc().scan(tmp_path / "one").entries[0])
    assert isinstance(again.truth, LabelMovie)
    assert again.truth.lineage == movie.truth.lineage
    flat = ImageData(movie.image[0], "cyx", movie.channels)
    with pytest.raises(CannotCarry, match="axes tcyx, not cyx"):
        export_movie(movie.truth, flat, tmp_path / "two", layout="geff")
