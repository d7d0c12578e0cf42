"""Source, target and prediction side by side, as people compare them."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cellcommons.images.data import ImageData
from cellcommons.images.display import Colour, Window, channel_colours, channel_window

PANEL, GAP = 360, 6
GUTTER: Colour = (18, 21, 28)
Picture = NDArray[np.uint8]


def triptych_png(source: ImageData, target: ImageData, prediction: ImageData) -> bytes:
    """Three panels: the source (middle z), the real target, the prediction.

    The prediction is shown in the target's contrast windows, so that what looks fainter is fainter.
    """
    windows = [channel_window(target, channel) for channel in range(target.size("c"))]
    own = [channel_window(source, channel) for channel in range(source.size("c"))]
    panels = [_panel(source, own), _panel(target, windows), _panel(prediction, windows)]
    gutter = np.empty((panels[0].shape[0], GAP, 3), dtype=np.uint8)
    gutter[:] = GUTTER
    whole = np.concatenate([panels[0], gutter, panels[1], gutter, panels[2]], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(whole).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _panel(image: ImageData, windows: list[Window]) -> Picture:
    """uint8, axes y, x, RGB."""
    rows, columns = image.shape_yx
    scale = min(PANEL / max(rows, columns), 4.0)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    sampling = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    total = np.zeros((size[1], size[0], 3), dtype=np.float32)
    for channel, (colour, window) in enumerate(zip(channel_colours(image), windows, strict=True)):
        shown = window.apply(image.plane(channel, z=image.size("z") // 2))
        resized = np.asarray(Image.fromarray(shown).resize(size, sampling))
        total += resized[..., None] * np.asarray(colour, dtype=np.float32)
    return np.asarray(np.clip(total + 0.5, 0, 255), dtype=np.uint8)
