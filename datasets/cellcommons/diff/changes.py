"""What can change between two releases, one frozen row a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

Box = tuple[int, int, int, int]

BORN, DIED, RESHAPED, RECLASSED = "born", "died", "reshaped", "reclassed"
SPLIT, MERGED, REPAINTED = "split", "merged", "repainted"
CELL_KINDS = (DIED, BORN, SPLIT, MERGED, RECLASSED, RESHAPED, REPAINTED)
ADDED, REMOVED, CHANGED = "added", "removed", "changed"
LINK_ADDED, LINK_REMOVED = "link added", "link removed"
DIVISION_BORN, DIVISION_DIED, DIVISION_CHANGED = "division born", "division died", "division changed"


@dataclass(frozen=True)
class ImageChange:
    """An image that is in one release only, or of which anything but nothing changed.

    Attributes:
        image: hub id. name: for people, that of the later release where it is in both.
        kind: ``added``, ``removed`` or ``changed``.
        what: in order, which of ``pixels``, ``metadata`` (of the picture, its pixels being the same), ``labels``, the
            companions by name, ``name``, ``channels``, ``split``, ``source``, ``stratum``, ``provenance``.
        split_before, split_after: empty where it is not in that release; likewise source and stratum.
        cells_before, cells_after: rows of the index ``cells``.
        changes: rows about its cells and tracks.
    """

    image: str
    name: str
    kind: str
    what: tuple[str, ...] = ()
    split_before: str = ""
    split_after: str = ""
    source_before: str = ""
    source_after: str = ""
    stratum_before: str = ""
    stratum_after: str = ""
    cells_before: int = 0
    cells_after: int = 0
    changes: int = 0


@dataclass(frozen=True)
class CellChange:
    """What became of a cell; or of what its task has in its place: a subject, a failure region, pixels of a class.

    Attributes:
        image: hub id.
        kind: ``born``, ``died``, ``reshaped`` (another outline), ``reclassed``, ``split`` (one before, several after),
            ``merged`` (several before, one after), or, of semantic maps, ``repainted`` (pixels of one class that are of
            another now). A cell that is reshaped and reclassed has two rows.
        before, after: ids in the one and in the other release; of semantic maps the values in the label maps, none
            where the pixels were unknown.
        iou: intersection over union of the cell with its successor; of a split or a merge, with the nearest one; None
            where there is none, or where what changed has no pixels.
        box: half-open ``(y0, x0, y1, x1)`` that holds all of it, before and after, in pixels.
        area_before, area_after: pixels; of repainted ones, how many.
        classes_before, classes_after: names.
    """

    image: str
    kind: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    iou: float | None
    box: Box
    area_before: int
    area_after: int
    classes_before: tuple[str, ...] = ()
    classes_after: tuple[str, ...] = ()

    @property
    def amount(self) -> float:
        """How much of it changed, 0..1: all of a cell that was born, died, was repainted or has another class."""
        return 1.0 if self.iou is None or self.kind == RECLASSED else 1.0 - self.iou


@dataclass(frozen=True)
class TrackChange:
    """What became of a link or a division of a movie. Whole tracks are rows of cells.

    Attributes:
        image: hub id of the movie. kind: ``link added``, ``link removed``, ``division born``, ``division died``,
            ``division changed`` (the same mother, other daughters).
        frame: of the later cell of a link; of a division, the last of the mother.
        before, after: cells as ``frame:id`` of the detections of that release: mother and child of a link; of a
            division the mother, then her daughters; empty where it is not in that release.
    """

    image: str
    kind: str
    frame: int
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class AnswerChange:
    """An answer of an image other than cells, classes and links: its key, and what was and is said (None: nothing)."""

    image: str
    key: str
    before: object
    after: object


@dataclass(frozen=True)
class ClassOverlap:
    """Pixels of one class in the images that both releases hold.

    Attributes:
        before, after: pixels in each release. both: pixels of it in both.
    """

    name: str
    before: int
    after: int
    both: int

    @property
    def dice(self) -> float | None:
        """2 both / (before + after); None where neither release shows it."""
        total = self.before + self.after
        return 2 * self.both / total if total else None


@dataclass(frozen=True)
class CellTally:
    """Cells of both releases, accounted for to the last one.

    ``before - removed - died + (split_into - split) - (merged_from - merged) + born + added == after``.

    Attributes:
        before, after: in all. removed, added: in images that one release lacks. died, born: within images of both.
        split: that became several. split_into: what they became. merged_from: that became one with others. merged: what
            they became. reshaped, reclassed: with another outline, class; one cell may be both. same: with neither.
    """

    before: int = 0
    after: int = 0
    removed: int = 0
    added: int = 0
    died: int = 0
    born: int = 0
    split: int = 0
    split_into: int = 0
    merged_from: int = 0
    merged: int = 0
    reshaped: int = 0
    reclassed: int = 0
    same: int = 0


def tally_cells(before: int, after: int, removed: int, added: int, changes: Iterable[CellChange]) -> CellTally:
    """Count what became of the cells."""
    kinds: Counter[str] = Counter()
    into = origins = 0
    touched: set[tuple[str, int]] = set()
    for change in changes:
        kinds[change.kind] += 1
        into += len(change.after) if change.kind == SPLIT else 0
        origins += len(change.before) if change.kind == MERGED else 0
        touched |= {(change.image, cell) for cell in change.before}
    return CellTally(
        before=before,
        after=after,
        removed=removed,
        added=added,
        died=kinds[DIED],
        born=kinds[BORN],
        split=kinds[SPLIT],
        split_into=into,
        merged_from=origins,
        merged=kinds[MERGED],
        reshaped=kinds[RESHAPED],
        reclassed=kinds[RECLASSED],
        same=before - removed - len(touched),
    )
