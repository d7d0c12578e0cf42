"""What every layout gives: entries found in a folder, and records read from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cellcommons.classes import CellBoxes, CellClasses, ImageClasses
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap, Labels
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.semantic import SemanticMap
from cellcommons.tracks import LabelMovie


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


# What a layout can say about an image; each kind of label is one type in one file, and joins the union here.
Truth = LabelMap | ImageClasses | CellBoxes | CellClasses | SemanticMap | LabelMovie | PointTracks | ImagePair


@dataclass
class Record:
    """One image read, with what the layout says about it.

    Attributes:
        image: the pixels.
        truth: its labels, of whatever kind the layout carries; None where there are none.
        original: the image file itself, whose bytes are worth keeping.
    """

    entry: Entry
    image: ImageData
    truth: Truth | None
    original: Path

    @property
    def labels(self) -> Labels | None:
        """The instance label map, uint32, axes yx; None where the truth is of another kind or there is none."""
        return self.truth.data if isinstance(self.truth, LabelMap) else None


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

    ``name`` is what people type, ``title`` what they read, ``task`` one of classification,
    instance_segmentation, semantic_segmentation, tracking, augmented.
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
