"""Augmented microscopy by order: pairs in, channels, measures and notes out; what does not fit is named."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from order_desk import OrderDesk
from PIL import Image

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_image_tree, write_image
from cellcommons.indexes import ReleaseItem
from cellcommons.orders import TrainingOrder, TrainingReport
from cellcommons.reading import Reading, write_reading
from cellcommons.registration import Registration
from cellcommons.release import open_release
from cellcommons.synthetic.cells import SOURCES
from cellcommons.synthetic.noise import NoiseModel, add_noise
from cellcommons.synthetic.pairs import generate_pair
from ml_worker.channel import Stopped
from ml_worker.kinds.augmented import AUGMENTED
from ml_worker.regression.checkpoint import RegressionCheckpoint, load_regression_checkpoint
from ml_worker.regression.config import RegistrationConfig
from ml_worker.regression.release_pairs import RegistrationLog, known_pixels, planes_of, read_pair, same_light

SMALL: dict[str, Any] = {"network": {"widths": [16, 32]}, "crops": {"size": 64, "batch": 4}, "warmup": 5}
SIZE = 128


class PairDesk(OrderDesk):
    """An order desk for pairs."""

    added = 0

    def pair(
        self, source: ImageData, target: ImageData, split: str, marks: np.ndarray | None = None, **values: str
    ) -> ReleaseItem:
        raster = np.zeros(source.shape_yx, np.uint32) if marks is None else marks.astype(np.uint32)
        number = self.added
        self.added += 1
        item = ReleaseItem(
            image=f"id{number}",
            name=f"field {number}",
            tree=write_image(self.store, source).digest,
            labels=write_reading(self.store, Reading(raster, values)).digest,
            split=split,
            source=f"slide {number}",
            stratum="",
            channels=source.channels,
            height=source.shape_yx[0],
            width=source.shape_yx[1],
            companions={"target": write_image(self.store, target).digest},
        )
        self.items.append(item)
        return item

    def run(self, run: str = "t1", **config: Any) -> TrainingReport:
        return self.train(run, {**SMALL, "max_steps": 8, **config})

    def checkpoint(self, report: TrainingReport) -> RegressionCheckpoint:
        assert (report.status, report.error) == ("finished", "")
        return load_regression_checkpoint(self.store.get(report.checkpoint or ""))


@pytest.fixture
def desk(tmp_path: Path) -> PairDesk:
    return PairDesk(tmp_path / "objects", "augmented")


def field_of(seed: int, size: int = SIZE) -> tuple[ImageData, ImageData]:
    """Three phase contrast planes, and nuclei beside cell bodies."""
    made = generate_pair(seed, height=size, width=size, planes=3, source=SOURCES[0])
    return made.source, made.pair.target


def moved(target: ImageData, pixels: int) -> ImageData:
    return ImageData(np.roll(target.data, pixels, axis=1), target.axes, target.channels, target.pixel_size)


def test_a_training_order_becomes_a_checkpoint_that_predicts_images(desk: PairDesk) -> None:
    items = [desk.pair(*field_of(seed), split) for seed, split in enumerate(["train", "train", "validation", "test"])]
    report = desk.run(max_steps=50)
    assert (report.status, report.error, report.headline) == ("finished", "", "pearson_r")
    measures = report.measures
    assert measures["pearson_r"] > 0.5
    assert set(measures["pearson_r_by_channel"]) == set(field_of(0)[1].channels)
    assert {"ssim", "psnr", "nrmse", "segmentation_f1_50"} <= set(measures)
    # The model knows where it errs, on an image that neither its weights nor its error model saw.
    assert measures["error_spearman"] > 0.3
    assert report.baseline["pearson_r"] > 0.3
    assert "error_spearman" not in report.baseline
    assert report.notes[0] == "The baseline is ridge regression on Gaussian features."
    assert re.fullmatch(r"\d of 3 pairs of image and target lie on one another\.", report.notes[1])
    assert not {name for name in measures if name.endswith("_unadapted")}
    (image,) = report.images
    picture = Image.open(io.BytesIO(desk.store.get(image.picture)))
    assert picture.format == "PNG"
    assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 50
    predictions = desk.predict("p1", report.checkpoint or "", [desk.ref(items[3]), desk.ref(items[0])])
    assert predictions.failures == {}
    said = predictions.predictions[0]
    assert (said.cells, said.cell_scores, said.labels) == (0, {}, image.labels)
    assert 0 < said.uncertainty < 1
    predicted, (source, target) = read_image_tree(desk.store, said.labels), field_of(3)
    assert (predicted.axes, predicted.channels, predicted.data.dtype) == ("cyx", target.channels, np.uint16)
    assert (predicted.pixel_size.y, predicted.pixel_size.x) == (source.pixel_size.y, source.pixel_size.x)
    assert predicted.shape_yx == source.shape_yx


def test_a_noisy_image_with_its_clean_one_is_denoised_beside_a_gaussian(desk: PairDesk) -> None:
    for seed, split in enumerate(["train", "train", "test"]):
        clean = ImageData(field_of(seed)[1].data[:1], "cyx", ("nuclei",))
        noisy = ImageData(add_noise(clean.data, NoiseModel(photons=0.02, read=20), seed=seed), "cyx", ("nuclei",))
        desk.pair(noisy, clean, split)
        assert same_light(noisy, clean)
    report = desk.run(max_steps=4, adapt_steps=2)
    assert report.notes[0] == "The baseline is a Gaussian filter of sigma 1."
    # What was done to the test image is said, and what it was worth can be read.
    assert "noisy pixels of 1 of 1 test images before it read them (2 steps each)" in report.notes[1]
    assert {"pearson_r_unadapted", "psnr_unadapted"} <= set(report.measures)
    assert report.measures["psnr_unadapted"] != report.measures["psnr"]
    assert not {name for name in report.baseline if name.endswith("_unadapted")}
    # People get what was measured; and the other one where they ask for it.
    ref = desk.ref(desk.items[2])
    (same,) = desk.predict("p1", report.checkpoint or "", [ref]).predictions
    (other,) = desk.predict("p2", report.checkpoint or "", [ref], config={"adapt_steps": 0}).predictions
    assert same.labels == report.images[0].labels != other.labels
    asked = iter(range(100))
    with pytest.raises(Stopped):
        desk.predict("p3", report.checkpoint or "", [ref], shutting_down=lambda: next(asked) >= 14)
    assert any("flatters" in note for note in report.notes)
    loaded = desk.checkpoint(report)
    assert loaded.config.source == loaded.config.target
    assert loaded.config.network.residual
    # Without clean images: the target is looked at for the measures alone.
    loaded = desk.checkpoint(desk.run("t2", blind_spot={}, max_steps=4))
    assert loaded.config.blind_spot is not None
    assert loaded.config.error_model is None


def test_virtual_staining_gives_a_colour_picture(desk: PairDesk) -> None:
    for seed, split in enumerate(["train", "test"]):
        source, target = field_of(seed)
        light = np.rint(255 * np.exp(-target.data / target.data.max())).astype(np.uint8)
        colour = ImageData(np.stack([light[0], light[1], light[0]]), "cyx", ("R", "G", "B"), rgb=True)
        desk.pair(ImageData(source.data[:, 1], "cyx", source.channels), colour, split)
    report = desk.run()
    assert report.status == "finished", report.error
    predicted = read_image_tree(desk.store, report.images[0].labels)
    assert (predicted.rgb, predicted.data.dtype, predicted.data.shape) == (True, np.uint8, (3, SIZE, SIZE))


def test_a_pair_that_lies_apart_is_left_out_and_named(desk: PairDesk) -> None:
    # Large enough to tell: on 128 pixels of different lights no shift can be told from chance.
    desk.pair(*field_of(0, 256), "train")
    source, target = field_of(1, 256)
    desk.pair(source, moved(target, 9), "train")
    desk.pair(*field_of(2, 192), "test")
    report = desk.run()
    (left_out,) = [note for note in report.notes if note.startswith("Left out")]
    found = re.search(r"train image field 1: the target lies \(([+-][\d.]+), ([+-][\d.]+)\) pixels", left_out)
    assert found is not None
    assert float(found[1]) == pytest.approx(9, abs=2)
    assert float(found[2]) == pytest.approx(0, abs=2)
    assert desk.checkpoint(report).config.about["pairs"] == 1
    # A stated tolerance, or no check at all, lets it teach.
    for number, registration in enumerate(({"tolerance": 12.0}, {"check": False})):
        report = desk.run(f"u{number}", registration=registration, max_steps=1)
        assert desk.checkpoint(report).config.about["pairs"] == 2
    desk.items = desk.items[1:]
    failed = desk.run("t9")
    assert failed.status == "failed"
    assert "all 1 training pairs lie apart" in failed.error
    assert "train image field 1" in failed.error


def test_pairs_that_do_not_fit_are_refused_by_name(desk: PairDesk) -> None:
    source, target = field_of(0)
    desk.pair(source, target, "train")
    release = open_release(desk.store, desk.release())
    desk.pair(ImageData(source.data[:, :2], "czyx", source.channels), target, "train")
    assert "train image field 1: the image has 2 planes, those before it 3" in desk.run("a").error
    desk.items = desk.items[:1]
    desk.pair(source, ImageData(target.data[:1], "cyx", target.channels[:1]), "train")
    assert re.search("train image field 2: the target holds .*, those before it", desk.run("b").error)
    assert "unknown fields ['colour']" in desk.run("c", colour=1).error
    # Sealing refuses these already; a release from elsewhere is refused here.
    for bad, why in (
        (ImageData(target.data, "cyx", target.channels, PixelSize(9.0, 9.0)), "the target.s pixels are 9 micrometres"),
        (ImageData(target.data[:, 1:], "cyx", target.channels, target.pixel_size), "the target is .127, 128. pixels"),
    ):
        with pytest.raises(MismatchedShapes, match=f"train image field: {why}"):
            read_pair(release, desk.pair(source, bad, "train"), where="train image field")
    with pytest.raises(InvalidDocument, match="2 frames"):
        planes_of(ImageData(np.zeros((2, 1, 8, 8), np.uint8), "tcyx", ("a",)))
    report = desk.train("d", {**SMALL, "max_steps": 1}, manifest=release.digest)
    flat = desk.pair(ImageData(source.data[:, :2], "czyx", source.channels), target, "test")
    assert "reads 3 channels" in desk.predict("p", report.checkpoint or "", [desk.ref(flat)]).error


def test_marked_failures_of_targets_do_not_teach_and_are_not_measured(desk: PairDesk) -> None:
    source, target = field_of(0)
    marks = np.zeros((SIZE, SIZE), np.uint32)
    marks[:, : SIZE // 2] = 1
    broken = target.data.copy()
    broken[:, :, : SIZE // 2] = 60000
    spoilt = ImageData(broken, "cyx", target.channels, target.pixel_size)
    unchecked = {"registration": {"check": False}}
    release_items = [desk.pair(source, spoilt, "train", marks), desk.pair(source, spoilt, "test", marks)]
    release = open_release(desk.store, desk.release())
    training = AUGMENTED.training(TrainingOrder("t", release.digest, "augmented", config=unchecked), release, None)
    (sample,) = training.samples(release_items[0])
    assert sample.known is not None
    assert (sample.known == (marks == 0)).all()
    report = desk.run("t1", max_steps=30, **unchecked)
    assert report.status == "finished", report.error
    assert report.measures["pearson_r"] > 0.5
    # Beside an answer about a prediction, the regions are that prediction's failures: the target stands.
    assert known_pixels(Reading(marks, {"preference": "a"})) is None
    assert known_pixels(Reading(np.zeros_like(marks))) is None
    desk.items = desk.items[1:]
    desk.pair(source, spoilt, "train", np.ones_like(marks))
    assert "marked as a failure all over" in desk.run("t2").error


def test_a_critic_beside_the_loss_resumes_with_its_own_weights(desk: PairDesk) -> None:
    desk.pair(*field_of(0), "train")
    config = {"adversarial": {"features": 16, "layers": 2}, "loss": {"l1": 1.0}, "max_steps": 6}
    whole, plain = desk.run("t1", **config), desk.run("t2", loss={"l1": 1.0}, max_steps=6)
    assert whole.status == plain.status == "finished"
    assert whole.curve[-1]["loss"] != plain.curve[-1]["loss"]
    asked = iter(range(100))
    with pytest.raises(Stopped):
        desk.train("t3", {**SMALL, **config}, shutting_down=lambda: next(asked) >= 4)
    resumed = desk.run("t3", **config)
    kept = [desk.checkpoint(report).network.state_dict() for report in (whole, resumed)]
    assert all((kept[0][name] == kept[1][name]).all() for name in kept[0])


def test_a_run_starts_from_another_checkpoint(desk: PairDesk) -> None:
    desk.pair(*field_of(0), "train")
    first = desk.run("t1")
    second = desk.train("t2", {**SMALL, "max_steps": 2}, start_from=first.checkpoint)
    assert second.status == "finished", second.error
    assert any(note.startswith(f"Started from {(first.checkpoint or '')[:12]}") for note in second.notes)


def test_notes_count_what_is_well_and_name_what_is_not() -> None:
    log = RegistrationLog(RegistrationConfig(check=False))
    log.found = {f"train image {i}": Registration((0.2, 0.0), 0.0, 0.9, 0.9, 9, "registered") for i in range(30)}
    log.found["train image odd"] = Registration((-4.0, 1.0), 0.0, 0.5, 0.9, 9, "shifted")
    log.found["train image tiny"] = None
    assert log.notes() == [
        "30 of 31 pairs of image and target lie on one another.",
        "Taught though unsure, target (y, x) pixels from its source: train image odd (+4.0, -1.0) shifted.",
        "Too small to check how they lie: train image tiny.",
    ]
    log.lights = [Registration((-0.7, 0.0), 0.0, 0.9, 0.9, 9, "registered")]
    assert "On the mean targets lie (+0.7, +0.0) pixels" in log.notes()[1]
