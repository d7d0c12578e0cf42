"""Prediction on arrays: an image in, a label map and how sure it is out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument
from cellcommons.labels import Labels
from ml_worker.acquire import cell_certainty, image_uncertainty
from ml_worker.checkpoint import Checkpoint
from ml_worker.decoding.flows import DecodeConfig, decode_flows
from ml_worker.samples import channel_planes
from ml_worker.tiling import network_output

Float = NDArray[np.float32]


@dataclass(frozen=True)
class PredictConfig(Document):
    """Settings of a prediction; the ``config`` of a PredictionOrder holds those that differ.

    Attributes:
        tile: core of a tile in pixels. bf16: bfloat16 where the machine has it.
        flips: read the image a second time turned by 180 degrees: the outputs are averaged, and the disagreement of the
            two readings counts as uncertainty.
    """

    KIND = "cellcommons.predict-config/1"
    tile: int = 1024
    bf16: bool = True
    flips: bool = True

    @classmethod
    def from_order(cls, config: dict[str, Any]) -> PredictConfig:
        """From an order's ``config``. Raises InvalidDocument naming an unknown or bad field."""
        parsed = cls.parse(canonical_json({"kind": cls.KIND, **config}), where="config")
        if not 64 <= parsed.tile <= 8192:
            raise InvalidDocument("a tile is 64 to 8192 pixels", where="config:tile")
        return parsed


@dataclass(frozen=True)
class ImageReading:
    """A model's reading of one image.

    Attributes:
        labels: uint32, yx, ids 1..n.
        foreground: float32, yx, probability that a pixel belongs to a cell.
        uncertainty: 0..1. certainty: cell id -> 0..1.
    """

    labels: Labels = field(repr=False)
    foreground: Float = field(repr=False)
    uncertainty: float
    certainty: dict[int, float] = field(repr=False)


def decode_output(output: Float, config: DecodeConfig) -> Labels:
    """Cells of a network output ``(4, y, x)``, see ``networks.heads.HEADS``."""
    return decode_flows(np.asarray(expit(output[0]), dtype=np.float32), output[2:4], config)


def predict_image(
    checkpoint: Checkpoint,
    image: NDArray[np.generic],
    config: PredictConfig | None = None,
    *,
    where: str = "",
    on_tile: Callable[[], None] | None = None,
) -> ImageReading:
    """Read one image.

    Args:
        image: axes cyx, any number of channels, any size.
        on_tile: called after each tile; may raise to stop.

    Raises:
        InvalidDocument: not an image with axes cyx.
    """
    config = config or PredictConfig()
    planes = channel_planes(image, where=where)
    first = network_output(checkpoint.network, planes, tile=config.tile, bf16=config.bf16, on_tile=on_tile)
    readings = [decode_output(first, checkpoint.config.decode)]
    merged = first
    if config.flips:
        turned = np.ascontiguousarray(planes[:, ::-1, ::-1])
        second = network_output(checkpoint.network, turned, tile=config.tile, bf16=config.bf16, on_tile=on_tile)
        second = second[:, ::-1, ::-1].copy()
        second[2:4] *= -1
        readings.append(decode_output(second, checkpoint.config.decode))
        merged = np.asarray((first + second) / 2, dtype=np.float32)
    foreground = np.asarray(expit(merged[0]), dtype=np.float32)
    labels = decode_flows(foreground, merged[2:4], checkpoint.config.decode) if config.flips else readings[0]
    return ImageReading(
        labels, foreground, image_uncertainty(foreground, readings), cell_certainty(labels, foreground, readings)
    )
