"""Classification: classes of given cells, given boxes or whole images; one, several, or a rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.kinds.given import BOXES, CELLS
from cellcommons.orders import ImagePrediction, ImageRef, TrainingOrder
from cellcommons.reading import Reading, write_reading
from cellcommons.release import Release, ReleaseItem
from cellcommons.store import ObjectStore
from ml_worker.classification.baseline import ClassBaseline, fit_baseline
from ml_worker.classification.checkpoint import FAMILY, ClassifierCheckpoint, load_classifier
from ml_worker.classification.config import ClassifierConfig
from ml_worker.classification.defaults import with_defaults
from ml_worker.classification.measures import ClassOutcome, class_measures, headline_of, headline_value, joined
from ml_worker.classification.pictures import classes_png
from ml_worker.classification.predict import ClassPredictConfig, ClassPredictions, predict_classes
from ml_worker.classification.samples import ClassSample, class_targets
from ml_worker.classification.subjects import Subjects, read_subjects
from ml_worker.classification.train import ClassData, train_classifier
from ml_worker.evaluate import headline_interval
from ml_worker.kinds.contract import (
    Check,
    Hooks,
    Scored,
    TaskData,
    TaskEvaluation,
    TaskKind,
    TaskPrediction,
    TaskTraining,
    item_name,
    lineage,
)
from ml_worker.loop import TrainResult
from ml_worker.transfer import start_note


class Classification(TaskKind):
    """Classes by a pooled encoder."""

    task = "classification"
    families = (FAMILY,)

    def training(self, order: TrainingOrder, release: Release, start: bytes | None) -> ClassTraining:
        """Begin a run. Raises InvalidDocument."""
        return ClassTraining(order, release, start)

    def prediction(
        self, checkpoint: bytes, config: dict[str, Any], store: ObjectStore, *, digest: str
    ) -> ClassPrediction:
        """Load a checkpoint. Raises CellCommonsError."""
        settings = ClassPredictConfig.from_order(config)
        return ClassPrediction(load_classifier(checkpoint, where=digest), settings, store)


class ClassTraining(TaskTraining[ClassSample, ClassOutcome]):
    """A run of the classifier."""

    def __init__(self, order: TrainingOrder, release: Release, start: bytes | None) -> None:
        if release.ontology is None:
            raise InvalidDocument("the release names no classes", where=release.manifest.reference)
        self.order, self.release, self.start, self.ontology = order, release, start, release.ontology
        self.config = ClassifierConfig.from_order(with_defaults(order.config, list(release.items())))
        self.given: set[str] = set()

    def samples(self, item: ReleaseItem) -> Iterable[ClassSample]:
        """The subjects that have been classified."""
        self.given |= set(item.companions) & {CELLS, BOXES} or {"whole image"}
        subjects, said = read_item(self.release, item)
        for key, classes in said.items():
            yield ClassSample(f"{item_name(item)}, subject {key}", subjects.crops[key], classes, item.source)

    def train(self, data: TaskData[ClassSample], hooks: Hooks) -> TrainResult:
        """See ``train_classifier``. A validation split of one class cannot rank or calibrate, so it is left out."""
        validation = data.validation if not shows_one(data.validation, self.ontology) else ()
        return train_classifier(
            ClassData(self.ontology, data.train, validation),
            self.config,
            seed=self.order.seed,
            budget_seconds=self.order.budget_seconds,
            start=self.start,
            resume=hooks.resume,
            on_progress=hooks.on_progress,
            should_stop=hooks.should_stop,
            save_state=hooks.save_state,
            about=lineage(self.order) | {"given": sorted(self.given)},
        )

    def evaluation(self, checkpoint: bytes, digest: str, data: TaskData[ClassSample]) -> ClassEvaluation:
        """The plain methods learn from both splits."""
        own = len({len(item.channels) for item in self.release.items()}) == 1
        baseline = fit_baseline([*data.train, *data.validation], self.ontology, own_channels=own)
        return ClassEvaluation(load_classifier(checkpoint, where=digest), baseline, data, self.release)


class ClassEvaluation(TaskEvaluation[ClassOutcome]):
    """Decisions and probabilities, subject by subject."""

    def __init__(
        self, checkpoint: ClassifierCheckpoint, baseline: ClassBaseline, data: TaskData[ClassSample], release: Release
    ) -> None:
        self.checkpoint, self.baseline, self.data, self.release = checkpoint, baseline, data, release
        self.ontology = checkpoint.config.ontology
        self.headline = headline_of(self.ontology)

    def score(self, item: ReleaseItem, check: Check) -> Scored[ClassOutcome]:
        """All subjects are predicted; those that have been classified are scored."""
        subjects, truth = read_item(self.release, item)
        predictions = classify(self.checkpoint, subjects, ClassPredictConfig(), check)
        places = [list(subjects.crops).index(key) for key in truth]
        said = predictions.classes()
        targets = np.zeros((len(truth), len(self.ontology)), dtype=np.bool_)
        answers = np.zeros_like(targets)
        for row, (key, classes) in enumerate(truth.items()):
            targets[row] = self.ontology.vector(classes, where=f"{item_name(item)}, subject {key}")
            answers[row] = self.ontology.vector(said[places[row]])
        ranks = None if predictions.ranks is None else predictions.ranks[places].astype(np.float64)
        outcome = ClassOutcome(targets, answers, predictions.probabilities[places].astype(np.float64), ranks)
        certainty = certainties(predictions)
        shown = {key: (truth[key], said[at], certainty[at]) for key, at in zip(truth, places, strict=True)}
        values = {key: list(names) for key, names in zip(subjects.crops, said, strict=True)}
        tree = write_reading(self.release.store, Reading(None, values), subjects.pixels.pixel_size)
        return Scored(
            item,
            tree.digest,
            classes_png(subjects, shown),
            _plain(class_measures(outcome, self.ontology)),
            _image_order(outcome, self.ontology),
            outcome,
            self.baseline.outcome([subjects.crops[key] for key in truth], targets),
        )

    def pooled(self, outcomes: Sequence[ClassOutcome], *, seed: int) -> dict[str, Any]:
        """Each subject weighs the same."""

        def headline(drawn: Sequence[ClassOutcome]) -> float | None:
            together = joined(drawn)
            return headline_value(together, self.ontology) if len(together) else None

        interval = headline_interval(self.headline, outcomes, headline, seed=seed)
        return class_measures(joined(outcomes), self.ontology) | interval

    def pooled_baseline(self, outcomes: Sequence[ClassOutcome], *, seed: int) -> dict[str, Any]:
        """The regression's measures; ``most_frequent_`` stands before those of the most frequent class."""
        constant = class_measures(self.baseline.constant(joined(outcomes)), self.ontology)
        plain = {f"most_frequent_{name}": constant.get(name) for name in ("macro_f1", "accuracy")}
        return self.pooled(outcomes, seed=seed) | plain

    def notes(self, scored: Sequence[Scored[ClassOutcome]]) -> Iterable[str]:
        """Splits that say little, and classes that are not in them."""
        yield from start_note(self.checkpoint.config.about)
        if scored:
            counts = joined([one.outcome for one in scored]).truth.sum(0)
            yield from _lacking("test", counts, self.ontology, "no measure here tells classes apart")
        counts = class_targets(self.data.train, self.ontology).sum(0)
        yield from _lacking("train", counts, self.ontology, "nothing was learnt")
        if not self.checkpoint.config.calibrated:
            why = "shows one class only" if self.data.validation else "holds no classified subject"
            yield f"The validation split {why}, so the probabilities are not calibrated."


