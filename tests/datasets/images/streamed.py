"""Images for tests of streaming: lazy ones with known pixels, and a way to convert them in a process of their own."""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.images.data import ImageData, PlatePosition, Wavelengths
from cellcommons.images.lazy import LazyImage, Region, declared
from cellcommons.images.streaming import stream_to_folder


def picture(axes: str, shape: tuple[int, ...], dtype: str = "uint16", seed: int = 0) -> ImageData:
    """Noise with all that an image can state."""
    data = np.random.default_rng(seed).normal(100, 30, shape).clip(0, 250).astype(dtype)
    count = shape[axes.index("c")]
    return ImageData(
        data,
        axes,
        tuple(f"stain {i}" for i in range(count)),
        PixelSize(0.5, 0.4, 2.0),
        metadata={"format": "test"},
        wavelengths=tuple(Wavelengths(400 + i, 500 + i) for i in range(count)),
        seconds_per_frame=2.5,
        position=PlatePosition("B", 3, 2, "plate"),
    )


def lazily(image: ImageData, chunk: tuple[int, ...] | None = None) -> LazyImage:
    """``image`` behind the face of a file; ``chunk``: a plane unless it is given."""
    facts = replace(image, data=declared(image.data.shape, image.data.dtype))
    plane = tuple(n if a in "yx" else 1 for a, n in zip(image.axes, image.data.shape, strict=True))
    return LazyImage("", facts, lambda region: image.data[region].copy(), chunk or plane)


def drawn(axes: str, shape: tuple[int, ...], *, seconds: float = 0.0) -> LazyImage:
    """An image whose pixels are computed from their places, so that it may be of any size; each block takes a while."""

    def fetch(region: Region) -> np.ndarray:
        time.sleep(seconds)
        value = np.zeros(tuple(r.stop - r.start for r in region), dtype=np.uint16)
        for axis, part in enumerate(region):
            place = np.arange(part.start, part.stop, dtype=np.int64) * (7 + 5 * axis) % 251
            value += place.astype(np.uint16).reshape((-1,) + (1,) * (len(shape) - axis - 1))
        return value

    names = tuple(f"channel {i}" for i in range(shape[axes.index("c")]))
    facts = ImageData(declared(shape, "uint16"), axes, names)
    return LazyImage("", facts, fetch, (1,) * (len(shape) - 2) + shape[-2:])


def files_of(folder: Path) -> dict[str, str]:
    """Path -> sha256 of every file below ``folder``."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


if __name__ == "__main__":
    what, target = sys.argv[1], Path(sys.argv[2])
    if what == "slow":
        stream_to_folder(drawn("tcyx", (24, 1, 300, 300), seconds=0.05), target, part_bytes=2 * 300 * 300 * 2)
    if what == "slide":
        tiled = replace(drawn("cyx", (1, 30_000, 24_000)), chunk=(1, 512, 512))
        stream_to_folder(tiled, target)
        peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        sys.stdout.write(peak.split()[1])
