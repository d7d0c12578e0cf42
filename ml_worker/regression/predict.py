"""One image in, another out, in its own units, whatever its size; and how far off it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument
from ml_worker.regression.adapt import MAX_ADAPT_STEPS, MIN_SIDE, adapted_network
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
        adapt_steps: a copy of a denoising network learns for so many steps from each noisy image before it reads it,
            see ``regression.adapt``; 0: not at all; None: as the checkpoint says. adapt_seed: of where it looks.
        adapt_seconds: learning from one image ends then, finished or not.
    """

    KIND = "cellcommons.regression-predict-config/1"
    tile: int = 1024
    bf16: bool = False
    turns: int = 1
    blind: bool = False
    adapt_steps: int | None = None
    adapt_seed: int = 0
    adapt_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not 32 <= self.tile <= 8192 or not 1 <= self.turns <= len(TURNS):
            raise InvalidDocument("a tile is 32 to 8192 pixels, turns are 1 to 8", where="config")
        if (
            not 0 <= (self.adapt_steps or 0) <= MAX_ADAPT_STEPS
            or not 0 < self.adapt_seconds <= 3600
            or self.adapt_seed < 0
        ):
            raise InvalidDocument(
                f"adapt_steps lie in 0..{MAX_ADAPT_STEPS}, adapt_seconds above 0 and up to 3600, a seed is at least 0",
                where="config",
            )

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
        unadapted: the channels as the network says them that saw no pixel of this image; None: so are ``channels``.
        uncertainty: 0..1: the expected error over the whole image in standard deviations of the training targets,
            mean over channels, at most 1, which is what the targets' mean would reach.
    """

    channels: Float = field(repr=False)
    error: Float = field(repr=False)
    uncertainty: float
    unadapted: Float | None = field(repr=False, default=None)


def read_channels(
    checkpoint: RegressionCheckpoint,
    image: NDArray[np.generic],
    config: RegressionPredictConfig | None = None,
    *,
    where: str = "",
    on_tile: Callable[[], None] | None = None,
) -> ChannelReading:
    """Predict one image, and how far off that may be, see ``regression.error_model``.

    Args and errors as of ``predict_channels``; ``on_tile`` is called between steps of adaptation, too.
    """
    config = config or RegressionPredictConfig(turns=4)
    planes = checkpoint.config.source.forward(image, where=where)
    said, spread = regress_spread(checkpoint.network, planes, checkpoint, config, on_tile)
    unadapted: Float | None = None
    if steps := _adapt_steps(checkpoint, config, planes):
        unadapted = checkpoint.config.target.backward(said)
        every = replace(config, turns=len(TURNS))
        before = said if config == every else regress(checkpoint.network, planes, checkpoint, every, on_tile)
        network = adapted_network(
            checkpoint.network,
            planes,
            before,
            steps=steps,
            seed=config.adapt_seed,
            seconds=config.adapt_seconds,
            on_step=on_tile,
        )
        said, spread = regress_spread(network, planes, checkpoint, config, on_tile)
    model = checkpoint.config.error_model or plain_error_model(len(said))
    expected = model.expected(said, spread)
    gain = np.asarray(checkpoint.config.target.gain, dtype=np.float32)[:, None, None]
    whole = float(np.mean(np.sqrt((expected**2).mean((1, 2), dtype=np.float64))))
    return ChannelReading(checkpoint.config.target.backward(said), expected * gain, min(1.0, whole), unadapted)


def _adapt_steps(checkpoint: RegressionCheckpoint, config: RegressionPredictConfig, planes: Float) -> int:
    """Steps on this image; 0 where it is too small to learn from."""
    steps = checkpoint.config.adapt_steps if config.adapt_steps is None else config.adapt_steps
    if steps and not checkpoint.config.same_light:
        raise InvalidDocument(
            "only a model of clean and noisy pairs of one light adapts to the images that it predicts",
            where="config:adapt_steps",
            remedy="Leave out adapt_steps.",
        )
    return steps if min(planes.shape[1:]) >= MIN_SIDE else 0


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
    return read_channels(checkpoint, image, config or RegressionPredictConfig(), where=where, on_tile=on_tile).channels


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
