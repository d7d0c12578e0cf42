"""Network output of images of any size, whole or in tiles that leave no trace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ml_worker.device import autocast, device
from ml_worker.networks.heads import HEADS
from ml_worker.networks.unet import SegmentationNetwork

Float = NDArray[np.float32]
OUTPUTS = sum(HEADS.values())


def network_output(
    network: SegmentationNetwork,
    planes: Float,
    *,
    tile: int = 1024,
    bf16: bool = True,
    on_tile: Callable[[], None] | None = None,
) -> Float:
    """Run the network over one image.

    A tile is read with a halo of ``config.reach`` pixels on every side and only its core is kept. No pixel outside the
    halo can reach the core, so cores meet exactly and need no blending: seams cannot arise. Where an image fits into
    one tile the halo costs nothing.

    Args:
        network: in evaluation mode, on ``device()``.
        planes: float32 ``(3, y, x)``, any size.
        tile: core of a tile in pixels, rounded up to the network's stride; larger is faster and takes more memory.
        bf16: bfloat16 where the machine has it; float32 otherwise.
        on_tile: called after each tile; may raise to stop.

    Returns:
        float32 ``(4, y, x)``: foreground logit, distance, flow y, flow x.
    """
    height, width = planes.shape[1:]
    stride, reach = network.config.stride, network.config.reach
    core = -(-max(tile, stride) // stride) * stride
    padded = np.pad(planes, ((0, 0), (0, -height % stride), (0, -width % stride)), mode="edge")
    rows, columns = padded.shape[1:]
    result = np.empty((OUTPUTS, rows, columns), dtype=np.float32)
    for y in range(0, rows, core):
        for x in range(0, columns, core):
            bottom, right = min(y + core, rows), min(x + core, columns)
            top, left = max(y - reach, 0), max(x - reach, 0)
            window = padded[:, top : min(bottom + reach, rows), left : min(right + reach, columns)]
            batch = torch.from_numpy(np.ascontiguousarray(window))[None].to(device())
            with torch.inference_mode(), autocast(bf16=bf16):
                output = network(batch.contiguous(memory_format=torch.channels_last))[0]
            kept = output[:, y - top : bottom - top, x - left : right - left]
            result[:, y:bottom, x:right] = kept.float().cpu().numpy()
            if on_tile:
                on_tile()
    return result[:, :height, :width]
