"""A test image, its true classes and those predicted, side by side, with a legend."""

from __future__ import annotations

import colorsys
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cellcommons.images.data import ImageData
from cellcommons.images.display import Colour
from cellcommons.images.previews import preview_png
from cellcommons.semantic import SemanticMap

SIZE = 320
GAP = 6
_GROUND: Colour = (18, 21, 28)
_INK: Colour = (226, 230, 238)
_ROW = 22
# Okabe and Ito's palette for colour-blind readers, lightened for dark ground: as the workbench shows classes.
_COLOURS: tuple[Colour, ...] = (
    (86, 180, 233),
    (240, 168, 48),
    (53, 196, 154),
    (245, 230, 99),
    (111, 155, 240),
    (236, 122, 60),
    (221, 143, 191),
    (185, 194, 202),
)


def class_colour(place: int) -> Colour:
    """The colour of a class by its place in the ontology; after eight, hues a golden angle apart."""
    if place < len(_COLOURS):
        return _COLOURS[place]
    red, green, blue = colorsys.hls_to_rgb(place * 137.508 % 360 / 360, 0.68, 0.65)
    return round(255 * red), round(255 * green), round(255 * blue)


def semantic_png(image: ImageData, truth: SemanticMap, prediction: SemanticMap) -> bytes:
    """PNG of three panels: the image, the truth over it (nothing where unknown), the prediction over it."""
    plain = Image.open(io.BytesIO(preview_png(image, SIZE))).convert("RGB")
    panels = [plain, _tinted(plain, truth), _tinted(plain, prediction)]
    font = ImageFont.load_default(12)
    shown = [k for k in range(len(truth.ontology)) if (truth.data == k).any() or (prediction.data == k).any()]
    width = 3 * plain.width + 2 * GAP
    places, rows = _legend([truth.ontology.names[k] for k in shown], width, font)
    canvas = Image.new("RGB", (width, plain.height + _ROW * rows + 4), _GROUND)
    for number, panel in enumerate(panels):
        canvas.paste(panel, (number * (plain.width + GAP), 0))
    draw = ImageDraw.Draw(canvas)
    for k, (left, row) in zip(shown, places, strict=True):
        top = plain.height + 6 + row * _ROW
        draw.rectangle((left, top + 2, left + 10, top + 12), fill=class_colour(k))
        draw.text((left + 15, top), truth.ontology.names[k], fill=_INK, font=font)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _tinted(picture: Image.Image, classes: SemanticMap) -> Image.Image:
    rows = np.arange(picture.height) * classes.data.shape[0] // picture.height
    cols = np.arange(picture.width) * classes.data.shape[1] // picture.width
    shown = classes.data[rows[:, None], cols[None, :]]
    pixels = np.asarray(picture, dtype=np.float32)
    palette = np.array([class_colour(k) for k in range(256)], dtype=np.float32)
    tint = np.where((shown != classes.unknown)[..., None], 0.45 * pixels + 0.55 * palette[shown], 0.85 * pixels)
    return Image.fromarray(tint.astype(np.uint8))


def _legend(
    names: list[str], width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> tuple[list[tuple[int, int]], int]:
    """Left edge and row of each name, and how many rows there are."""
    left, row, places = 4, 0, []
    for name in names:
        need = 30 + int(font.getlength(name))
        if left + need > width and left > 4:
            left, row = 4, row + 1
        places.append((left, row))
        left += need
    return places, row + 1
