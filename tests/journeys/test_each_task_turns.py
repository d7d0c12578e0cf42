"""Each task round the loop on one hub: import, answers and strokes, consensus, release, training, drafts, ranking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from backend.rehearsal.kinds.registry import get_kind
from backend.rehearsal.loop import Loop, Plan
from backend.rehearsal.pool import Ask
from backend.rehearsal.report import as_table, make_report
from tests.backend.rehearsal.folders import write_crowd, write_movies, write_pairs, write_voc

PEOPLE, SECONDS = 3, 4.0
pytestmark = pytest.mark.journey

Turn = Callable[..., dict[str, Any]]


@pytest.fixture
def turn(hub: Hub, tmp_path: Path) -> Turn:
    """``turn(layout, folder, task)``: the report of a rehearsal on the hub that all journeys share."""

    def turn(layout: str, folder: Path, task: str, *, images: int | None = None, rounds: int = 2) -> dict[str, Any]:
        kind = get_kind(task)
        for name in ("made", "work"):
            (tmp_path / name).mkdir()
        pool = kind.draw_pool(Ask(layout, folder, images, 0, tmp_path / "made"))
        account = hub.accounts["curator"]
        plan = Plan(PEOPLE, rounds, 0, PEOPLE, (SECONDS, SECONDS), prefix=f"{task.replace('_', '-')}-")
        curator = Api(hub.url, account["username"], account["password"])
        loop = Loop(curator, kind, pool, plan, tmp_path / "work", lambda line: None)
        loop.run()
        report = make_report(loop, seconds=loop.training_seconds)
        assert report["task"] in as_table(report)
        return report

    return turn


def went_round(report: dict[str, Any], *, images: int, rounds: int = 2) -> None:
    """What holds whatever the task."""
    assert report["lost"] == 0
    assert report["edits"] > 0
    assert (report["images"], report["annotations"]) == (images, PEOPLE * images)
    assert report["consensus_score"] >= report["annotator_score"] - 0.02
    assert len(report["releases"]) == len(report["rounds"]) == rounds
    assert [row["strategy"] for row in report["rounds"]] == ["random", *["uncertainty"] * (rounds - 1)]
    assert sum(report["releases"][-1]["splits"].values()) == images
    held = report["model"]
    assert held["images"] == report["releases"][-1]["splits"]["test"]
    assert isinstance(held[report["headline"]], float)
    assert held["baseline_against_consensus"]


def test_boxed_cells_are_classified(turn: Turn, tmp_path: Path) -> None:
    report = turn("voc", write_voc(tmp_path / "voc", 6), "classification")
    went_round(report, images=6)
    assert (report["headline"], report["score"]) == ("macro_f1", "accuracy")
    assert report["rounds"][1]["readings_from_draft"] == 3 * PEOPLE
    assert report["model"]["unanswered"] == 0
    assert report["model"]["baseline"]["method"].startswith("always ")


def test_pixels_are_classified(turn: Turn, tmp_path: Path) -> None:
    report = turn("bubil", write_crowd(tmp_path / "crowd", 6), "semantic_segmentation")
    went_round(report, images=6)
    assert report["headline"] == "mean_dice"
    assert report["rounds"][1]["readings_from_draft"] == 3 * PEOPLE


def test_a_movie_is_tracked_beside_generated_ones_and_held_out(turn: Turn, tmp_path: Path) -> None:
    report = turn("ctc", write_movies(tmp_path / "movies", 1), "tracking", images=6)
    went_round(report, images=6)
    assert report["headline"] == "link_f1"
    assert report["rounds"][1]["readings_from_draft"] == 3 * PEOPLE
    assert any("1 of 1 images of the folder are held out" in note for note in report["notes"])
    assert report["model"]["of_the_folder"]["movies"] == 1
    assert report["model"]["link_f1"] > 0.9


def test_pairs_are_judged_tried_and_compared(turn: Turn, tmp_path: Path) -> None:
    report = turn("paired", write_pairs(tmp_path / "pairs", 6), "augmented", rounds=3)
    went_round(report, images=6, rounds=3)
    assert report["headline"] == "pearson_r"
    # Predictions are judged, never a base.
    assert all(row["readings_from_draft"] == 0 for row in report["rounds"])
    assert report["real_was_found"]["answers"] == 2 * PEOPLE
    assert report["newest_was_preferred"]["answers"] == 2 * PEOPLE
