"""Movies of a release written for other tools, by the library and by the command."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_release import items_in, seal, serving

from cellcommons.cli import main
from cellcommons.errors import InvalidDocument
from cellcommons.exports import export_layouts, export_movie, export_release
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image
from cellcommons.kinds.tracking import track_rows
from cellcommons.layouts.ctc import Ctc
from cellcommons.layouts.registry import get_layout
from cellcommons.links import detections_of, movie_of
from cellcommons.reading import Reading, write_reading
from cellcommons.release import Release, ReleaseItem
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
        image = ImageData(
            movie.image, "tcyx", movie.channels, movie.truth.pixel_size, metadata={"seconds_per_frame": 300.0}
        )
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
    return seal(store, items, task="tracking", slug="dishes")


@pytest.mark.parametrize("layout", export_layouts())
def test_a_release_comes_back_as_it_was(release: Release, layout: str, tmp_path: Path) -> None:
    folder = tmp_path / layout
    done = export_release(release, folder, layout=layout)
    movies = [release.movie(item) for item in release.items()]
    assert (done.movies, done.frames) == (3, 36)
    assert done.tracks == sum(len(movie.lineage.tracks) for movie in movies)
    assert done.divisions == sum(len(movie.lineage.divisions) for movie in movies) > 0
    with (folder / "movies.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["image"], row["split"]) for row in rows] == [("m0", "train"), ("m1", "train"), ("m2", "test")]
    scan = get_layout(layout).scan(folder)
    assert scan.skipped == ()
    by_name = {entry.name: entry for entry in scan.entries}
    for row, item, movie in zip(rows, release.items(), movies, strict=True):
        again = get_layout(layout).read(by_name[row["written_as"]])
        assert isinstance(again.truth, LabelMovie)
        assert again.truth.lineage == movie.lineage
        np.testing.assert_array_equal(again.truth.data, movie.data)
        np.testing.assert_array_equal(again.image.data, release.image(item).data)


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
        assert main(["download", "dishes@1", str(tmp_path / "r"), "--hub", hub.address]) == 0
    capsys.readouterr()
    program = [sys.executable, "-m", "cellcommons", "export", str(tmp_path / "r"), str(tmp_path / "ctc"), "--json"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["reference"], told["layout"], told["movies"]) == ("dishes@1", "ctc", 3)
    assert (tmp_path / "ctc" / "03_GT" / "TRA" / "man_track.txt").is_file()
    asked = ["export", str(tmp_path / "r"), str(tmp_path / "geff"), "--layout", "geff", "--split", "test"]
    assert main(asked) == 0
    assert "movies           1" in capsys.readouterr().out
    for wrong, said in (
        (asked, "holds something already"),
        ([*asked[:2], str(tmp_path / "x"), "--split", "rest"], "split 'rest'"),
        ([*asked[:2], str(tmp_path / "y"), "--split", "validation"], "no movie in split"),
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
    with pytest.raises(InvalidDocument, match="a release of instance_segmentation"):
        export_release(cells, tmp_path / "a", layout="ctc")
    with pytest.raises(InvalidDocument, match="Choose one of: ctc, geff"):
        export_release(release, tmp_path / "b", layout="coco")


def test_one_movie_alone(tmp_path: Path) -> None:
    movie = generate_movie(60, frames=3, height=64, width=64)
    image = ImageData(movie.image, "tcyx", movie.channels)
    done = export_movie(movie.truth, image, tmp_path / "one", layout="ctc")
    assert (done.movies, done.frames) == (1, 3)
    again = Ctc().read(Ctc().scan(tmp_path / "one").entries[0])
    assert isinstance(again.truth, LabelMovie)
    assert again.truth.lineage == movie.truth.lineage
    flat = ImageData(movie.image[0], "cyx", movie.channels)
    with pytest.raises(InvalidDocument, match="no flat movie"):
        export_movie(movie.truth, flat, tmp_path / "two", layout="geff")
