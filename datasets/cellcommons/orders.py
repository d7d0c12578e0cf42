"""Orders and reports: all that the hub and a worker say to each other.

An order names its inputs by sha256 and holds everything a run depends on; a report names its outputs the same way.
Both travel as canonical JSON through the object store, so that a run can be re-read and repeated from its digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from cellcommons.documents import Document


@dataclass(frozen=True)
class ImageRef:
    """One image by hub id and tree digest; ``name`` is for people.

    ``companions``: what is given beside it, kind (``cells``, ``boxes``, ``detections``, ``target``) -> tree digest.
    """

    image: str
    tree: str
    name: str = ""
    companions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingOrder(Document):
    """Train on one release.

    Attributes:
        run: the TrainingRun's id; also the prefix ``runs/<run>/`` of its refs (``cancel``, ``state``).
        manifest: sha256 of the release manifest; the worker reads nothing that it does not name.
        task: one of the five, see ``ml_worker.kinds``.
        config: settings of that task's trainer.
        seed: of weights, crops and augmentation.
        budget_seconds: wall-clock limit of the optimisation.
        start_from: sha256 of a checkpoint to begin with (transfer); None: from scratch.
    """

    KIND: ClassVar[str] = "cellcommons.training-order/1"
    run: str
    manifest: str
    task: str
    seed: int = 0
    budget_seconds: float = 120.0
    config: dict[str, Any] = field(default_factory=dict)
    start_from: str | None = None


@dataclass(frozen=True)
class ImageScore:
    """Measures of one held-out image, with its prediction and a picture.

    Attributes:
        image: hub id. tree: image tree digest. labels: tree digest of the prediction, see ``ImagePrediction``.
        picture: sha256 of a PNG that shows image, truth and prediction side by side.
        measures: name -> value, e.g. ``f1_50``.
    """

    image: str
    tree: str
    labels: str
    picture: str
    measures: dict[str, Any]
    stratum: str = ""


@dataclass(frozen=True)
class TrainingReport(Document):
    """What a training run came to.

    Attributes:
        status: ``finished``, ``cancelled`` or ``failed``.
        checkpoint: sha256 of the safetensors checkpoint (None unless finished).
        measures: on the release's test split, name -> value.
        baseline: the same measures for the task's plain method on the same images.
        by_stratum: stratum -> measures.
        images: one score per test image, best first.
        curve: list of ``{"step", "seconds", "loss", "validation"?}``.
        environment: library versions, threads, device.
        headline: name of the measure that matters most, one of ``measures``.
        notes: what a reader of the measures must know, e.g. that a class is absent from the test split.
    """

    KIND: ClassVar[str] = "cellcommons.training-report/1"
    run: str
    status: str
    checkpoint: str | None = None
    measures: dict[str, Any] = field(default_factory=dict)
    baseline: dict[str, Any] = field(default_factory=dict)
    by_stratum: dict[str, Any] = field(default_factory=dict)
    images: tuple[ImageScore, ...] = ()
    curve: tuple[dict[str, Any], ...] = ()
    seconds: float = 0.0
    environment: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    headline: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PredictionOrder(Document):
    """Predict a list of images with one checkpoint; what for is the checkpoint's task."""

    KIND: ClassVar[str] = "cellcommons.prediction-order/1"
    run: str
    checkpoint: str
    images: tuple[ImageRef, ...]
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ImagePrediction:
    """One image's prediction.

    Attributes:
        labels: digest of a Reading tree (``cellcommons.reading``); of augmented microscopy, of an image tree: the
            predicted channels. cells: number of cells, classified subjects or tracks.
        uncertainty: 0..1, how unsure the model is of this image as a whole; what a Round ranks by.
        cell_scores: cell id, subject or child node -> certainty 0..1.
        companions: what the worker had to make first, e.g. ``detections`` of a movie that had none.
    """

    image: str
    tree: str
    labels: str
    cells: int
    uncertainty: float
    cell_scores: dict[str, Any] = field(default_factory=dict)
    companions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PredictionReport(Document):
    """What a prediction run came to; ``failures`` maps image id to why."""

    KIND: ClassVar[str] = "cellcommons.prediction-report/1"
    run: str
    status: str
    checkpoint: str
    predictions: tuple[ImagePrediction, ...] = ()
    failures: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    environment: dict[str, Any] = field(default_factory=dict)
    error: str = ""
