"""One image in, another out, in its own units, whatever its size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ml_worker.regression.blind_spot import grid_mask, hide
from ml_worker.regression.checkpoint import RegressionCheckpoint
from ml_worker.regression.network import RegressionNetwork
from ml_worker.tiling import tiled_output

Float = NDArray[np.float32]
# A quarter turn and a mirror: the eight ways to lay a square.
TURNS = tuple((quarters, mirror) for quarters in range(4) for mirror in (False, True))


@dataclass(frozen=True)
class RegressionPredictConfig:
    """Settings of a prediction.

    Attributes:
        tile: core of a tile in pixels. bf16: bfloat16 where the machine has it; coarser than fine denoising wants.
        turns: the image is read in this many of its eight positions (1 to 8), and the outputs are averaged.
        blind: predict each pixel from its surroundings alone, as a self-supervised network was trained: as many passes
            as the grid has phases. Ignored by supervised checkpoints.
    """

    tile: int = 1024
    bf16: bool = False
    turns: int = 1
    blind: bool = False


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
    """Run the network in its own units over ``planes`` (cyx), in the positions that ``config`` asks for."""
    chosen = TURNS[: max(1, min(8, config.turns))]
    total: Float | None = None
    for quarters, mirror in chosen:
        laid = np.rot90(planes, quarters, (1, 2))
        laid = np.ascontiguousarray(laid[:, :, ::-1] if mirror else laid)
        output = _read(network, laid, checkpoint, config, on_tile)
        output = np.rot90(output[:, :, ::-1] if mirror else output, -quarters, (1, 2))
        total = output.copy() if total is None else total + output
    assert total is not None
    return np.ascontiguousarray(total / len(chosen), dtype=np.float32)


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