class ClassPrediction(TaskPrediction):
    """Classes as drafts."""

    def __init__(self, checkpoint: ClassifierCheckpoint, config: ClassPredictConfig, store: ObjectStore) -> None:
        self.checkpoint, self.config, self.store = checkpoint, config, store

    def predict(self, ref: ImageRef, check: Check) -> ImagePrediction:
        """All subjects of one image; ``uncertainty`` is their mean normalised entropy, 0 where there is none."""
        where = ref.name or ref.image
        subjects = read_subjects(self.store, ref.tree, ref.companions, where=where)
        given = self.checkpoint.config.about.get("given", [])
        if subjects.whole and given and "whole image" not in given:
            raise InvalidDocument(
                f"this checkpoint learnt from given {' and '.join(given)}, and this image has none",
                where=where,
                remedy="Import the cells or boxes to classify, or choose a checkpoint of whole images.",
            )
        predictions = classify(self.checkpoint, subjects, self.config, check)
        said, certainty = predictions.classes(), certainties(predictions)
        values = {key: list(names) for key, names in zip(subjects.crops, said, strict=True)}
        tree = write_reading(self.store, Reading(None, values), subjects.pixels.pixel_size)
        return ImagePrediction(
            image=ref.image,
            tree=ref.tree,
            labels=tree.digest,
            cells=len(values),
            uncertainty=round(float(predictions.uncertainty.mean()), 6) if values else 0.0,
            cell_scores={key: round(sure, 4) for key, sure in zip(values, certainty, strict=True)},
        )


