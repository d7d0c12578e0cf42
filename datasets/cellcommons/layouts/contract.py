"""What every layout gives: entries found in a folder, and records read from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cellcommons.images.data import ImageData
from cellcommons.labels import Labels


@dataclass(frozen=True)
class Entry:
    """One image found by a scan, not yet read.

    Attributes:
        name: unique in its folder; what people call the image.
        paths: the image file first, then the files of its labels.
        source: donor, line, slide or experiment: what must not straddle a split.
        stratum: kind of image to report on apart; empty where unknown.
        metadata: JSON values; ``source_known`` says whether ``source`` was stated by the dataset.
    """

    name: str
    paths: tuple[Path, ...]
    source: str
    stratum: str = ""
    metadata: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass
class Record:
    """One image read, with its labels where the layout has them.

    Attributes:
        image: the pixels.
        labels: uint32, axes yx, of the image's rows and columns; None where there are none.
        original: the image file itself, whose bytes are worth keeping.
    """

    entry: Entry
    image: ImageData
    labels: Labels | None
    original: Path


@dataclass(frozen=True)
class Skipped:
    """A path that a scan left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Scan:
    """What a folder holds, in a stable order."""

    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]


class Layout(Protocol):
    """One published layout.

    ``name`` is what people type, ``title`` what they read, ``task`` one of classification, segmentation, tracking,
    augmentation.
    """

    name: str
    title: str
    task: str

    def guess(self, path: Path) -> tuple[float, str]:
        """How likely ``path`` follows this layout, 0..1, and why. Cheap: looks at names, reads no pixels."""

    def scan(self, path: Path) -> Scan:
        """List the images in ``path``. Raises UnknownLayout if the folder does not follow the layout."""

    def read(self, entry: Entry) -> Record:
        """Read one entry. Raises UnreadableFile, WrongFormat, TooLarge, MismatchedShapes."""
