"""Images in, a class for every pixel and how sure it is out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from cellcommons.canonical import canonical_json
from cellcommons.classes import Ontology
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument
from cellcommons.semantic import SemanticMap
from ml_worker.samples import Float
from ml_worker.semantic.checkpoint import SemanticCheckpoint
from ml_worker.semantic.network import SemanticNetwork
from ml_worker.semantic.samples import semantic_planes
from ml_worker.tiling import tiled_output


@dataclass(frozen=True)
class SemanticPredictConfig(Document):
    """Settings of a prediction; the ``config`` of a PredictionOrder holds those that differ.

    Attributes:
        tile: core of a tile in pixels. bf16: bfloat16 where the machine has it.
        flips: read the image a second time turned by 180 degrees, and average the probabilities.
    """

    KIND = "cellcommons.semantic-predict-config/1"
    tile: int = 1024
    bf16: bool = True
    flips: bool = True

    @classmethod
    def from_order(cls, config: dict[str, Any]) -> Self:
        """From an order's ``config``. Raises InvalidDocument naming an unknown or bad field."""
        parsed = cls.parse(canonical_json({"kind": cls.KIND, **config}), where="config")
        if not 64 <= parsed.tile <= 8192:
            raise InvalidDocument("a tile is 64 to 8192 pixels", where="config:tile")
        return parsed


@dataclass(frozen=True)
class SemanticReading:
    """A model's reading of one image.

    Attributes:
        classes: no pixel is left unknown. uncertainty: mean entropy over its largest value, 0..1.
        certainty: class -> mean probability over the pixels that are called so; classes that none is are left out.
    """

    classes: SemanticMap = field(repr=False)
    uncertainty: float
    certainty: dict[str, float]


def predict_semantic(
    checkpoint: SemanticCheckpoint,
    image: NDArray[Any],
    config: SemanticPredictConfig | None = None,
    *,
    where: str = "",
    on_tile: Callable[[], None] | None = None,
) -> SemanticReading:
    """Read one image.

    Args:
        image: axes cyx, any size. on_tile: called after each tile; may raise to stop.

    Raises:
        InvalidDocument: not an image with axes cyx. MismatchedShapes: other channels than in training.
    """
    config, known = config or SemanticPredictConfig(), checkpoint.config
    planes = semantic_planes(image, known.channels, inputs=known.network.inputs, where=where)
    chances = class_chances(checkpoint.network, planes, config, on_tile)
    return read_chances(chances, known.ontology)


def class_chances(
    network: SemanticNetwork, planes: Float, config: SemanticPredictConfig, on_tile: Callable[[], None] | None = None
) -> Float:
    """Probabilities ``(classes, y, x)`` of planes (cyx)."""

    def read(given: Float) -> Float:
        shape = network.config
        logits = tiled_output(
            network, given, stride=shape.stride, reach=shape.reach, tile=config.tile, bf16=config.bf16, on_tile=on_tile
        )
        return np.asarray(softmax(logits, axis=0), dtype=np.float32)

    first = read(planes)
    if not config.flips:
        return first
    second = read(np.ascontiguousarray(planes[:, ::-1, ::-1]))[:, ::-1, ::-1]
    return np.asarray((first + second) / 2, dtype=np.float32)


def read_chances(chances: Float, ontology: Ontology) -> SemanticReading:
    """The likeliest class of every pixel; the first in the ontology where two are alike."""
    said = chances.argmax(0).astype(np.uint8)
    entropy = -(chances * np.log(np.maximum(chances, 1e-7))).sum(0, dtype=np.float64)
    sure = chances.max(0)
    certainty = {
        name: float(sure[said == place].mean()) for place, name in enumerate(ontology.names) if (said == place).any()
    }
    uncertainty = float(entropy.mean() / np.log(max(2, len(ontology))))
    return SemanticReading(SemanticMap(said, ontology), min(1.0, max(0.0, uncertainty)), certainty)