def read_item(release: Release, item: ReleaseItem) -> tuple[Subjects, dict[str, tuple[str, ...]]]:
    """An item's subjects, and the classes of those that have any.

    Raises:
        InvalidDocument: an answer about a subject that is not given, or that is no list of classes.
    """
    where = item_name(item)
    subjects = read_subjects(release.store, item.tree, item.companions, where=where)
    truth: dict[str, tuple[str, ...]] = {}
    for key, classes in sorted(release.reading(item).values.items(), key=lambda pair: (len(pair[0]), pair[0])):
        if key not in subjects.crops or not isinstance(classes, list):
            raise InvalidDocument(f"{classes!r} is no classes of a subject of this image", where=f"{where}, {key}")
        truth[key] = tuple(classes)
    return subjects, truth


def classify(
    checkpoint: ClassifierCheckpoint, subjects: Subjects, config: ClassPredictConfig, check: Check
) -> ClassPredictions:
    """All subjects of one image, in the order of ``subjects.crops``."""
    return predict_classes(checkpoint, list(subjects.crops.values()), config, on_image=check)


def certainties(predictions: ClassPredictions) -> list[float]:
    """How sure each subject's answer is, 0..1: probability of its class; of several, the mean over yes and no."""
    chances, ontology = predictions.probabilities, predictions.ontology
    if ontology.multi:
        return [float(sure) for sure in np.maximum(chances, 1 - chances).mean(1)]
    places = [ontology.index(names[0]) for names in predictions.classes()]
    return [float(row[place]) for row, place in zip(chances, places, strict=True)]


def shows_one(samples: Sequence[ClassSample], ontology: Ontology) -> bool:
    """Whether all samples show the same, so that nothing can be told apart."""
    targets = class_targets(samples, ontology)
    return len(targets) > 0 and bool((targets == targets[0]).all())


def _image_order(outcome: ClassOutcome, ontology: Ontology) -> float:
    """A single subject has no F1 worth the name: its image goes by the probability of what is true."""
    if not len(outcome):
        return 0.0
    if outcome.ranks is not None:
        misses = np.abs(outcome.ranks - outcome.truth.argmax(1)).mean()
        return 1 - float(misses) / (len(ontology) - 1)
    if len(outcome) > 1:
        return headline_value(outcome, ontology) or 0.0
    return float(np.where(outcome.truth, outcome.chances, 1 - outcome.chances).mean())


def _plain(measures: dict[str, Any]) -> dict[str, Any]:
    """Without what is told class by class, which one image has too few subjects for."""
    return {name: value for name, value in measures.items() if not isinstance(value, dict)}


def _lacking(split: str, counts: np.ndarray[Any, Any], ontology: Ontology, so: str) -> Iterable[str]:
    names = [name for name, count in zip(ontology.names, counts.tolist(), strict=True) if count]
    absent = [name for name in ontology.names if name not in names]
    if len(names) == 1 and not ontology.multi:
        yield f"The {split} split shows one class only ({names[0]}): {so}."
    elif absent:
        yield f"The {split} split shows no {', no '.join(absent)}."


CLASSIFICATION = Classification()
