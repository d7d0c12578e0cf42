"""One image in, another out, in its own units, whatever its size; and how far off it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument
from ml_worker.regression.blind_spot import grid_mask, hide
from ml_worker.regression.checkpoint import RegressionCheckpoint
from ml_worker.regression.error_model import plain_error_model
from ml_worker.regression.network import RegressionNetwork
from ml_worker.tiling import tiled_output

Float = NDArray[np.float32]
# A quarter turn and a mirror: the eight ways to lay a square.
TURNS = tuple((quarters, mirror) for quarters in range(4) for mirror in (False, True))


@dataclass(frozen=True)
class RegressionPredictConfig(Document):
    """Settings of a prediction; the ``config`` of a PredictionOrder holds those that differ.

    Attributes:
        tile: core of a tile in pixels. bf16: bfloat16 where the machine has it; coarser than fine denoising wants.
        turns: the image is read in this many of its eight positions (1 to 8), and the outputs are averaged.
        blind: predict each pixel from its surroundings alone, as a self-supervised network was trained: as many passes
            as the grid has phases. Ignored by supervised checkpoints.
    """

    KIND = "cellcommons.regression-predict-config/1"
    tile: int = 1024
    bf16: bool = False
    turns: int = 1
    blind: bool = False

    def __post_init__(self) -> None:
        if not 32 <= self.tile <= 8192 or not 1 <= self.turns <= len(TURNS):
            raise InvalidDocument("a tile is 32 to 8192 pixels, turns are 1 to 8", where="config")

    @classmethod
    def from_order(cls, config: dict[str, Any]) -> RegressionPredictConfig:
        """From an order's ``config``: four positions unless it says otherwise, for their spread is told.

        Raises:
            InvalidDocument: naming an unknown or bad field.
        """
        return cls.parse(canonical_json({"kind": cls.KIND, "turns": 4, **config}), where="config")


@dataclass(frozen=True)
class ChannelReading:
    """A model's reading of one image; all float32, axes cyx.

    Attributes:
        channels: in the target's units. error: expected error (root mean square) at each pixel, in the same units.
        uncertainty: 0..1: the expected error over the whole image in standard deviations of the training targets,
            mean over channels, at most 1, which is what the targets' mean would reach.
    """

    channels: Float = field(repr=False)
    error: Float = field(repr=False)
    uncertainty: float


def read_channels(
    checkpoint: RegressionCheckpoint,
    image: NDArray[np.generic],
    config: RegressionPredictConfig | None = None,
    *,
    where: str = "",
    on_tile: Callable[[], None] | None = None,
) -> ChannelReading:
    """``predict_channels`` with how far off the prediction may be, see ``regression.error_model``."""
    config = config or RegressionPredictConfig(turns=4)
    planes = checkpoint.config.source.forward(image, where=where)
    said, spread = regress_spread(checkpoint.network, planes, checkpoint, config, on_tile)
    model = checkpoint.config.error_model or plain_error_model(len(said))
    expected = model.expected(said, spread)
    gain = np.asarray(checkpoint.config.target.gain, dtype=np.float32)[:, None, None]
    whole = float(np.mean(np.sqrt((expected**2).mean((1, 2), dtype=np.float64))))
    return ChannelReading(checkpoint.config.target.backward(said), expected * gain, min(1.0, whole))


def predict_channels(
    checkpoint: RegressionCheckpoint,
    image: NDArray[np.generic],
    config: RegressionPredictConfig | None = None,
    *,
    where: str = "",
    on_tile: Callable[[], None] | None = None,
) -> Float:
    """Predict the output channels of one image.

    Args:
        image: axes cyx; z planes as channels, in the order of training.
        on_tile: called after each tile; may raise to stop.

    Returns:
        float32, axes cyx, in the target's units; c as ``checkpoint.config.channels``.

    Raises:
        MismatchedShapes: another number of channels than the checkpoint reads.
        InvalidDocument: NaN or infinity.
    """
    config = config or RegressionPredictConfig()
    planes = checkpoint.config.source.forward(image, where=where)
    return checkpoint.config.target.backward(regress(checkpoint.network, planes, checkpoint, config, on_tile))


def regress(
    network: RegressionNetwork,
    planes: Float,
    checkpoint: RegressionCheckpoint | None,
    config: RegressionPredictConfig,
    on_tile: Callable[[], None] | None = None,
) -> Float:
    """Run the network in its own units over ``planes`` (cyx): mean over the positions that ``config`` asks for."""
    return regress_spread(network, planes, checkpoint, config, on_tile)[0]


def regress_spread(
    network: RegressionNetwork,
    planes: Float,
    checkpoint: RegressionCheckpoint | None,
    config: RegressionPredictConfig,
    on_tile: Callable[[], None] | None = None,
) -> tuple[Float, Float]:
    """``regress``, and the standard deviation over the positions (0 where there is one), both cyx."""
    chosen = TURNS[: config.turns]
    total: Float | None = None
    squares: Float | None = None
    for quarters, mirror in chosen:
        laid = np.rot90(planes, quarters, (1, 2))
        laid = np.ascontiguousarray(laid[:, :, ::-1] if mirror else laid)
        output = _read(network, laid, checkpoint, config, on_tile)
        output = np.rot90(output[:, :, ::-1] if mirror else output, -quarters, (1, 2))
        total = output.copy() if total is None else total + output
        squares = output**2 if squares is None else squares + output**2
    assert total is not None
    assert squares is not None
    mean = np.ascontiguousarray(total / len(chosen), dtype=np.float32)
    return mean, np.sqrt(np.maximum(squares / len(chosen) - mean**2, 0), dtype=np.float32)


def _read(
    network: RegressionNetwork,
    planes: Float,
    checkpoint: RegressionCheckpoint | None,
    config: RegressionPredictConfig,
    on_tile: Callable[[], None] | None,
) -> Float:
    shape = network.config

    def whole(given: Float) -> Float:
        return tiled_output(
            network, given, stride=shape.stride, reach=shape.reach, tile=config.tile, bf16=config.bf16, on_tile=on_tile
        )

    blind = checkpoint.config.blind_spot if checkpoint is not None and config.blind else None
    if blind is None:
        return whole(planes)
    given = torch.from_numpy(planes)[None]
    height, width = planes.shape[1:]
    result = np.empty((shape.outputs, height, width), dtype=np.float32)
    # Fills that draw are drawn from a fixed seed, so that a prediction repeats.
    random = np.random.default_rng(0)
    for y in range(blind.spacing):
        for x in range(blind.spacing):
            mask = grid_mask((height, width), blind.spacing, (y, x))
            output = whole(hide(given, mask, blind, random)[0].numpy())
            result[:, y :: blind.spacing, x :: blind.spacing] = output[:, y :: blind.spacing, x :: blind.spacing]
    return result
