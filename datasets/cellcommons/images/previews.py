"""Small PNG pictures of images, alone or with outlines of cells, for pages and reports."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cellcommons.errors import MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.images.display import GRAY, Colour, channel_colours, channel_window
from cellcommons.images.pyramid import halve_mean
from cellcommons.labels import Labels, outlines

Picture = NDArray[np.uint8]

TRUTH: Colour = (94, 234, 190)
PREDICTION: Colour = (255, 176, 84)
AROUND: Colour = (120, 132, 145)
_GUTTER: Colour = (18, 21, 28)
_OUTSIDE: Colour = (30, 36, 44)
_GAP = 6


class Outlined(NamedTuple):
    """Labels (uint32, yx), the colour of their outlines, and how many pixels wide these are."""

    labels: Labels
    colour: Colour
    wide: int = 1
    dashed: bool = False


def preview_png(image: ImageData, size: int = 256) -> bytes:
    """The image at most ``size`` pixels long, as an 8-bit RGB PNG.

    Each channel is stretched between percentiles and added in its colour; a stack shows its middle z and first t.
    """
    return _png(_composite(image, size))


def thumbnail_png(image: ImageData, size: int = 256) -> bytes:
    """As ``preview_png``, never enlarged, and gray where the image has one channel: a third of the bytes and less time.

    A browser enlarges as well as we do, and of ten thousand small images each spares what one would have taken to pack.
    """
    picture = _composite(image, size, enlarge=1.0)
    if channel_colours(image) == (GRAY,):
        picture = np.ascontiguousarray(picture[..., 0])
    return bytes(imagecodecs.png_encode(picture, level=3))


def overlay_png(image: ImageData, outlined: Sequence[tuple[Labels, Colour]], size: int = 512) -> bytes:
    """The image, dimmed a little, with the outlines of each label map (uint32, yx) in its colour.

    Raises:
        MismatchedShapes: a label map differs in shape from the image.
    """
    return _png(_overlay(image, outlined, size))


def side_by_side_png(image: ImageData, truth: Labels, prediction: Labels, size: int = 320) -> bytes:
    """Three panels: the image, the truth outlined in green, the prediction outlined in amber.

    Raises:
        MismatchedShapes: a label map differs in shape from the image.
    """
    panels = [
        _composite(image, size),
        _overlay(image, [(truth, TRUTH)], size),
        _overlay(image, [(prediction, PREDICTION)], size),
    ]
    gap = np.full((panels[0].shape[0], _GAP, 3), _GUTTER, dtype=np.uint8)
    return _png(np.concatenate([panels[0], gap, panels[1], gap, panels[2]], axis=1))


def square_panels_png(
    image: ImageData, panels: Sequence[Sequence[Outlined]], *, place: tuple[int, int], side: int, size: int
) -> bytes:
    """Panels of ``size`` x ``size`` beside each other: the same pixels in the same contrast, outlined differently.

    Args:
        place: row and column of the image's first pixel in a square of ``side`` image pixels. What of the square lies
            outside the image is hatched, so that a cell at the edge is in the middle of its picture like any other.

    Raises:
        MismatchedShapes: a label map differs in shape from the image.
    """
    scale = size / side
    height, width = (max(1, round(n * scale)) for n in image.shape_yx)
    top, left = (min(max(0, round(at * scale)), size - n) for at, n in zip(place, (height, width), strict=True))
    rows, cols = np.arange(size)[:, None], np.arange(size)[None, :]
    hatched = np.where(((rows + cols) // 7 % 2 == 0)[..., None], _GUTTER, _OUTSIDE).astype(np.uint8)
    pixels = (_composite_at(image, height, width) * np.float32(0.9)).astype(np.uint8)
    shown = []
    for outlined in panels:
        picture = pixels.copy()
        for one in outlined:
            _outline(picture, image, one)
        panel = hatched.copy()
        panel[top : top + height, left : left + width] = picture
        shown += [np.full((size, _GAP, 3), _GUTTER, dtype=np.uint8), panel]
    return _png(np.concatenate(shown[1:], axis=1))


def _fitted(shape: tuple[int, int], size: int, enlarge: float) -> tuple[int, int]:
    """Rows and columns that fit ``size``, keeping the aspect; small images are enlarged at most ``enlarge`` times."""
    factor = min(size / max(shape), enlarge)
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def _composite(image: ImageData, size: int, enlarge: float = 4.0) -> Picture:
    """uint8, axes y, x, RGB."""
    return _composite_at(image, *_fitted(image.shape_yx, size, enlarge))


def _composite_at(image: ImageData, height: int, width: int) -> Picture:
    """uint8, axes y, x, RGB, of this many rows and columns."""
    total = np.zeros((height, width, 3), dtype=np.float32)
    for channel, colour in enumerate(channel_colours(image)):
        plane = image.plane(c=channel, z=image.size("z") // 2)
        # Averaging by halves first keeps a large plane cheap, and fine structure from turning into moire.
        while min(plane.shape) >= 4 * max(height, width):
            plane = halve_mean(plane)
        shown = channel_window(image, channel).apply(plane)
        if shown.shape != (height, width):
            shown = np.asarray(Image.fromarray(shown).resize((width, height), _filter(height, shown.shape[0])))
        total += shown[..., None] * np.asarray(colour, dtype=np.float32)
    return np.asarray(np.clip(total + 0.5, 0, 255), dtype=np.uint8)


def _filter(target: int, source: int) -> Image.Resampling:
    return Image.Resampling.BOX if target < source else Image.Resampling.BILINEAR


def _overlay(image: ImageData, outlined: Sequence[tuple[Labels, Colour]], size: int) -> Picture:
    picture = (_composite(image, size) * np.float32(0.85)).astype(np.uint8)
    for labels, colour in outlined:
        _outline(picture, image, Outlined(labels, colour))
    return picture


def _outline(picture: Picture, image: ImageData, outlined: Outlined) -> None:
    labels = outlined.labels
    if labels.shape != image.shape_yx:
        raise MismatchedShapes(
            f"labels are {labels.shape[1]} x {labels.shape[0]}, the image is {image.shape_yx[1]} x {image.shape_yx[0]}"
        )
    # Outlines are drawn at the picture's own resolution, so that they stay as wide whatever the scale.
    height, width = picture.shape[:2]
    rows = (np.arange(height) * labels.shape[0] // height)[:, None]
    cols = (np.arange(width) * labels.shape[1] // width)[None, :]
    edge = outlines(labels[rows, cols])
    for _ in range(outlined.wide - 1):
        edge[1:] |= edge[:-1]
        edge[:, 1:] |= edge[:, :-1]
    if outlined.dashed:
        edge &= (np.arange(height)[:, None] // 6 + np.arange(width)[None, :] // 6) % 2 == 0
    picture[edge] = outlined.colour


def _png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
