from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.cards.dataset import dataset_card
from cellcommons.cards.front_matter import DATASET_SCHEMA, MODEL_SCHEMA, licence_fields, size_category
from cellcommons.cards.model import model_card
from cellcommons.errors import InvalidDocument
from cellcommons.indexes import CellRow, Provenance, ReleaseItem
from cellcommons.manifest import INDEXES, Blob, Counts, Index, Manifest, ObjectCount, Parts
from cellcommons.orders import ImageScore, TrainingReport
from cellcommons.parts import counted_sources
from cellcommons.split_certificate import certified_split
from cellcommons.summary import Summary

A = "a" * 64


def items(count: int = 20) -> tuple[list[ReleaseItem], dict]:
    certified = certified_split([(f"i{n}", f"s{n // 2}", "ab"[n % 2]) for n in range(count)], ())
    split = certified.split
    origin = Provenance("majority", "c", ("r1", "r2", "r3"), ("p1", "p2", "p3"))
    made = [
        ReleaseItem(
            f"i{n}", f"n{n}", A, A, split.assignment[f"i{n}"], f"s{n // 2}", "ab"[n % 2], ("DNA",), 8, 8,
            (CellRow(1, (0, 0, 2, 2), 4, 0.5), CellRow(2, (4, 4, 6, 6), 4, 1.0)), origin,
        )
        for n in range(count)
    ]  # fmt: skip
    return made, certified.document


def summary_of(made: list[ReleaseItem]) -> Summary:
    sources = Counter(split for split, _ in counted_sources(made).values())
    return Summary().changed(added=[(item, 6, 100) for item in made], sources=sources)


def card(**changes: object) -> str:
    made, certificate = items()
    fields: dict = {
        "dataset": "lab/nuclei",
        "title": "Nuclei of everything",
        "version": "2.0.0",
        "licence": "CC0-1.0",
        "task": "instance_segmentation",
        "created": "2026-11-20T08:00:00Z",
        "summary": summary_of(made),
        "certificate": certificate,
    }
    return dataset_card(**{**fields, **changes})


def front(text: str) -> dict:
    _, block, _ = text.split("---\n", 2)
    return yaml.safe_load(block)


def test_the_front_matter_is_valid_and_says_what_is_there() -> None:
    fields = front(card())
    jsonschema.validate(fields, DATASET_SCHEMA)
    assert fields["license"] == "cc0-1.0"
    assert fields["size_categories"] == ["n<1K"]
    assert fields["task_categories"] == ["image-segmentation"]
    assert fields["annotations_creators"] == ["crowdsourced"]


@given(st.text(min_size=1).filter(str.strip), st.sampled_from(["MIT", "LicenseRef-own", "ODbL-1.0"]), st.text())
def test_no_title_breaks_the_front_matter(title: str, licence: str, description: str) -> None:
    text = card(title=title, licence=licence, description=description)
    fields = front(text)
    jsonschema.validate(fields, DATASET_SCHEMA)
    if title.isprintable():
        assert fields["pretty_name"] == " ".join(title.split())


def test_counts_are_counted() -> None:
    text = card()
    made, _ = items()
    for split in ("train", "validation", "test"):
        chosen = [i for i in made if i.split == split]
        assert f"| {split} | {len(chosen)} | {len({i.source for i in chosen})} | {2 * len(chosen)} |" in text
    assert "| all | 20 | 10 | 40 |" in text
    assert "60 readings by 3 people, 3 to 3 per image" in text
    assert "0.75 of 1" in text
    assert "majority (20 images)" in text


def test_limits_follow_the_data() -> None:
    made, certificate = items()
    assert "source of its own" not in card()
    alone = [replace(item, source=item.image) for item in made]
    assert "source of its own" in card(summary=summary_of(alone))
    drafted = [replace(item, provenance=replace(item.provenance, prediction="p")) for item in made]
    assert "lean towards that model" in card(summary=summary_of(drafted))
    assert "lean towards that model" not in card()
    single = [replace(item, provenance=replace(item.provenance, annotations=("r",))) for item in made]
    assert "20 images rest on a single reading" in card(summary=summary_of(single), certificate=certificate)


