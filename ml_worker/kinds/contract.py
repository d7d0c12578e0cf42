"""What a task supplies to the worker; everything else of a run is the same for all and lives in ``training_run`` and
``prediction_run``: resume, cancel, progress, failures, order of images, strata, notes, the report.

A task is one file of this package that ends in an object of ``TaskKind``, and one line in ``registry``. A training runs
through ``TaskKind.training`` -> ``TaskTraining`` (samples, then weights) -> ``TaskEvaluation`` (one test image at a
time, then all of them pooled). A prediction runs through ``TaskKind.prediction`` -> ``TaskPrediction``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from cellcommons.orders import ImagePrediction, ImageRef, TrainingOrder
from cellcommons.release import Release, ReleaseItem
from cellcommons.store import ObjectStore
from ml_worker.loop import Progress, TrainResult

Check = Callable[[], None]
"""Called between pieces of long work; raises ``channel.Stopped`` where the run is to stop."""

SampleT = TypeVar("SampleT")
OutcomeT = TypeVar("OutcomeT")


@dataclass(frozen=True)
class Hooks:
    """How a trainer talks to the run it belongs to; see ``ml_worker.train.train``."""

    resume: bytes | None
    on_progress: Callable[[Progress], None]
    should_stop: Callable[[], bool]
    save_state: Callable[[bytes], None]


@dataclass(frozen=True)
class TaskData(Generic[SampleT]):
    """The samples of the two splits that training may see; ``validation`` may be empty."""

    train: Sequence[SampleT] = field(repr=False)
    validation: Sequence[SampleT] = field(repr=False, default=())


@dataclass(frozen=True)
class Scored(Generic[OutcomeT]):
    """One test image with its prediction and scores.

    Attributes:
        labels: digest of the prediction's tree, as ``ImagePrediction.labels``.
        picture: PNG that shows image, truth and prediction.
        measures: of this image alone, name -> number; undefined ones are left out.
        score: what images are ordered by, best first: the headline of this image, or what stands for it where one image
            alone has none.
        outcome: what the measures of all images are pooled from. baseline: the same of the task's plain method.
    """

    item: ReleaseItem
    labels: str
    picture: bytes = field(repr=False)
    measures: dict[str, Any]
    score: float
    outcome: OutcomeT = field(repr=False)
    baseline: OutcomeT = field(repr=False)


class TaskEvaluation(ABC, Generic[OutcomeT]):
    """A fresh checkpoint and the task's plain method before the test split.

    Attributes:
        headline: name of the measure that matters most, one of those that ``pooled`` gives.
    """

    headline: str

    @abstractmethod
    def score(self, item: ReleaseItem, check: Check) -> Scored[OutcomeT]:
        """Predict one test image by the same code that pre-annotates, and score it. Raises CellCommonsError."""

    @abstractmethod
    def pooled(self, outcomes: Sequence[OutcomeT], *, seed: int) -> dict[str, Any]:
        """Measures of several images together, with ``images``, and the headline's 95 % interval ``<headline>_low`` and
        ``_high`` over images (``evaluate.headline_interval``). ``outcomes`` is never empty."""

    def pooled_baseline(self, outcomes: Sequence[OutcomeT], *, seed: int) -> dict[str, Any]:
        """The same of the plain method; ``outcomes`` are the ``baseline`` of all images."""
        return self.pooled(outcomes, seed=seed)

    def notes(self, scored: Sequence[Scored[OutcomeT]]) -> Iterable[str]:
        """What a reader of the measures must know; one sentence each."""
        return ()


class TaskTraining(ABC, Generic[SampleT, OutcomeT]):
    """One training run of one task. Made by ``TaskKind.training``, which refuses a bad order."""

    @abstractmethod
    def samples(self, item: ReleaseItem) -> Iterable[SampleT]:
        """What one image of the train or validation split teaches: one sample, several (subjects), or none.

        Raises:
            CellCommonsError: the item is at fault; ``where`` names its split and name.
        """

    @abstractmethod
    def train(self, data: TaskData[SampleT], hooks: Hooks) -> TrainResult:
        """Train within the order's budget. The checkpoint's ``about`` holds ``lineage(order)``.

        Raises:
            InvalidDocument: nothing to train on, or ``hooks.resume`` belongs to another run.
            TrainingDiverged: the loss stays NaN.
        """

    @abstractmethod
    def evaluation(self, checkpoint: bytes, digest: str, data: TaskData[SampleT]) -> TaskEvaluation[OutcomeT]:
        """Load ``checkpoint``, of sha256 ``digest``, and fit the plain method to ``data`` where it learns."""


class TaskPrediction(ABC):
    """A checkpoint ready to predict."""

    @abstractmethod
    def predict(self, ref: ImageRef, check: Check) -> ImagePrediction:
        """Predict one image and write its tree.

        Raises:
            CellCommonsError: this image is at fault; the run names it in ``failures`` and goes on.
        """


class TaskKind(ABC):
    """A task, as ``registry`` knows it.

    Attributes:
        task: its name in orders and manifests. families: of the checkpoints that it trains, see ``checkpoint.pack``.
    """

    task: ClassVar[str]
    families: ClassVar[tuple[str, ...]]

    @abstractmethod
    def training(self, order: TrainingOrder, release: Release, start: bytes | None) -> TaskTraining[Any, Any]:
        """Begin a run.

        Args:
            start: the safetensors file that ``order.start_from`` names, see ``ml_worker.transfer``.

        Raises:
            InvalidDocument: ``order.config``, or the release, does not fit the task.
            CellCommonsError: ``start`` is damaged, or holds nothing that fits.
        """

    @abstractmethod
    def prediction(
        self, checkpoint: bytes, config: dict[str, Any], store: ObjectStore, *, digest: str
    ) -> TaskPrediction:
        """Load a checkpoint, of sha256 ``digest``, to predict under an order's ``config``.

        Raises:
            UnreadableFile, WrongFormat, InvalidDocument: the checkpoint or the settings are at fault.
        """


def lineage(order: TrainingOrder) -> dict[str, Any]:
    """Where a checkpoint comes from, to keep within it."""
    about = {"run": order.run, "manifest": order.manifest}
    return about | ({"start_from": order.start_from} if order.start_from else {})


def item_name(item: ReleaseItem) -> str:
    """An item for an error line: ``train image field 3.tif``."""
    return f"{item.split} image {item.name}"
