"""Training learns, resumes exactly, stops when asked, and says why it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from cellcommons.errors import InvalidDocument, UnreadableFile, WrongFormat
from cellcommons.measures.detection import detection_scores
from ml_worker.checkpoint import load_checkpoint
from ml_worker.predict import predict_image
from ml_worker.samples import Sample, channel_planes
from ml_worker.train import Progress, TrainingData, TrainingDiverged, train
from ml_worker.train_config import TrainConfig

HOURS = 36_000.0
SMALL = {"network": {"widths": [16, 32]}, "crops": {"size": 64, "batch": 4}}


def config(**changes: object) -> TrainConfig:
    return TrainConfig.from_order({**SMALL, "max_steps": 12, **changes})


@pytest.fixture(scope="module")
def samples(discs) -> list[Sample]:
    made = []
    for seed in range(3):
        image, labels = discs(seed=seed)
        made.append(Sample(f"image {seed}", channel_planes(image), labels, "discs"))
    return made


def test_one_image_is_learnt(discs) -> None:
    image, labels = discs(size=128, count=12)
    result = train(
        TrainingData([Sample("only", channel_planes(image), labels)]),
        config(crops={"size": 64, "batch": 4, "invert": 0.0}, warmup=5, max_steps=60),
        seed=0,
        budget_seconds=HOURS,
    )
    reading = predict_image(load_checkpoint(result.checkpoint), image)
    assert detection_scores(labels, reading.labels).f1_50 > 0.9
    assert result.status == "finished"
    assert result.curve[0]["loss"] > result.curve[-1]["loss"]


def test_a_resumed_run_equals_an_unbroken_one(samples) -> None:
    data = TrainingData(samples[:2], samples[2:])
    whole = train(data, config(), seed=4, budget_seconds=HOURS)
    states: list[bytes] = []
    steps: list[int] = []
    cut = train(
        data,
        config(),
        seed=4,
        budget_seconds=HOURS,
        on_progress=lambda progress: steps.append(progress.step),
        should_stop=lambda: len(steps) >= 5,
        save_state=states.append,
    )
    assert (cut.status, cut.steps, len(states)) == ("cancelled", 5, 1)
    rest = train(data, config(), seed=4, budget_seconds=HOURS, resume=states[-1])
    assert rest.status == "finished"
    assert rest.checkpoint == whole.checkpoint
    assert [p["loss"] for p in rest.curve] == [p["loss"] for p in whole.curve]


def test_a_finished_state_resumes_to_the_same_end_without_training(samples) -> None:
    states: list[bytes] = []
    data = TrainingData(samples[:1], samples[1:])
    first = train(data, config(max_steps=3), seed=1, budget_seconds=HOURS, save_state=states.append)
    seen: list[Progress] = []
    again = train(data, config(max_steps=3), seed=1, budget_seconds=HOURS, resume=states[-1], on_progress=seen.append)
    assert again.checkpoint == first.checkpoint
    assert again.curve == first.curve
    assert [progress.step for progress in seen] == [3]


def test_a_state_of_another_run_is_refused(samples) -> None:
    states: list[bytes] = []
    data = TrainingData(samples[:1])
    train(data, config(max_steps=1), seed=1, budget_seconds=HOURS, save_state=states.append)
    with pytest.raises(InvalidDocument, match="other settings"):
        train(data, config(max_steps=1), seed=2, budget_seconds=HOURS, resume=states[-1])
    with pytest.raises(UnreadableFile):
        train(data, config(max_steps=1), seed=1, budget_seconds=HOURS, resume=states[-1][:-100])
    checkpoint = train(data, config(max_steps=1), seed=1, budget_seconds=HOURS).checkpoint
    with pytest.raises(WrongFormat):
        train(data, config(max_steps=1), seed=1, budget_seconds=HOURS, resume=checkpoint)


def test_the_clock_ends_a_run_and_the_validation_is_on_the_curve(samples) -> None:
    seen: list[Progress] = []
    result = train(
        TrainingData(samples[:2], samples[2:]),
        config(max_steps=0),
        seed=0,
        budget_seconds=1.0,
        on_progress=seen.append,
    )
    assert result.status == "finished"
    assert result.seconds >= 1.0
    assert 0 <= result.curve[-1]["validation"] <= 1
    assert seen[-1].fraction == 1.0
    assert [progress.step for progress in seen] == sorted(progress.step for progress in seen)


def test_patience_ends_a_run_that_gets_no_better(samples) -> None:
    # So small a rate changes nothing, so no score is ever better than the first.
    stuck = config(max_steps=30, learning_rate=1e-12, validations=10, patience=1)
    result = train(TrainingData(samples[:1], samples[1:2]), stuck, seed=0, budget_seconds=HOURS)
    assert result.steps < 30


@pytest.mark.parametrize("what", ["nothing", "no cells"])
def test_nothing_to_learn_from_is_said(samples, what: str) -> None:
    empty = Sample("empty", np.zeros((3, 40, 40), np.float32), np.zeros((40, 40), np.uint32))
    with pytest.raises(InvalidDocument, match="train split" if what == "nothing" else "labelled cell"):
        train(TrainingData([] if what == "nothing" else [empty]), config(), seed=0, budget_seconds=1)


def test_odd_images_do_no_harm(samples) -> None:
    tiny = np.ones((5, 9), np.uint32)
    odd = [
        samples[0],
        Sample("empty", np.zeros((3, 40, 40), np.float32), np.zeros((40, 40), np.uint32)),
        Sample("tiny", channel_planes(np.full((2, 5, 9), np.nan)), tiny),
        Sample("constant", channel_planes(np.full((1, 64, 64), 3, np.uint8)), np.ones((64, 64), np.uint32)),
    ]
    result = train(TrainingData(odd, odd), config(max_steps=6), seed=0, budget_seconds=HOURS)
    assert np.isfinite(result.curve[-1]["loss"])


def test_a_run_that_diverges_says_so(samples) -> None:
    broken = Sample("broken", np.full((3, 64, 64), np.nan, np.float32), np.ones((64, 64), np.uint32))
    with pytest.raises(TrainingDiverged, match="not a number"):
        train(TrainingData([broken]), config(max_steps=40), seed=0, budget_seconds=HOURS)


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        ({"learning_rat": 1.0}, "learning_rat"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"network": {"widths": [3]}}, "widths"),
        ({"crops": {"size": 100}}, "crops"),
        ({"max_steps": "many"}, "max_steps"),
    ],
)
def test_bad_settings_name_the_field(bad: dict[str, object], where: str) -> None:
    with pytest.raises(InvalidDocument, match=where):
        TrainConfig.from_order(bad)
