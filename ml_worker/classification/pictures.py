"""What a classifier said of a test image, as a picture: a frame for each subject, right in green, wrong in amber."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from cellcommons.images.display import Colour
from cellcommons.images.previews import PREDICTION, TRUTH, preview_png
from ml_worker.classification.subjects import Subjects

SIZE = 640
_GROUND: Colour = (18, 21, 28)
_STRIP = 26
_TEXT = 13

Said = Mapping[str, tuple[Sequence[str], Sequence[str], float]]


def classes_png(subjects: Subjects, said: Said) -> bytes:
    """The image with its subjects; of those that are wrong, what they are and what was said.

    Args:
        said: subject -> (true classes, classes that were said, certainty 0..1).

    Returns:
        PNG, RGB, its longer side about 640 pixels, with a caption strip below.
    """
    picture = Image.open(io.BytesIO(preview_png(subjects.pixels, SIZE))).convert("RGB")
    canvas = Image.new("RGB", (max(picture.width, 320), picture.height + _STRIP), _GROUND)
    canvas.paste(picture, ((canvas.width - picture.width) // 2, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(_TEXT)
    left = (canvas.width - picture.width) // 2
    scale = picture.width / subjects.pixels.shape_yx[1]
    if not subjects.whole:
        for key, (truth, answer, _) in said.items():
            right = set(truth) == set(answer)
            y0, x0, y1, x1 = (edge * scale for edge in subjects.boxes[key])
            colour = TRUTH if right else PREDICTION
            draw.rectangle((left + x0, y0, left + x1 - 1, y1 - 1), outline=colour, width=1 if right else 2)
            if not right:
                _text(draw, (left + x0 + 2, y0 + 1), f"{_listed(truth)} > {_listed(answer)}", colour, font)
    caption, colour = _caption(subjects, said)
    draw.text((8, picture.height + 5), caption, fill=colour, font=font)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _caption(subjects: Subjects, said: Said) -> tuple[str, Colour]:
    wrong = sum(set(truth) != set(answer) for truth, answer, _ in said.values())
    if subjects.whole and len(said) == 1:
        truth, answer, certainty = next(iter(said.values()))
        text = f"{_listed(answer)} ({certainty:.0%})"
        return (text, TRUTH) if not wrong else (f"{_listed(truth)}, called {text}", PREDICTION)
    return f"{len(said) - wrong} of {len(said)} right", PREDICTION if wrong else TRUTH


def _listed(names: Sequence[str]) -> str:
    return " + ".join(name if len(name) <= 18 else f"{name[:17]}…" for name in names) or "none"


def _text(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    colour: Colour,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    draw.rectangle(draw.textbbox(place, text, font=font), fill=_GROUND)
    draw.text(place, text, fill=colour, font=font)
