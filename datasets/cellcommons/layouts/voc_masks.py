"""The masks of Pascal VOC: PNG files whose values are numbers of classes or objects, shown in fixed colours."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cellcommons.errors import InvalidDocument, MismatchedShapes, UnreadableFile, WrongFormat
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.png import decode_png, png_header
from cellcommons.layouts.yolo_folder import read_text

VOID = 255
WIDE_VOID = 65535
BACKGROUND = "background"
# The classes of the challenge itself, which its folders do not name.
_CHALLENGE = (
    "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person "
    "pottedplant sheep sofa train tvmonitor"
)
CHALLENGE = tuple(_CHALLENGE.split())
_BACKGROUNDS = frozenset({BACKGROUND, "_background_"})
_IGNORED = frozenset({"__ignore__", "void", "ignore", "unlabeled_void"})
Numbers = NDArray[np.uint16]


def palette() -> NDArray[np.uint8]:
    """(256, 3): the colour of each number. The bits of a number go to red, green and blue in turn, highest first."""
    numbers = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for place in range(8):
        for channel in range(3):
            colours[:, channel] |= (((numbers >> (3 * place + channel)) & 1) << (7 - place)).astype(np.uint8)
    return colours


class Names:
    """Number -> class, and colour -> number where the masks are in colours.

    Attributes:
        names: by number; ``background`` first where there is one.
    """

    def __init__(self, names: list[str], colours: list[tuple[int, int, int]] | None = None) -> None:
        self.names = names
        known = palette()
        said = colours if colours is not None else [(int(r), int(g), int(b)) for r, g, b in known[: len(names)]]
        self.colours = {red << 16 | green << 8 | blue: number for number, (red, green, blue) in enumerate(said)}
        void = (int(known[VOID, 0]) << 16) | (int(known[VOID, 1]) << 8) | int(known[VOID, 2])
        self.colours.setdefault(void, VOID)


def read_names(root: Path) -> Names | None:
    """The classes that ``labelmap.txt`` (``name:r,g,b::``) or ``class_names.txt`` lists. Raises InvalidDocument."""
    listing = root / "labelmap.txt"
    if listing.is_file():
        names, colours = [], []
        for number, line in enumerate(read_text(listing).splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            # A name may hold colons; what follows the last three does not.
            match = re.fullmatch(r"(.*?):\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*:[^:]*:[^:]*", line)
            if match is None or any(int(value) > 255 for value in match.groups()[1:]):
                raise InvalidDocument("not a line of name:red,green,blue::", where=f"{listing}, line {number}")
            names.append(_common(match[1].strip()))
            colours.append((int(match[2]), int(match[3]), int(match[4])))
        return Names(names, colours)
    listing = root / "class_names.txt"
    if listing.is_file():
        lines = [line.strip() for line in read_text(listing).splitlines()]
        return Names([_common(line) for line in lines if line and line.lower() not in _IGNORED])
    return None


def _common(name: str) -> str:
    return BACKGROUND if name.lower() in _BACKGROUNDS else name


def read_numbers(path: Path, shape: tuple[int, int], names: Names | None) -> tuple[Numbers, int]:
    """The numbers of a mask, axes yx, and the one that means void.

    Args:
        names: how colours are numbered; None for a mask of objects, whose colours are numbered by the palette.

    Raises:
        WrongFormat: no PNG. UnreadableFile: damaged. MismatchedShapes: of another size than its image.
        InvalidDocument: a colour that is none of the classes'.
    """
    data = path.read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise WrongFormat("a mask of Pascal VOC is a PNG", where=str(path))
    header = png_header(data, where=str(path))
    if (header.height, header.width) != shape:
        raise MismatchedShapes(
            f"the mask is {header.width} x {header.height}, its image {shape[1]} x {shape[0]}",
            where=str(path),
            remedy="Export the mask at the size of its image.",
        )
    if header.colour_type == 3:
        return _indices(path, data, header.packed * 1032 < header.unpacked), VOID
    pixels = decode_png(data, DEFAULT_LIMITS, where=str(path))
    if pixels.ndim == 2 or pixels.shape[-1] <= 2:
        flat = pixels if pixels.ndim == 2 else pixels[..., 0]
        return np.asarray(flat, dtype=np.uint16), VOID if flat.dtype == np.uint8 else WIDE_VOID
    colours = pixels[..., :3].astype(np.uint32)
    codes = colours[..., 0] << 16 | colours[..., 1] << 8 | colours[..., 2]
    found, places = np.unique(codes, return_inverse=True)
    known = names.colours if names else Names([""] * 256).colours
    numbers = []
    for code in found.tolist():
        if code not in known:
            colour = f"{code >> 16},{code >> 8 & 255},{code & 255}"
            raise InvalidDocument(f"no class has the colour {colour}", where=str(path), remedy="Add a labelmap.txt.")
        numbers.append(known[code])
    return np.array(numbers, dtype=np.uint16)[places].reshape(shape), VOID


def _indices(path: Path, data: bytes, false: bool) -> Numbers:
    """The values of a PNG with a palette, not its colours; our own decoder gives colours."""
    try:
        if false:
            raise ValueError("it holds too little data for its pixels")
        DEFAULT_LIMITS.check_file(len(data), where=str(path))
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.mode != "P":
                raise ValueError(f"it is {picture.mode} and not a palette")
            return np.asarray(picture).astype(np.uint16)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableFile(f"the PNG is damaged ({error})", where=str(path), remedy="Export it again.") from error


def write_numbers(path: Path, numbers: Numbers, void: NDArray[np.bool_]) -> None:
    """Write a mask: 8 bits with the palette while numbers stay below 255, else 16 bits gray with 65535 for void."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if int(numbers[~void].max(initial=0)) < VOID:
        picture = Image.fromarray(np.where(void, VOID, numbers).astype(np.uint8))
        picture.putpalette(palette().tobytes())
    else:
        picture = Image.fromarray(np.where(void, WIDE_VOID, numbers).astype(np.uint16))
    picture.save(path, "PNG", compress_level=1)


def write_names(root: Path, names: list[str]) -> None:
    """Write ``labelmap.txt`` for the classes, numbered from 0."""
    lines = ["# label:color_rgb:parts:actions"]
    lines += [f"{name}:{r},{g},{b}::" for name, (r, g, b) in zip(names, palette()[: len(names)].tolist(), strict=True)]
    (root / "labelmap.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
