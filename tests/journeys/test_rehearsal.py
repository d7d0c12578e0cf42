"""The rehearsal: two turns of the wheel on a throw-away hub, through its public API only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.synthetic.cells import SOURCES, generate_cells

ROOT = Path(__file__).resolve().parents[2]
IMAGES = 8
pytestmark = pytest.mark.journey


def write_folder(folder: Path) -> Path:
    """Eight small images in the layout of the Data Science Bowl, of two strata, each its own source."""
    records = []
    for seed in range(IMAGES):
        slide = SOURCES[seed % 2]
        made = generate_cells(seed, height=96, width=96, count=6, source=slide)
        pixels = np.clip(made.image / 24, 0, 255).astype(np.uint8)
        entry = Entry(f"field-{seed}", (), f"well-{seed}", slide.name, {"source_known": True})
        image = ImageData(pixels, "cyx", made.channels, made.pixel_size)
        records.append(Record(entry, image, LabelMap(made.labels), Path()))
    Dsb2018().write(records, folder)
    return folder


def rehearse(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backend.rehearsal", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = write_folder(tmp_path_factory.mktemp("rehearsal") / "bowl")
    asked = ["--images", str(IMAGES), "--annotators", "3", "--rounds", "2", "--training-seconds", "6", "6", "--json"]
    done = rehearse("dsb2018", str(folder), *asked)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_is_lost(report):
    assert report["lost"] == 0
    assert report["edits"] > 0
    assert report["images"] == IMAGES
    assert report["annotations"] == 3 * IMAGES


def test_the_report_says_all_that_it_must(report):
    asked = {"images", "annotations", "annotator_f1", "consensus_f1", "releases", "rounds", "model", "lost", "seconds"}
    assert asked <= set(report)
    assert len(report["releases"]) == len(report["rounds"]) == 2
    for release in report["releases"]:
        assert {"name", "manifest_sha256", "bytes", "delta_bytes"} <= set(release)
    for number, turn in enumerate(report["rounds"], start=1):
        assert turn["round"] == number
        assert turn["readings"] == 3 * IMAGES / 2
        assert turn["annotator_seconds"] > 0
        assert 0 <= turn["held_out"]["f1_50"] <= 1
    assert [turn["strategy"] for turn in report["rounds"]] == ["random", "uncertainty"]
    assert report["rounds"][0]["readings_from_draft"] == 0
    assert report["rounds"][1]["readings_from_draft"] == 3 * IMAGES / 2
    assert 0 <= report["model"]["f1_50"] <= 1
    assert report["model"]["images"] >= 1
    assert report["seconds"] == pytest.approx(report["training_seconds"] + report["hub_seconds"], abs=0.2)
    assert set(report["error_models"]) == {"annotator-1", "annotator-2", "annotator-3"}


def test_the_consensus_is_no_worse_than_its_readers(report):
    assert report["consensus_f1"] >= report["annotator_f1"]
    assert report["consensus_f1"] > 0.8


def test_the_second_release_is_a_delta_of_the_first(report):
    first, second = report["releases"]
    assert first["name"] == "rehearsal@1"
    assert second["name"] == "rehearsal@2"
    assert first["manifest_sha256"] != second["manifest_sha256"]
    assert first["delta_bytes"] == first["bytes"]
    assert 0 < second["delta_bytes"] < second["bytes"]
    assert sum(second["splits"].values()) == IMAGES


def test_a_folder_that_cannot_be_rehearsed_gets_one_line(tmp_path):
    done = rehearse("dsb2018", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "dsb2018" in done.stderr
    assert done.stdout == ""


def test_more_images_than_there_are_get_one_line(tmp_path):
    done = rehearse("dsb2018", str(write_folder(tmp_path / "bowl")), "--images", "9")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"--images {IMAGES}" in done.stderr
