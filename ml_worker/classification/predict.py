"""Images in, calibrated probabilities of their classes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellcommons.canonical import canonical_json
from cellcommons.classes import Ontology
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument
from ml_worker.classification.checkpoint import ClassifierCheckpoint
from ml_worker.classification.network import ClassifierNetwork
from ml_worker.classification.outcomes import expected_rank, kind_of, probabilities
from ml_worker.classification.samples import Reading, ReadingConfig, read, window_extras, windows
from ml_worker.classification.scores import named_places
from ml_worker.device import autocast, device


@dataclass(frozen=True)
class ClassPredictConfig(Document):
    """Settings of a prediction; the ``config`` of a PredictionOrder holds those that differ.

    Attributes:
        batch: windows per pass.
        turns: each window is read in this many of its eight positions, and logits are averaged.
        most_windows: of one image. bf16: bfloat16 where the machine has it.
        threshold: probability from which a class of a multi ontology is named.
    """

    KIND = "cellcommons.class-predict-config/1"
    batch: int = 128
    turns: int = 1
    most_windows: int = 64
    bf16: bool = False
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.batch < 1 or not 1 <= self.turns <= 8 or self.most_windows < 1 or not 0 < self.threshold < 1:
            raise InvalidDocument("batch and windows from 1, turns 1 to 8, a threshold within (0, 1) are wanted")

    @classmethod
    def from_order(cls, config: dict[str, Any]) -> ClassPredictConfig:
        """From an order's ``config``. Raises InvalidDocument naming an unknown or bad field."""
        return cls.parse(canonical_json({"kind": cls.KIND, **config}), where="config")


@dataclass(frozen=True)
class ClassPredictions:
    """What a classifier says of some images.

    Attributes:
        probabilities: float32 ``(images, classes)``; rows sum to 1, except for multi.
        ranks: float32 ``(images,)``: mean rank, 0 for the first class; None unless classes are ranks.
        uncertainty: float32 ``(images,)``: entropy over its largest value, 0 to 1; for multi, the mean over classes.
        offset, lean: how far the naming of a class leans to rare ones, see ``scores.named_places``.
    """

    ontology: Ontology
    probabilities: NDArray[np.float32]
    ranks: NDArray[np.float32] | None
    uncertainty: NDArray[np.float32]
    threshold: float = 0.5
    offset: tuple[float, ...] = ()
    lean: float = 0.0

    def classes(self) -> list[tuple[str, ...]]:
        """Of each image the likeliest class, or one that leans; for multi, all from the threshold on; the rank nearest
        the mean rank."""
        names = self.ontology.names
        if self.ontology.multi:
            return [tuple(names[k] for k in np.flatnonzero(row >= self.threshold)) for row in self.probabilities]
        if self.ranks is not None:
            return [(names[int(rank)],) for rank in np.floor(self.ranks + 0.5)]
        return [(names[int(k)],) for k in named_places(self.probabilities, self.offset, self.lean)]


def predict_classes(
    checkpoint: ClassifierCheckpoint,
    images: Sequence[NDArray[Any]],
    config: ClassPredictConfig | None = None,
    *,
    on_image: Callable[[], None] | None = None,
) -> ClassPredictions:
    """Classify images, each whole or in windows as the checkpoint was trained.

    Args:
        images: axes cyx, integer or float; sizes may differ.
        on_image: called after each image; may raise to stop.

    Raises:
        MismatchedShapes: other channels than the checkpoint reads. InvalidDocument: not cyx, empty, NaN or infinity.
    """
    config, known = config or ClassPredictConfig(), checkpoint.config
    readings = [
        read(image, known.reading, known.scaling, where=f"image {number}")
        for number, image in enumerate(images, start=1)
    ]
    logits = image_logits(checkpoint.network, readings, known.reading, config, on_image)
    kind = kind_of(known.ontology)
    chances = probabilities(logits, kind, temperature=known.temperature, offset=known.offset)
    ranks = expected_rank(chances).numpy() if kind == "ordinal" else None
    return ClassPredictions(
        known.ontology,
        chances.numpy(),
        ranks,
        _uncertainty(chances, multi=kind == "multi").numpy(),
        config.threshold,
        known.offset,
        known.lean,
    )


@torch.no_grad()
def image_logits(
    network: ClassifierNetwork,
    readings: Sequence[Reading],
    reading: ReadingConfig,
    config: ClassPredictConfig,
    on_image: Callable[[], None] | None = None,
) -> Tensor:
    """Logits of each image, float32 on the CPU: the mean over windows and positions; the network is in eval mode."""
    width = network.thresholds(torch.zeros(1, network.head.last.out_features, device=device())).shape[1]
    total, counts = torch.zeros(len(readings), width), torch.zeros(len(readings), 1)
    waiting: list[tuple[int, Tensor, Tensor]] = []

    def pass_through() -> None:
        if not waiting:
            return
        planes = torch.stack([window for _, window, _ in waiting])
        extras = torch.stack([numbers for _, _, numbers in waiting]).to(device())
        places = torch.tensor([index for index, _, _ in waiting])
        for turn in range(config.turns):
            laid = torch.rot90(planes, turn // 2, (2, 3))
            laid = (laid.flip(3) if turn % 2 else laid).to(device()).contiguous(memory_format=torch.channels_last)
            with autocast(bf16=config.bf16):
                output = network(laid, extras).float().cpu()
            total.index_add_(0, places, output)
            counts.index_add_(0, places, torch.ones(len(places), 1))
        waiting.clear()

    for index, image in enumerate(readings):
        for window in windows(image.planes, reading.size, most=config.most_windows):
            waiting.append((index, window, window_extras(window, image.side, reading)))
            if len(waiting) == config.batch:
                pass_through()
        if on_image is not None:
            on_image()
    pass_through()
    return total / counts.clamp_min(1)


def _uncertainty(chances: Tensor, *, multi: bool) -> Tensor:
    entropy: Tensor = -torch.special.xlogy(chances, chances)
    if multi:
        other = 1 - chances
        entropy = entropy - torch.special.xlogy(other, other)
        return entropy.mean(1) / float(np.log(2))
    return entropy.sum(1) / float(np.log(max(2, chances.shape[1])))
