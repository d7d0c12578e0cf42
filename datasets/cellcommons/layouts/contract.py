"""What every layout gives: entries found in a folder, records read from them, and records written as a folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from cellcommons.errors import NotFound
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap, Labels
from cellcommons.layouts.carries import Carries
from cellcommons.readings import Truth


@dataclass(frozen=True)
class Entry:
    """One image found by a scan, not yet read.

    Attributes:
        name: unique in its folder; what people call the image.
        paths: the image file first, then the files of its labels.
        source: donor, line, slide or experiment: what must not straddle a split.
        stratum: kind of image to report on apart; empty where unknown.
        metadata: JSON values; ``source_known`` says whether ``source`` was stated by the dataset.
        split: the published split, ``train``, ``validation`` or ``test``; empty where there is none.
        part: which image of ``paths[0]`` it is, where that file holds several (a scene, a crop); empty else.
    """

    name: str
    paths: tuple[Path, ...]
    source: str
    stratum: str = ""
    metadata: dict[str, Any] = field(default_factory=dict, compare=False)
    split: str = ""
    part: str = ""


@dataclass
class Record:
    """One image read, with what the layout says about it.

    Attributes:
        pixels: the image; None where the layout publishes labels alone. Most callers want ``image``.
        truth: its labels, of whatever kind the layout carries; None where there are none.
        original: the image file itself, whose bytes are worth keeping; the file of the labels where there is no image.
        originals: every file or folder that the image is read from, where that is more than ``original``: channels,
            planes, frames, an OME-Zarr.
    """

    entry: Entry
    pixels: ImageData | None
    truth: Truth | None
    original: Path
    originals: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        self.originals = self.originals or (self.original,)

    @property
    def image(self) -> ImageData:
        """The pixels. Raises NotFound where the layout publishes labels alone."""
        if self.pixels is None:
            raise NotFound(
                "the labels come without their image",
                where=self.entry.name,
                remedy="Fetch the images from the authors and put them beside the labels.",
            )
        return self.pixels

    @property
    def labels(self) -> Labels | None:
        """The instance label map, uint32, axes yx; None where the truth is of another kind or there is none."""
        return self.truth.data if isinstance(self.truth, LabelMap) and self.truth.axes == "yx" else None


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

    ``name`` is what people type, ``title`` what they read, ``task`` one of classification, instance_segmentation,
    semantic_segmentation, tracking, augmented, keypoints.
    """

    name: str
    title: str
    task: str

    def guess(self, path: Path) -> tuple[float, str]:
        """How likely ``path`` follows this layout, 0..1, and why. Cheap: looks at names, reads no pixels; never raises.

        1 is for what no other layout can be. A file that is not a folder, and a folder without rights, give 0.
        """

    def scan(self, path: Path) -> Scan:
        """List the images in ``path``. Raises UnknownLayout if the folder does not follow the layout.

        What is there and cannot be used is ``skipped`` with the reason, file by file; nothing is left out in silence.
        """

    def read(self, entry: Entry) -> Record:
        """Read one entry. Raises UnreadableFile, WrongFormat, TooLarge, MismatchedShapes, InvalidDocument."""


@runtime_checkable
class WritableLayout(Layout, Protocol):
    """A layout both ways; all are, but views of another (crops of boxes). ``carries``: what may be written."""

    carries: Carries

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write ``records`` into the empty folder ``folder``, one at a time: a dataset may be larger than memory.

        Called by ``layouts.writing.write_layout``, which has checked each record against ``carries`` (so a truth is of
        one of ``carries.truths``, names are plain file names and unique), and which moves the folder into place only
        once it is whole. What ``scan`` and ``read`` then give equals ``records`` in all that ``carries`` names.
        """
