"""Semantic segmentation by order: unknown pixels count for nothing, a few strokes an image are enough to learn from."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from order_desk import OrderDesk
from PIL import Image
from strokes import strokes

from cellcommons.classes import Ontology
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_labels, write_image
from cellcommons.kinds.semantic_segmentation import class_raster
from cellcommons.orders import ImageRef
from cellcommons.reading import Reading
from cellcommons.semantic import SemanticMap
from cellcommons.synthetic.semantic import TISSUE, generate_tissue
from ml_worker.channel import Stopped
from ml_worker.semantic.checkpoint import load_semantic

SMALL = {"network": {"widths": [16, 32, 48]}, "crops": {"size": 64, "batch": 6}}
SPLITS = ("train", "train", "train", "validation", "test", "test")


def desk_of(root: Path, *, share: float | None = None, ontology: Ontology = TISSUE) -> OrderDesk:
    """Six generated fields; ``share`` of each training image is painted in strokes, all of it if None."""
    desk = OrderDesk(root, "semantic_segmentation", ontology)
    for seed, split in enumerate(SPLITS):
        tissue = generate_tissue(seed, height=128, width=128)
        truth = tissue.truth
        if share is not None and split == "train":
            truth = strokes(truth, share, seed=seed)
        raster = class_raster(SemanticMap(truth.data, ontology))
        desk.add(tissue.image, Reading(raster), split, stratum=tissue.source)
    return desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> OrderDesk:
    return desk_of(tmp_path_factory.mktemp("objects"))


def test_tissue_is_learnt_and_drafted(desk: OrderDesk) -> None:
    report = desk.train("t1", {**SMALL, "max_steps": 60})
    assert (report.status, report.error) == ("finished", "")
    assert report.headline == "mean_dice"
    measures = report.measures
    assert measures["images"] == 2
    assert measures["known_pixels"] == 2 * 128 * 128
    assert measures["mean_dice_low"] <= measures["mean_dice"] <= measures["mean_dice_high"]
    assert set(measures["dice"]) == set(measures["jaccard"]) == set(TISSUE.names)
    # Chance is about 0.25; background alone is told by brightness.
    assert measures["mean_dice"] > 0.5
    assert 0.2 < report.baseline["mean_dice"] < 1
    assert load_semantic(desk.store.get(report.checkpoint or "")).config.about["run"] == "t1"
    scores = [image.measures["mean_dice"] for image in report.images]
    assert scores == sorted(scores, reverse=True)
    for image in report.images:
        assert Image.open(io.BytesIO(desk.store.get(image.picture))).width > 3 * 128
    drafts = desk.predict("p1", report.checkpoint or "")
    for draft in drafts.predictions:
        raster = read_labels(desk.store, draft.labels)
        values = set(np.unique(raster).tolist())
        assert values <= {1, 2, 3, 4}
        assert set(draft.cell_scores) == {str(value) for value in values}
        assert draft.cells == len(values)
        assert all(0.25 <= sure <= 1 for sure in draft.cell_scores.values())
        assert 0 < draft.uncertainty < 1
    by_report = {image.image: image.labels for image in report.images}
    assert {p.image: p.labels for p in drafts.predictions if p.image in by_report} == by_report


def test_a_few_strokes_an_image_come_near_full_labels(desk: OrderDesk, tmp_path: Path) -> None:
    sparse = desk_of(tmp_path / "objects", share=0.03)
    painted = np.mean([(read_labels(sparse.store, i.labels) > 0).mean() for i in sparse.items if i.split == "train"])
    assert 0.01 < painted < 0.05
    config = {**SMALL, "max_steps": 60}
    few, full = sparse.train("t1", config), desk.train("t2", config)
    assert (few.status, few.error) == ("finished", "")
    # All pixels of the test images are known in both, so the figures compare.
    assert few.measures["known_pixels"] == full.measures["known_pixels"]
    assert few.measures["mean_dice"] > full.measures["mean_dice"] - 0.15
    assert any("of the pixels of the train split" in note for note in few.notes)


def test_a_stopped_training_goes_on_and_equals_an_unbroken_one(desk: OrderDesk) -> None:
    settings, asked = {**SMALL, "max_steps": 5}, iter(range(1000))
    with pytest.raises(Stopped):
        desk.train("r1", settings, shutting_down=lambda: next(asked) > 6)
    assert desk.store.get_ref("runs/r1/state") is not None
    resumed, whole = desk.train("r1", settings), desk.train("r2", settings)
    assert [point["loss"] for point in resumed.curve] == [point["loss"] for point in whole.curve]
    assert resumed.measures == whole.measures


def test_a_cancelled_training_says_so(desk: OrderDesk) -> None:
    desk.store.put_ref("runs/c1/cancel", b"")
    assert desk.train("c1", {**SMALL, "max_steps": 6}).status == "cancelled"


def test_another_tasks_encoder_and_decoder_come_along(desk: OrderDesk, tmp_path: Path) -> None:
    other = OrderDesk(tmp_path / "objects", "instance_segmentation")
    labels = np.zeros((64, 64), np.uint32)
    labels[10:30, 12:34] = 1
    other.add(np.where(labels > 0, 200, 40).astype(np.uint8)[None], Reading(labels), "train")
    segmenter = other.train("s1", {**SMALL, "crops": {"size": 32, "batch": 2}, "max_steps": 1}).checkpoint or ""
    start = desk.store.put(other.store.get(segmenter))
    report = desk.train("t5", {**SMALL, "max_steps": 2, "frozen": 1.0}, start_from=start)
    assert (report.status, report.error) == ("finished", "")
    assert f"Started from {start[:12]}" in report.notes[0]
    taken = load_semantic(desk.store.get(report.checkpoint or ""))
    assert taken.config.about["start"]["tensors"] > 50


def test_one_class_only_and_nothing_painted_are_refused(tmp_path: Path) -> None:
    desk = OrderDesk(tmp_path / "objects", "semantic_segmentation", TISSUE)
    image = generate_tissue(0, height=64, width=64).image
    desk.add(image, Reading(np.zeros((64, 64), np.uint32)), "train")
    report = desk.train("t1", SMALL)
    assert (report.status, "no pixel of the train split has a class" in report.error) == ("failed", True)
    desk.add(image, Reading(np.full((64, 64), 3, np.uint32)), "train")
    report = desk.train("t2", SMALL)
    assert "the train split shows one class only (epithelium)" in report.error


def test_images_that_nobody_painted_are_passed_over(tmp_path: Path) -> None:
    desk = desk_of(tmp_path / "objects")
    desk.add(generate_tissue(9, height=64, width=64).image, Reading(np.zeros((64, 64), np.uint32)), "train")
    desk.add(generate_tissue(9, height=64, width=64).image, Reading(np.zeros((64, 64), np.uint32)), "test")
    report = desk.train("t1", {**SMALL, "max_steps": 2})
    assert (report.status, report.error) == ("finished", "")
    assert load_semantic(desk.store.get(report.checkpoint or "")).config.about["images"] == 3
    assert report.measures["images"] == 3
    assert report.images[-1].measures["known_pixels"] == 0


def test_one_bad_image_is_named_and_stops_no_other(desk: OrderDesk) -> None:
    checkpoint = desk.train("b1", {**SMALL, "max_steps": 1}).checkpoint or ""
    stack = write_image(desk.store, ImageData(np.zeros((1, 3, 40, 40), np.uint8), "czyx", ("a",)))
    images = [ImageRef("gone", "0" * 64), ImageRef("stack", stack.digest, "a stack"), desk.ref(desk.items[0])]
    report = desk.predict("b2", checkpoint, images)
    assert (report.status, len(report.predictions)) == ("finished", 1)
    assert set(report.failures) == {"gone", "stack"}
    assert "2-D" in report.failures["stack"]
    assert "tile" in desk.predict("b3", checkpoint, config={"tile": 1}).error
