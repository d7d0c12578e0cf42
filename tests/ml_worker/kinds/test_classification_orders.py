"""Classification by order: given cells, given boxes, whole images; one class, several, ranks; and what goes wrong."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from order_desk import OrderDesk
from PIL import Image

from cellcommons.classes import Ontology
from cellcommons.images.ome_zarr import write_labels
from cellcommons.orders import ImageRef
from cellcommons.reading import Reading, read_reading, write_reading
from cellcommons.synthetic.classes import KINDS, generate_class_field
from ml_worker.channel import Stopped
from ml_worker.classification.checkpoint import load_classifier
from ml_worker.classification.defaults import reading_defaults

SMALL = {"network": {"widths": [16, 32], "hidden": 16}, "reading": {"size": 32}, "crops": {"batch": 16}}
SPLITS = ("train", "train", "train", "validation", "test", "test")


def add_field(
    desk: OrderDesk, seed: int, split: str, *, given: str = "cells", only: str | None = None, **named
) -> None:
    """A generated field with its cells or boxes; ``only``: every cell is called this."""
    field = generate_class_field(seed, height=160, width=160, count=14, source="donor-a")
    labels = field.truth.labels
    values = {str(cell): [only] if only else list(names) for cell, names in field.truth.classes.items()}
    tree = write_labels(desk.store, labels.data, labels.pixel_size).digest
    if given == "boxes":
        boxes = {str(cell.id): list(cell.box) for cell in labels.cells()}
        tree = write_reading(desk.store, Reading(None, boxes)).digest
    desk.add(field.image, Reading(None, values), split, companions={given: tree}, **named)


@pytest.fixture(scope="module", params=["cells", "boxes"])
def fields(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OrderDesk:
    desk = OrderDesk(tmp_path_factory.mktemp("objects"), "classification", KINDS)
    for seed, split in enumerate(SPLITS):
        add_field(desk, seed, split, given=request.param, stratum="odd" if seed % 2 else "even")
    return desk


def test_cells_and_boxes_are_learnt_and_drafted(fields: OrderDesk) -> None:
    report = fields.train("t1", {**SMALL, "max_steps": 60})
    assert (report.status, report.error) == ("finished", "")
    assert report.headline == "macro_f1"
    measures, classified = report.measures, sum(len(item.cells) for item in fields.items if item.split == "test")
    assert measures["subjects"] == classified == report.baseline["subjects"]
    assert measures["images"] == 2
    assert 0 <= measures["macro_f1_low"] <= measures["macro_f1"] <= measures["macro_f1_high"] <= 1
    # Size and brightness say nothing of these classes; texture does, after a few steps.
    assert measures["macro_f1"] > report.baseline["most_frequent_macro_f1"]
    assert measures["mean_average_precision"] > report.baseline["mean_average_precision"]
    assert set(measures["f1"]) <= set(KINDS.names)
    assert sum(sum(row.values()) for row in measures["confusion"].values()) == classified
    assert report.baseline["macro_f1"] >= report.baseline["most_frequent_macro_f1"]
    assert set(report.by_stratum) == {"even", "odd"}
    checkpoint = load_classifier(fields.store.get(report.checkpoint or ""))
    assert checkpoint.config.about["manifest"] == fields.release()
    assert checkpoint.config.calibrated
    for score in report.images:
        picture = Image.open(io.BytesIO(fields.store.get(score.picture)))
        assert picture.format == "PNG"
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 50
        item = next(item for item in fields.items if item.image == score.image)
        assert set(read_reading(fields.store, score.labels).values) == {str(cell.id) for cell in item.cells}
    drafts = fields.predict("p1", report.checkpoint or "")
    assert drafts.status == "finished"
    for draft, item in zip(drafts.predictions, fields.items, strict=True):
        values = read_reading(fields.store, draft.labels).values
        assert draft.cells == len(values) == len(item.cells)
        assert set(draft.cell_scores) == set(values)
        assert all(0 < sure <= 1 for sure in draft.cell_scores.values())
        assert 0 < draft.uncertainty < 1
        assert all(KINDS.checked(names) for names in values.values())
    by_report = {score.image: score.labels for score in report.images}
    assert {p.image: p.labels for p in drafts.predictions if p.image in by_report} == by_report


def test_a_stopped_training_goes_on_and_equals_an_unbroken_one(fields: OrderDesk) -> None:
    settings, asked = {**SMALL, "max_steps": 6}, iter(range(1000))
    with pytest.raises(Stopped):
        fields.train("r1", settings, shutting_down=lambda: next(asked) > 6)
    state = fields.store.get_ref("runs/r1/state")
    assert state is not None
    resumed, whole = fields.train("r1", settings), fields.train("r2", settings)
    assert [point["loss"] for point in resumed.curve] == [point["loss"] for point in whole.curve]
    assert resumed.measures == whole.measures


def test_a_cancelled_training_says_so(fields: OrderDesk) -> None:
    fields.store.put_ref("runs/c1/cancel", b"")
    assert fields.train("c1", {**SMALL, "max_steps": 6}).status == "cancelled"


@pytest.fixture
def desk(tmp_path: Path) -> Callable[[Ontology], OrderDesk]:
    return lambda ontology: OrderDesk(tmp_path / "objects", "classification", ontology)


def discs(rng: np.random.Generator, radius: float, side: int = 48) -> np.ndarray:
    rows, columns = np.indices((side, side)) - side / 2
    bright = 40 + 120 * (np.hypot(rows, columns) < radius) + rng.normal(0, 8, (side, side))
    return np.clip(bright, 0, 255).astype(np.uint8)[None]


def test_whole_images_of_ranks_are_scored_by_spearman(desk) -> None:
    grades, rng = Ontology(("0", "1", "2"), ordinal=True), np.random.default_rng(0)
    hub = desk(grades)
    for number in range(18):
        rank = number % 3
        values = {"0": [str(rank)]}
        hub.add(discs(rng, 5 + 6 * rank), Reading(None, values), ("train", "train", "test")[number // 3 % 3])
    report = hub.train("t1", {**SMALL, "reading": {"size": 32, "extent": False}, "max_steps": 40})
    assert (report.status, report.error) == ("finished", "")
    assert report.headline == "spearman"
    assert report.measures["spearman"] > 0.5
    assert report.measures["spearman_low"] <= report.measures["spearman"] <= report.measures["spearman_high"]
    # The radius shows in the mean brightness, so the plain method reads it too.
    assert report.baseline["spearman"] > 0.8
    assert any("not calibrated" in note for note in report.notes)
    # Images of one subject have no rank correlation; they are ordered by how far the rank was off.
    errors = [image.measures["mean_rank_error"] for image in report.images]
    assert errors == sorted(errors)
    drafts = hub.predict("p1", report.checkpoint or "")
    assert all(set(read_reading(hub.store, p.labels).values) == {"0"} for p in drafts.predictions)


def test_several_classes_of_one_image(desk) -> None:
    marks, rng = Ontology(("disc", "bar"), multi=True), np.random.default_rng(0)
    hub = desk(marks)
    for number in range(16):
        disc, bar = number % 2 == 0, number // 2 % 2 == 0
        image = discs(rng, 8 if disc else 0)
        if bar:
            image[0, :, 40:44] = 200
        said = [name for name, there in (("disc", disc), ("bar", bar)) if there]
        hub.add(image, Reading(None, {"0": said}), ("train", "train", "validation", "test")[number // 4])
    report = hub.train("t1", {**SMALL, "max_steps": 40})
    assert (report.status, report.error) == ("finished", "")
    assert set(report.measures["average_precision"]) == {"disc", "bar"}
    assert report.measures["macro_f1"] > 0.6
    assert "confusion" not in report.measures
    assert 0 <= report.measures["calibration_error"] <= 1


def test_one_class_only_is_an_error_in_training_and_a_note_in_the_test_split(desk) -> None:
    hub = desk(KINDS)
    for seed, (split, only) in enumerate((("train", None), ("validation", "lobed"), ("test", "round"))):
        add_field(hub, seed, split, only=only)
    report = hub.train("t1", {**SMALL, "max_steps": 2})
    assert report.status == "finished"
    assert any("test split shows one class only (round)" in note for note in report.notes)
    assert any("validation split shows one class only" in note for note in report.notes)
    add_field(hub, 9, "train", only="round")
    hub.items = [item for item in hub.items[1:] if item.split != "validation"]
    report = hub.train("t2", {**SMALL, "max_steps": 2})
    assert report.status == "failed"
    assert "the train split shows one class only (round)" in report.error


def test_a_checkpoint_of_cells_asks_for_cells(fields: OrderDesk) -> None:
    checkpoint = fields.train("t9", {**SMALL, "max_steps": 1}).checkpoint or ""
    alone = ImageRef("alone", fields.items[0].tree, "no cells")
    report = fields.predict("p9", checkpoint, [alone, fields.ref(fields.items[1])])
    assert report.status == "finished"
    assert "this image has none" in report.failures["alone"]
    assert len(report.predictions) == 1
    assert fields.predict("p10", checkpoint, config={"flips": True}).status == "failed"


def test_a_bad_setting_is_named(fields: OrderDesk) -> None:
    report = fields.train("b1", {"reading": {"sise": 32}})
    assert (report.status, "sise" in report.error) == ("failed", True)


def test_a_segmenter_gives_its_encoder_to_a_classifier(fields: OrderDesk, tmp_path: Path) -> None:
    other = OrderDesk(tmp_path / "objects", "instance_segmentation")
    rng = np.random.default_rng(0)
    labels = np.zeros((48, 48), np.uint32)
    labels[10:30, 12:34] = 1
    other.add(discs(rng, 10), Reading(labels), "train")
    config = {"network": {"widths": [16, 32]}, "crops": {"size": 32, "batch": 2}, "max_steps": 1}
    segmenter = other.train("s1", config).checkpoint or ""
    start = fields.store.put(other.store.get(segmenter))
    report = fields.train("t5", {**SMALL, "max_steps": 2, "frozen": 1.0}, start_from=start)
    assert (report.status, report.error) == ("finished", "")
    assert f"Started from {start[:12]}" in report.notes[0]


def test_fields_are_read_in_windows_and_crops_whole(fields: OrderDesk, desk) -> None:
    assert "window" not in reading_defaults(fields.items)
    wells = desk(Ontology(("0", "1"), ordinal=True))
    for number in range(2):
        image = np.zeros((2, 300, 300), np.uint16)
        wells.add(image, Reading(None, {"0": [str(number)]}), "train", channels=("FKHR", "DNA"))
    assert reading_defaults(wells.items) == {
        "channels": "own", "window": 96, "size": 48, "brightness": "image", "colocalisation": True,
    }  # fmt: skip
