"""What bare arrays have no place for, as JSON beside them: names of channels, sizes, wavelengths, interval, place."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData, PlatePosition, Wavelengths

MAX_TEXT = 1 << 20


def facts_text(image: ImageData) -> str:
    """All that ``image`` says beside its pixels and axes, but for ``metadata``; ``with_facts`` reads it back."""
    size, place = image.pixel_size, image.position
    said = {
        "channels": list(image.channels),
        "pixel_size": [size.y, size.x, size.z],
        "rgb": image.rgb,
        "wavelengths": [[light.excitation, light.emission] for light in image.wavelengths],
        "seconds_per_frame": image.seconds_per_frame,
        "position": None if place is None else asdict(place),
    }
    return json.dumps(said, ensure_ascii=False)


def with_facts(image: ImageData, text: object, *, where: str) -> ImageData:
    """``image`` with what ``facts_text`` noted; as it is where ``text`` is no text.

    Raises:
        InvalidDocument: the text is damaged, or says what cannot be of this image.
    """
    if not isinstance(text, str) or not text:
        return image
    if len(text) > MAX_TEXT:
        raise InvalidDocument(f"what is said of the image has {len(text):,} letters", where=where)
    try:
        said = json.loads(text)
        place = said["position"]
        return replace(
            image,
            channels=tuple(str(name) for name in said["channels"]),
            pixel_size=PixelSize(*(_number(size) for size in said["pixel_size"])),
            rgb=said["rgb"] is True,
            wavelengths=tuple(Wavelengths(_number(one), _number(two)) for one, two in said["wavelengths"]),
            seconds_per_frame=_number(said["seconds_per_frame"]),
            position=None if place is None else _position(place),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InvalidDocument(f"what is said of the image is damaged ({str(error)[:100]})", where=where) from error
    except InvalidDocument as error:
        raise InvalidDocument(error.what, where=where) from error


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r:.40} is no number")
    return float(value)


def _position(said: dict[str, Any]) -> PlatePosition:
    field = said["field"]
    return PlatePosition(
        str(said["row"]), int(said["column"]), None if field is None else int(field), str(said["plate"])
    )
