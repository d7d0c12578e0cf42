"""Classifiers learn, repeat, resume, start from other weights, and refuse what cannot be learnt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes, UnreadableFile, WrongFormat
from cellcommons.measures.classification import average_precision, confusion_scores, spearman
from ml_worker.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from ml_worker.classification.checkpoint import load_classifier
from ml_worker.classification.config import ClassifierConfig
from ml_worker.classification.predict import ClassPredictConfig, predict_classes
from ml_worker.classification.train import ClassData, train_classifier
from ml_worker.networks.unet import NetworkConfig, build_network

THREE = Ontology(("disc", "ring", "stripes"))
ONE_EACH = [("disc",), ("ring",), ("stripes",)]


def config(steps=60, **changes):
    order = {
        "network": {"widths": [16, 32], "hidden": 32},
        "reading": {"size": 32},
        "crops": {"batch": 16},
        "max_steps": steps,
        "bf16": False,
        "warmup": 5,
        "average": 0.9,
        **changes,
    }
    return ClassifierConfig.from_order(order)


def learnt(data, settings, **others):
    return train_classifier(data, settings, seed=3, budget_seconds=1e6, **others)


def truth(samples, ontology):
    return np.array([ontology.index(sample.classes[0]) for sample in samples])


def test_single_classes_are_learnt_and_calibrated(shapes):
    data = ClassData(THREE, shapes(ONE_EACH, 12, 0), shapes(ONE_EACH, 6, 1))
    result = learnt(data, config())
    checkpoint = load_classifier(result.checkpoint)
    held_out = shapes(ONE_EACH, 10, 2)
    predictions = predict_classes(checkpoint, [sample.image for sample in held_out], ClassPredictConfig(turns=2))
    assert confusion_scores(truth(held_out, THREE), predictions.probabilities.argmax(1), THREE).macro_f1 > 0.9
    assert predictions.classes()[0] == ("disc",)
    assert predictions.ranks is None
    np.testing.assert_allclose(predictions.probabilities.sum(1), 1, atol=1e-5)
    assert checkpoint.config.calibrated
    assert checkpoint.config.ontology == THREE
    assert [entry["validation"] for entry in result.curve if "validation" in entry][-1] > 0.9


def test_ranks_are_learnt_in_windows_of_a_field(graded):
    ontology = Ontology(("0", "1", "2", "3", "4"), ordinal=True)
    settings = config(80, reading={"size": 32, "window": 64, "channels": "own", "brightness": "image"})
    result = learnt(ClassData(ontology, graded(seed=0), graded(count=2, seed=1)), settings)
    held_out = graded(count=4, seed=2)
    predictions = predict_classes(load_classifier(result.checkpoint), [sample.image for sample in held_out])
    assert predictions.ranks is not None
    assert spearman(truth(held_out, ontology), predictions.ranks) > 0.9
    assert (predictions.probabilities >= 0).all()
    np.testing.assert_allclose(predictions.probabilities.sum(1), 1, atol=1e-5)


def test_several_classes_at_once(shapes):
    ontology = Ontology(THREE.names, multi=True)
    shown = [("disc",), ("ring",), ("disc", "ring"), ("stripes",), ()]
    settings = config(120, class_weights=0.5)
    result = learnt(ClassData(ontology, shapes(shown, 12, 0), shapes(shown, 4, 1)), settings)
    held_out = shapes(shown, 8, 2)
    predictions = predict_classes(load_classifier(result.checkpoint), [sample.image for sample in held_out])
    wanted = np.stack([ontology.vector(sample.classes) for sample in held_out])
    assert all(average_precision(wanted[:, k], predictions.probabilities[:, k]) > 0.9 for k in range(3))
    right = [said == sample.classes for said, sample in zip(predictions.classes(), held_out, strict=True)]
    assert np.mean(right) > 0.7


@pytest.mark.parametrize("started", [False, True])
def test_a_resumed_run_equals_an_unbroken_one(shapes, started):
    data = ClassData(THREE, shapes(ONE_EACH, 4, 0), shapes(ONE_EACH, 2, 1))
    start = segmenter() if started else None
    # Stopped while the encoder is still frozen, where a run starts from other weights.
    settings = config(10, frozen=0.8)
    whole = learnt(data, settings, start=start)
    states: list[bytes] = []
    asked = iter(range(100))
    first = learnt(data, settings, start=start, should_stop=lambda: next(asked) == 5, save_state=states.append)
    assert (first.status, first.steps) == ("cancelled", 5)
    second = learnt(data, settings, start=start, resume=states[-1])
    assert second.checkpoint == whole.checkpoint


def test_a_state_of_another_run_is_refused(shapes):
    data = ClassData(THREE, shapes(ONE_EACH, 2, 0))
    states: list[bytes] = []
    learnt(data, config(2), save_state=states.append)
    with pytest.raises(InvalidDocument, match="other settings"):
        learnt(ClassData(replace(THREE, names=("disc", "stripes", "ring")), data.train), config(2), resume=states[-1])


def segmenter():
    torch.manual_seed(0)
    shape = NetworkConfig((16, 32, 48))
    return save_checkpoint(build_network(shape).state_dict(), CheckpointConfig(shape))


def test_transfer_keeps_the_encoder_while_frozen_and_replaces_the_last_layer(shapes):
    data = ClassData(THREE, shapes(ONE_EACH, 4, 0))
    source = load_checkpoint(segmenter()).network.encoder.state_dict()
    frozen = load_classifier(learnt(data, config(6, frozen=1.0), start=segmenter()).checkpoint)
    assert frozen.config.network.widths == (16, 32, 48)
    kept = frozen.network.encoder.state_dict()
    assert all(torch.equal(kept[name], source[name]) for name in source)
    thawed = load_classifier(learnt(data, config(6, frozen=0.5), start=segmenter()).checkpoint)
    moved = thawed.network.encoder.state_dict()
    assert not torch.equal(moved["stem.0.weight"], source["stem.0.weight"])
    # From a classifier of three classes to one of two: the encoder comes along, the last layer is of the new classes.
    two = Ontology(("disc", "ring"))
    data = ClassData(two, shapes([("disc",), ("ring",)], 4, 0))
    first = learnt(ClassData(THREE, shapes(ONE_EACH, 4, 0)), config(3)).checkpoint
    second = load_classifier(learnt(data, config(3, frozen=1.0), start=first).checkpoint)
    assert second.network.head.last.out_features == 2
    before = load_classifier(first).network.encoder.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in second.network.encoder.state_dict().items())


def test_transfer_from_a_plain_safetensors_file(shapes):
    encoder = load_checkpoint(segmenter()).network.encoder.state_dict()
    plain = save({name: tensor.contiguous() for name, tensor in encoder.items()})
    result = learnt(ClassData(THREE, shapes(ONE_EACH, 2, 0)), config(2, frozen=1.0), start=plain)
    taken = load_classifier(result.checkpoint).network.encoder.state_dict()
    assert all(torch.equal(taken[name], encoder[name]) for name in encoder)


@pytest.mark.parametrize(
    ("start", "error"),
    [
        (b"PK\x03\x04 no tensors at all", UnreadableFile),
        (save({"weight": torch.zeros(2)}), InvalidDocument),
        (
            save({"stem.0.weight": torch.zeros(16, 3, 5, 5), "stages.0.second.0.weight": torch.zeros(16, 16, 3, 3)}),
            InvalidDocument,
        ),
    ],
)
def test_a_start_that_does_not_fit_is_refused(shapes, start, error):
    with pytest.raises(error):
        learnt(ClassData(THREE, shapes(ONE_EACH, 2, 0)), config(2), start=start)


def test_a_start_that_reads_other_planes_gives_all_but_its_first_layer(shapes):
    settings = config(2, frozen=1.0, reading={"size": 32, "channels": "own"})
    taken = load_classifier(learnt(ClassData(THREE, shapes(ONE_EACH, 2, 0)), settings, start=segmenter()).checkpoint)
    source = load_checkpoint(segmenter()).network.encoder
    assert torch.equal(taken.network.encoder.stages[1].first[0].weight, source.stages[1].first[0].weight)
    assert taken.network.encoder.stem[0].weight.shape[1] == 1
    start = taken.config.about["start"]
    assert 0 < start["tensors"] < start["of"]


def test_a_start_whose_layers_are_others_is_refused(shapes):
    other = {f"encoder.stages.{i}.second.0.weight": torch.zeros(16, 16, 1, 1) for i in range(2)}
    with pytest.raises(MismatchedShapes, match="other layers"):
        learnt(ClassData(THREE, shapes(ONE_EACH, 2, 0)), config(2), start=save(other))


def test_bad_splits_are_refused(shapes):
    good, other = shapes(ONE_EACH, 2, 0), shapes(ONE_EACH, 2, 1)
    with pytest.raises(InvalidDocument, match="'stripes' is not in the ontology"):
        learnt(ClassData(Ontology(("disc", "ring")), good), config(1))
    discs, more = shapes([("disc",)], 3, 0), shapes([("disc",)], 3, 1)
    with pytest.raises(InvalidDocument, match=r"train split shows one class only \(disc\)"):
        learnt(ClassData(THREE, discs), config(1))
    with pytest.raises(InvalidDocument, match="validation split shows one class only"):
        learnt(ClassData(THREE, good, more), config(1))
    with pytest.raises(InvalidDocument, match="'s0' lies in both splits"):
        learnt(ClassData(THREE, good, [*other, good[0]]), config(1))
    with pytest.raises(InvalidDocument, match="no image in the train split"):
        learnt(ClassData(THREE, []), config(1))
    with pytest.raises(InvalidDocument, match="one class alone"):
        learnt(ClassData(Ontology(("disc",)), discs), config(1))


def test_other_families_and_other_channels_are_refused(shapes):
    with pytest.raises(WrongFormat):
        load_classifier(segmenter())
    settings = config(1, reading={"size": 32, "channels": "own"})
    checkpoint = load_classifier(learnt(ClassData(THREE, shapes(ONE_EACH, 2, 0)), settings).checkpoint)
    with pytest.raises(MismatchedShapes):
        predict_classes(checkpoint, [np.zeros((2, 40, 40), dtype=np.uint8)])
    with pytest.raises(InvalidDocument, match="expected an image with axes cyx"):
        predict_classes(checkpoint, [np.zeros((40, 40), dtype=np.uint8)])
    assert predict_classes(checkpoint, []).probabilities.shape == (0, 3)
    with pytest.raises(InvalidDocument, match="unknown fields"):
        ClassifierConfig.from_order({"dropuot": 0.5})
