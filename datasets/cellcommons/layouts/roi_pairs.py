"""Images and the files of outlines that lie beside them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cellcommons.errors import InvalidDocument

_MICROSCOPES = (".svs", ".ndpi", ".scn", ".qptiff", ".czi", ".nd2", ".lif", ".lsm", ".stk", ".vsi", ".mrxs", ".bmp")
EXTENSIONS = frozenset({".tif", ".tiff", ".btf", ".tf8", ".png", ".jpg", ".jpeg", *_MICROSCOPES})
MAX_FILES = 200_000


@dataclass(frozen=True)
class Beside:
    """What lies below a folder.

    Attributes:
        root: the folder. images: files that are images by their names. others: all other files.
    """

    root: Path
    images: tuple[Path, ...]
    others: tuple[Path, ...]

    def image_of(self, folder: Path, names: set[str]) -> Path | None:
        """The one image of ``folder`` that is called by one of ``names``, with or without its ending; else None."""
        found = [path for path in self.images if path.parent == folder and names & called(path)]
        return found[0] if len(found) == 1 else None


def called(image: Path) -> set[str]:
    """What a file of outlines may call its image: by its whole name, without the ending, and without ``.ome``."""
    return {image.name, image.stem, image.stem.removesuffix(".ome")}


def files_below(root: Path, *, depth: int = 2) -> Beside:
    """The files of ``root`` and of folders down to ``depth`` below it: nothing hidden, no link that leads out.

    Raises:
        InvalidDocument: more than ``MAX_FILES``.
    """
    images: list[Path] = []
    others: list[Path] = []
    home, count = root.resolve(), 0
    for folder, below, files in os.walk(root):
        deep = len(Path(folder).relative_to(root).parts) >= depth
        below[:] = [] if deep else sorted(n for n in below if not n.startswith(".") and not n.endswith(".zarr"))
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith(".") or (path.is_symlink() and not path.resolve().is_relative_to(home)):
                continue
            count += 1
            if count > MAX_FILES:
                raise InvalidDocument(f"more than {MAX_FILES:,} files", where=str(root), remedy="Split the folder.")
            (images if path.suffix.lower() in EXTENSIONS else others).append(path)
    return Beside(root, tuple(sorted(images)), tuple(sorted(others)))


def any_below(root: Path, wanted: Callable[[Path], bool], *, depth: int = 2) -> list[Path]:
    """The files that ``wanted`` accepts, for guesses: never raises, and gives none where nothing can be read."""
    try:
        return [path for path in files_below(root, depth=depth).others if wanted(path)] if root.is_dir() else []
    except (OSError, InvalidDocument):
        return []
