"""The pictures below a folder: found by what an annotation file calls them, and written so that nothing is lost."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData, Wavelengths
from cellcommons.images.writers import PNG_TYPES, write_png, write_tiff
from cellcommons.layouts.contract import Record
from cellcommons.layouts.tables import is_split, parse_split
from cellcommons.layouts.used import default_channels, mode_of

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
MAX_FILES = 2_000_000
_WORDS = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Pictures:
    """Image files below one folder, in order of their paths.

    Attributes:
        root: the folder. paths: the files, all below it; links that lead out of it are not among them.
    """

    root: Path
    paths: tuple[Path, ...]
    _by_name: dict[str, list[Path]] = field(default_factory=dict, repr=False, compare=False)

    def find(self, said: str, *, near: Iterable[str] = ()) -> Path | None:
        """The file that an annotation calls ``said``: a name, a path of another machine, or an address.

        Only files of ``root`` are ever given: ``said`` is compared with their names and never opened. Of several of one
        name, the one whose folders agree longest with ``said`` from the end, then one with a folder in ``near``; None
        where none or several are left.
        """
        parts = [part for part in re.split(r"[/\\=]", said.split("?")[0] if "?d=" not in said else said) if part]
        if not parts:
            return None
        found = self._by_name.get(parts[-1], [])
        if len(found) > 1:
            agreeing = [_agreeing(path.relative_to(self.root).parts, parts) for path in found]
            found = [path for path, count in zip(found, agreeing, strict=True) if count == max(agreeing)]
        if len(found) > 1:
            words = set(near)
            found = [path for path in found if words & set(path.relative_to(self.root).parts[:-1])]
        return found[0] if len(found) == 1 else None

    def names(self) -> dict[Path, str]:
        """What to call each: its file's name without the ending where that is unique, else its path below ``root``."""
        stems: dict[str, int] = {}
        for path in self.paths:
            stems[path.stem.casefold()] = stems.get(path.stem.casefold(), 0) + 1
        names, taken = {}, set()
        for path in self.paths:
            name = path.stem
            if stems[name.casefold()] > 1:
                name = path.relative_to(self.root).with_suffix("").as_posix()
                if name.casefold() in taken:
                    name = path.relative_to(self.root).as_posix()
            taken.add(name.casefold())
            names[path] = name
        return names


def pictures_below(root: Path) -> Pictures:
    """Image files below ``root``: nothing hidden, no link that leads out. Raises InvalidDocument above 2 million."""
    home = root.resolve()
    found: list[Path] = []
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(files):
            if name.startswith(".") or PurePosixPath(name).suffix.lower() not in EXTENSIONS:
                continue
            path = Path(folder, name)
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                continue
            found.append(path)
            if len(found) > MAX_FILES:
                raise InvalidDocument(f"more than {MAX_FILES:,} images", where=str(root), remedy="Split the folder.")
    found.sort()
    pictures = Pictures(root, tuple(found))
    for path in found:
        pictures._by_name.setdefault(path.name, []).append(path)
    return pictures


def split_said(*texts: str) -> str:
    """``train``, ``validation``, ``test`` or empty: what the first text with such a word says (``val2017``)."""
    for text in texts:
        for word in _WORDS.findall(text.lower()):
            if is_split(word):
                return parse_split(word)
    return ""


def write_picture(folder: Path, record: Record) -> Path:
    """Write a record's image into ``folder``: as PNG where that holds all it says, else as OME-TIFF; the file."""
    image = record.image
    folder.mkdir(parents=True, exist_ok=True)
    plain = _png_holds(image)
    path = folder / f"{record.entry.name}{'.png' if plain else '.tif'}"
    (write_png if plain else write_tiff)(path, image)
    return path


def check_stated_size(stated: tuple[int, int], real: tuple[int, int], *, where: str) -> None:
    """Raises MismatchedShapes where annotations state other rows and columns than their image has."""
    if stated != real:
        raise MismatchedShapes(
            f"the annotation is for {stated[1]} x {stated[0]} pixels, its image has {real[1]} x {real[0]}",
            where=where,
            remedy="Annotate the image at its own size.",
        )


def _png_holds(image: ImageData) -> bool:
    """Whether a PNG gives back everything: it has no place for sizes, names of channels and wavelengths."""
    return (
        image.axes == "cyx"
        and image.data.dtype.name in PNG_TYPES
        and mode_of(image) in ("gray", "rgb")
        and image.channels == default_channels(image)
        and image.pixel_size.y is None
        and image.pixel_size.x is None
        and all(light == Wavelengths() for light in image.wavelengths)
    )


def _agreeing(path: tuple[str, ...], said: list[str]) -> int:
    """How many parts agree, from the end."""
    count = 0
    for one, two in zip(reversed(path), reversed(said), strict=False):
        if one != two:
            break
        count += 1
    return count
