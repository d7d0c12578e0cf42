"""Orders and reports travel as canonical JSON and come back equal; damaged ones name the field at fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cellcommons.canonical import sha256_hex
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.orders import (
    Document,
    ImagePrediction,
    ImageRef,
    ImageScore,
    PredictionOrder,
    PredictionReport,
    TrainingOrder,
    TrainingReport,
)
from cellcommons.store import FolderStore

SHA = sha256_hex(b"")
DOCUMENTS: list[Document] = [
    TrainingOrder(run="r", manifest=SHA, task="instance_segmentation", seed=3, config={"steps": 5, "deep": {"a": [1]}}),
    TrainingReport(
        run="r",
        status="finished",
        checkpoint=SHA,
        measures={"f1_50": 0.5},
        images=(ImageScore("i", SHA, SHA, SHA, {"f1_50": 1.0}, "fluorescence"),),
        curve=({"step": 1, "loss": 0.5},),
        seconds=2.5,
    ),
    TrainingReport(run="r", status="failed", error="out of memory: Größe ≥ 3"),
    PredictionOrder(run="r", checkpoint=SHA, images=(ImageRef("a", SHA), ImageRef("b", SHA, "name"))),
    PredictionReport(
        run="r", status="finished", checkpoint=SHA, predictions=(ImagePrediction("a", SHA, SHA, 3, 0.25, {"1": 0.9}),)
    ),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: type(d).__name__)
def test_documents_survive_the_store(document: Document, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    digest = document.save(store)
    assert digest == sha256_hex(document.to_bytes())
    again = type(document).load(store, digest)
    assert again == document
    assert again.to_bytes() == document.to_bytes()


def test_whole_numbers_pass_for_floats() -> None:
    order = TrainingOrder.parse(altered(DOCUMENTS[0], budget_seconds=60))
    assert order.budget_seconds == 60.0
    assert isinstance(order.budget_seconds, float)


def altered(document: Document, **changes: Any) -> bytes:
    return json.dumps({**json.loads(document.to_bytes()), **changes}).encode()


@pytest.mark.parametrize(
    ("document", "changes", "named"),
    [
        (DOCUMENTS[0], {"run": 5}, "run"),
        (DOCUMENTS[0], {"seed": True}, "seed"),
        (DOCUMENTS[0], {"seed": 1.5}, "seed"),
        (DOCUMENTS[0], {"budget_seconds": "long"}, "budget_seconds"),
        (DOCUMENTS[0], {"budget_seconds": True}, "budget_seconds"),
        (DOCUMENTS[0], {"config": 5}, "config"),
        (DOCUMENTS[0], {"config": None}, "config"),
        (DOCUMENTS[0], {"surprise": 1}, "surprise"),
        (DOCUMENTS[0], {"kind": "cellcommons.training-order/2"}, "kind"),
        (DOCUMENTS[1], {"images": {}}, "images"),
        (DOCUMENTS[1], {"images": [5]}, "images"),
        (DOCUMENTS[1], {"images": [{"image": "i"}]}, "tree"),
        (DOCUMENTS[1], {"curve": [5]}, "curve"),
        (DOCUMENTS[1], {"checkpoint": 5}, "checkpoint"),
        (DOCUMENTS[3], {"images": None}, "images"),
    ],
)
def test_bad_fields_are_named(document: Document, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidDocument, match=named):
        type(document).parse(altered(document, **changes), where="order")


def test_missing_fields_are_named() -> None:
    data = json.dumps({"kind": TrainingOrder.KIND, "run": "r", "task": "instance_segmentation"}).encode()
    with pytest.raises(InvalidDocument, match="manifest"):
        TrainingOrder.parse(data)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b"null", b"[" * 100_000])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocument):
        TrainingOrder.parse(data)


def test_a_report_is_not_an_order() -> None:
    with pytest.raises(InvalidDocument, match="training-order"):
        TrainingOrder.parse(DOCUMENTS[1].to_bytes())


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_refused(text: str) -> None:
    data = DOCUMENTS[0].to_bytes().replace(b'"budget_seconds":120.0', b'"budget_seconds":' + text.encode())
    with pytest.raises(InvalidDocument):
        TrainingOrder.parse(data)


def test_a_document_with_nan_is_not_written() -> None:
    with pytest.raises(InvalidDocument, match="training-report"):
        TrainingReport(run="r", status="finished", measures={"f1_50": float("nan")}).to_bytes()


def test_absent_documents(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        TrainingOrder.load(FolderStore(tmp_path), SHA)