def test_labels_that_nobody_read_are_not_called_readings() -> None:
    made, _ = items()
    text = card(summary=summary_of([replace(item, provenance=Provenance("imported")) for item in made]))
    assert "The labels came with the images: imported (20 images)" in text
    assert "readings by" not in text
    assert front(text)["annotations_creators"] == ["other"]


def test_the_five_lines_are_python(tmp_path: Path) -> None:
    block = card().split("```python\n")[1].split("```")[0]
    compile(block, "card", "exec")
    assert 'cellcommons.open("lab/nuclei@2.0.0", hub=' in block
    # The lines need no module that a plain import does not give.
    check = "import cellcommons, sys; assert 'pyarrow' not in sys.modules; assert callable(cellcommons.open)"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=tmp_path)


def test_equal_arguments_give_equal_text() -> None:
    assert card() == card()


def test_licences_and_sizes() -> None:
    assert licence_fields("Apache-2.0") == {"license": "apache-2.0"}
    assert licence_fields("EUPL-1.2") == {"license": "other", "license_name": "EUPL-1.2"}
    assert [size_category(n) for n in (1, 999, 1000, 10**8)] == ["n<1K", "n<1K", "1K<n<10K", "10M<n<100M"]


def manifest() -> Manifest:
    return Manifest(
        "lab/nuclei", "Nuclei", "1.0.0", None, "2026-11-20T08:00:00Z", "MIT", "instance_segmentation",
        {name: Index(1, 1, 1) for name in INDEXES}, Index(1, 1, 1), Parts(A, 1, 0), Blob(A, 1), Blob(A, 1), Blob(A, 1),
        Counts(20, 40, 60, {"train": 14, "validation": 2, "test": 4}), ObjectCount(1, 1),
    )  # fmt: skip


def report(**changes: object) -> TrainingReport:
    base = TrainingReport(
        run="run-1",
        status="finished",
        checkpoint=A,
        measures={"f1_50": 0.8123, "cells": 40},
        baseline={"f1_50": 0.6},
        by_stratum={"a": {"f1_50": 0.9}, "b": {"f1_50": 0.7}},
        images=(ImageScore("best", A, A, A, {"f1_50": 1.0}), ImageScore("worst", A, A, A, {"f1_50": 0.2}, "b")),
        seconds=61.0,
        environment={"torch": "2.13.0"},
    )
    return replace(base, **changes)


def test_a_model_card_shows_measures_beside_the_baseline_and_its_worst_image() -> None:
    text = model_card(report(), manifest(), name="nuclei | v1")
    jsonschema.validate(front(text), MODEL_SCHEMA)
    metrics = front(text)["model-index"][0]["results"][0]["metrics"]
    assert {"type": "f1_50", "value": 0.8123} in metrics
    assert "| f1_50 | 0.812 | 0.600 |" in text
    assert "| b | 0.700 |" in text
    assert "`worst` (stratum b): f1_50 0.200" in text
    assert "Otsu + watershed does better" not in text
    assert manifest().digest in text


def test_a_model_card_admits_losing_to_the_baseline() -> None:
    text = model_card(report(measures={"f1_50": 0.5}), manifest(), name="x")
    assert "Otsu + watershed does better by f1_50" in text


def test_a_model_card_names_its_tasks_plain_method_and_says_the_notes_first() -> None:
    release = replace(manifest(), task="classification")
    measured = report(
        headline="macro_f1",
        measures={"accuracy": 0.9, "macro_f1": 0.7, "ece": 0.2},
        baseline={"accuracy": 0.8, "macro_f1": 0.75, "ece": 0.1},
        notes=("One class only in the test split: RBC.",),
    )
    text = model_card(measured, release, name="x")
    assert front(text)["pipeline_tag"] == "image-classification"
    assert "| measure | this model | logistic regression on size and colour |" in text
    assert text.index("| macro_f1 |") < text.index("| accuracy |")
    assert "- One class only in the test split: RBC." in text
    # A calibration error is better small: only where more is better does the plain method win.
    assert "Logistic regression on size and colour does better by macro_f1: prefer it there." in text


@pytest.mark.parametrize("changes", [{"checkpoint": None, "status": "cancelled"}, {"measures": {}}])
def test_no_card_for_a_run_that_measured_nothing(changes: dict) -> None:
    with pytest.raises(InvalidDocument, match="run-1"):
        model_card(report(**changes), manifest(), name="x")
