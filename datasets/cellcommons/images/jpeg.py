"""Read JPEG: 8 bit, gray or colour. Lossy, and the image's metadata says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cellcommons.errors import TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.colour import from_samples
from cellcommons.images.held import held_file
from cellcommons.images.lazy import ImageFile
from cellcommons.images.limits import Limits

_ORIENTATION = 0x0112


def open_jpeg(path: Path, name: str, limits: Limits) -> ImageFile:
    """Open a JPEG, which decodes as a whole.

    Raises:
        UnreadableFile: truncated or damaged.
        WrongFormat: CMYK or another colour space that names no channels.
        TooLarge: declared above a limit.
    """
    metadata: dict[str, Any] = {"format": "JPEG", "lossy": "JPEG compression altered the intensities"}
    try:
        with Image.open(path, formats=["JPEG"]) as picture:
            limits.check_declared("YXS", (picture.height, picture.width, len(picture.getbands())), 1, where=name)
            if picture.mode not in ("L", "RGB"):
                raise WrongFormat(
                    f"a JPEG in {picture.mode} names no channels", where=name, remedy="Export it as gray or RGB."
                )
            if picture.getexif().get(_ORIENTATION, 1) != 1:
                metadata["orientation"] = "the EXIF rotation was not applied"
            pixels = np.asarray(picture)
    except Image.DecompressionBombError as error:
        raise TooLarge(str(error), where=name, remedy="Crop or tile the image.") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise UnreadableFile(
            f"the JPEG is truncated or damaged ({error})", where=name, remedy="Copy, export or upload it again."
        ) from error
    return held_file("JPEG", from_samples(pixels, metadata), path)
