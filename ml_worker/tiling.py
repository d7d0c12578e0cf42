"""Network output of images of any size, whole or in tiles that leave no trace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cellcommons.errors import InvalidDocument
from ml_worker.device import autocast, device
from ml_worker.networks.unet import SegmentationNetwork

Float = NDArray[np.float32]


def network_output(
    network: SegmentationNetwork,
    planes: Float,
    *,
    tile: int = 1024,
    bf16: bool = True,
    on_tile: Callable[[], None] | None = None,
) -> Float:
    """The segmenter's output of one image, see ``tiled_output``.

    Args:
        planes: float32 ``(3, y, x)``, any size.

    Returns:
        float32 ``(4, y, x)``: foreground logit, distance, flow y, flow x.
    """
    config = network.config
    return tiled_output(
        network, planes, stride=config.stride, reach=config.reach, tile=tile, bf16=bf16, on_tile=on_tile
    )


def tiled_output(
    network: nn.Module,
    planes: Float,
    *,
    stride: int,
    reach: int,
    tile: int = 1024,
    bf16: bool = True,
    on_tile: Callable[[], None] | None = None,
) -> Float:
    """Run a network that keeps the image's size over one image.

    A tile is read with a halo of ``reach`` pixels on every side and only its core is kept. No pixel outside the
    halo can reach the core, so cores meet exactly and need no blending: seams cannot arise. Where an image fits into
    one tile the halo costs nothing.

    Args:
        network: in evaluation mode, on ``device()``; ``(1, planes, y, x)`` to ``(1, outputs, y, x)``.
        planes: float32 ``(planes, y, x)``, any size.
        stride: y and x of what the network reads are multiples of it. reach: its receptive field's radius, in pixels,
            a multiple of ``stride``.
        tile: core of a tile in pixels, rounded up to the stride; larger is faster and takes more memory.
        bf16: bfloat16 where the machine has it; float32 otherwise.
        on_tile: called after each tile; may raise to stop.

    Returns:
        float32 ``(outputs, y, x)``.
    """
    height, width = planes.shape[1:]
    core = -(-max(tile, stride) // stride) * stride
    padded = np.pad(planes, ((0, 0), (0, -height % stride), (0, -width % stride)), mode="edge")
    rows, columns = padded.shape[1:]
    result: Float | None = None
    for y in range(0, rows, core):
        for x in range(0, columns, core):
            bottom, right = min(y + core, rows), min(x + core, columns)
            top, left = max(y - reach, 0), max(x - reach, 0)
            window = padded[:, top : min(bottom + reach, rows), left : min(right + reach, columns)]
            batch = torch.from_numpy(np.ascontiguousarray(window))[None].to(device())
            with torch.inference_mode(), autocast(bf16=bf16):
                output = network(batch.contiguous(memory_format=torch.channels_last))[0]
            kept = output[:, y - top : bottom - top, x - left : right - left].float().cpu().numpy()
            if result is None:
                result = np.empty((len(kept), rows, columns), dtype=np.float32)
            result[:, y:bottom, x:right] = kept
            if on_tile:
                on_tile()
    if result is None:
        raise InvalidDocument(f"an image of shape {planes.shape} holds no pixels")
    return result[:, :height, :width]
