"""Consensus of classes: better than the mean reader and than majority on crowds of mixed skill, over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.fusion.classes import ClassConsensus, ClassReading, fuse_classes
from cellcommons.synthetic.class_annotator import ClassErrorModel, simulate_classes, skilled_classes

NAMES = ("round", "granular", "spindle", "lobed")
FREQUENCY = (0.55, 0.25, 0.12, 0.08)
SEEDS = range(8)
Answers = tuple[tuple[str, ...], ...]


def error(found: tuple[str, ...], truth: tuple[str, ...], ontology: Ontology) -> float:
    """Share of wrong classes; of ranks, how many ranks off."""
    if ontology.multi:
        return float((ontology.vector(found) != ontology.vector(truth)).mean())
    off = abs(ontology.index(found[0]) - ontology.index(truth[0]))
    return float(off if ontology.ordinal else off > 0)


def crowd(
    seed: int, ontology: Ontology
) -> tuple[tuple[tuple[str, ...], ...], list[list[tuple[str, ...]]], list[ClassReading]]:
    """Truth of 200 items, what each of 7 people would say, and 4 of those readings an item."""
    rng = np.random.default_rng(seed)
    if ontology.multi:
        truth = tuple(
            tuple(n for n, f in zip(NAMES, FREQUENCY, strict=True) if rng.random() < f + 0.05) for _ in range(200)
        )
    else:
        truth = tuple((NAMES[place],) for place in rng.choice(4, 200, p=FREQUENCY))
    answers = [
        list(
            simulate_classes(truth, ontology, skilled_classes(seed * 100 + k), np.random.default_rng([seed, k])).classes
        )
        for k in range(7)
    ]
    readings = [
        ClassReading(str(item), f"reader {k}", answers[k][item])
        for item in range(200)
        for k in rng.choice(7, 4, replace=False)
    ]
    return truth, answers, readings


def mean_error(consensus: ClassConsensus, truth: Answers) -> float:
    pairs = zip(consensus.items, consensus.classes, strict=True)
    return float(np.mean([error(found, truth[int(item)], consensus.ontology) for item, found in pairs]))


@pytest.mark.parametrize("kind", ["single", "ordinal", "multi"])
def test_better_than_the_mean_reader_and_than_majority(kind: str) -> None:
    ontology = Ontology(NAMES, ordinal=kind == "ordinal", multi=kind == "multi")
    readers, majority, em = [], [], []
    for seed in SEEDS:
        truth, answers, readings = crowd(seed, ontology)
        readers.append(np.mean([[error(a, t, ontology) for a, t in zip(x, truth, strict=True)] for x in answers]))
        majority.append(mean_error(fuse_classes(readings, ontology, method="majority"), truth))
        em.append(mean_error(fuse_classes(readings, ontology), truth))
    assert all(e < r for e, r in zip(em, readers, strict=True))
    assert np.mean(em) < np.mean(majority) < np.mean(readers)
    if kind != "ordinal":  # Of ranks the median of the heads is hard to beat; it is beaten on the mean.
        assert all(e <= m for e, m in zip(em, majority, strict=True))


def test_skill_is_found_again() -> None:
    ontology = Ontology(NAMES)
    rng = np.random.default_rng(1)
    truth = tuple((NAMES[place],) for place in rng.integers(0, 4, 300))
    accuracies = (0.95, 0.8, 0.6, 0.4)
    readings = []
    for k, accuracy in enumerate(accuracies):
        answers = simulate_classes(truth, ontology, ClassErrorModel(accuracy), np.random.default_rng(k)).classes
        readings += [ClassReading(str(item), str(k), answer) for item, answer in enumerate(answers)]
    skill = fuse_classes(readings, ontology).skill()
    assert list(skill) == ["0", "1", "2", "3"]
    assert sorted(skill.values(), reverse=True) == list(skill.values())
    for found, accuracy in zip(skill.values(), accuracies, strict=True):
        assert abs(found - accuracy) < 0.12


def test_certainty_means_what_it_says() -> None:
    ontology = Ontology(NAMES)
    sure, right, unsettled = [], [], []
    for seed in SEEDS:
        truth, _, readings = crowd(seed, ontology)
        consensus = fuse_classes(readings, ontology)
        sure += consensus.certainty().tolist()
        right += [found == truth[int(i)] for i, found in zip(consensus.items, consensus.classes, strict=True)]
        listed = consensus.unsettled(0.9)
        unsettled += [item in listed for item in consensus.items]
    assert abs(np.mean(sure) - np.mean(right)) < 0.03
    wrong = ~np.array(right)
    # The few items that the readings cannot settle are where the errors are.
    assert np.mean(unsettled) < 0.15
    assert wrong[unsettled].mean() > 8 * wrong[~np.array(unsettled)].mean()


def test_one_reading_is_believed() -> None:
    consensus = fuse_classes([ClassReading("1", "a", ("lobed",))], Ontology(NAMES))
    assert consensus.classes == (("lobed",),)
    assert 0.4 < consensus.certainty()[0] < 1
    several = fuse_classes([ClassReading("1", "a", ("round", "lobed"))], Ontology(NAMES, multi=True))
    assert several.classes == (("round", "lobed"),)


def test_ties_go_to_the_earlier_class_and_ranks_to_the_median() -> None:
    def votes(*names: str) -> list[ClassReading]:
        return [ClassReading("1", str(k), (name,)) for k, name in enumerate(names)]

    plain, ranks = Ontology(NAMES), Ontology(NAMES, ordinal=True)
    assert fuse_classes(votes("lobed", "round"), plain, method="majority").classes == (("round",),)
    assert fuse_classes(votes("lobed", "lobed", "granular", "round", "round"), ranks, method="majority").classes == (
        ("granular",),
    )
    even = [ClassReading("1", "a", ("round",)), ClassReading("1", "b", ())]
    assert fuse_classes(even, Ontology(NAMES, multi=True), method="majority").classes == ((),)


def test_bad_readings_are_refused_by_name() -> None:
    ontology = Ontology(NAMES)
    with pytest.raises(InvalidDocument, match="at least one"):
        fuse_classes([], ontology)
    with pytest.raises(InvalidDocument, match="cell 4, read by ann: class 'big' is not in the ontology"):
        fuse_classes([ClassReading("cell 4", "ann", ("big",))], ontology)
    with pytest.raises(InvalidDocument, match="twice"):
        fuse_classes([ClassReading("1", "a", ("round",)), ClassReading("1", "a", ("lobed",))], ontology)
    with pytest.raises(InvalidDocument, match="strength"):
        fuse_classes([ClassReading("1", "a", ("round",))], ontology, strength=0)
