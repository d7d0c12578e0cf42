"""The rehearsal: two turns of the wheel on a throw-away hub, through its public API only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cellcommons.versions import parse_version
from tests.backend.rehearsal.folders import write_bowl, write_voc

ROOT = Path(__file__).resolve().parents[2]
IMAGES = 8
pytestmark = pytest.mark.journey


def rehearse(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backend.rehearsal", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = write_bowl(tmp_path_factory.mktemp("rehearsal") / "bowl", IMAGES)
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
    asked |= {"task", "score", "headline", "annotator_score", "consensus_score", "majority_score", "notes"}
    assert asked <= set(report)
    assert (report["task"], report["headline"]) == ("instance_segmentation", "f1_50")
    assert report["consensus_f1"] == report["consensus_score"]
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
    assert first["name"] == "commons/rehearsal@1.0.0"
    before, after = (parse_version(release["name"].partition("@")[2]) for release in (first, second))
    assert after > before  # images came; where more readings moved the consensus of an old one, the major number too
    assert first["manifest_sha256"] != second["manifest_sha256"]
    assert first["delta_bytes"] == first["bytes"]
    assert 0 < second["delta_bytes"] < second["bytes"]
    assert sum(second["splits"].values()) == IMAGES


def test_what_cannot_be_rehearsed_gets_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    bowl, boxes = write_bowl(tmp_path / "bowl", 3), write_voc(tmp_path / "voc", 3)
    asked = {
        "so this is not the dsb2018 layout": ["dsb2018", tmp_path / "empty"],
        "--images 3": ["dsb2018", bowl, "--images", "9"],
        "tracking": ["voc", boxes, "--task", "tracking"],
        "Choose one of": ["voc", boxes, "--task", "nonsense"],
        "no such layout": ["nonsense", boxes],
        "--rounds": ["dsb2018", bowl, "--rounds", "4"],
    }
    for words, arguments in asked.items():
        done = rehearse(*map(str, arguments))
        assert done.returncode == 2, arguments
        assert done.stderr.count("\n") == 1, done.stderr
        assert words in done.stderr
        assert done.stdout == ""
