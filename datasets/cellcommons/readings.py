"""What several people said of one image, side by side, before any consensus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cellcommons.classes import CellBoxes, CellClasses, ImageClasses
from cellcommons.errors import InvalidDocument
from cellcommons.keypoints import Keypoints
from cellcommons.labels import LabelMap
from cellcommons.overlapping import OverlappingCells
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.semantic import SemanticMap
from cellcommons.tracks import LabelMovie

# What one person, or one file, can say about an image; each kind of label is one type in one file, and joins here.
Single = (
    LabelMap
    | OverlappingCells
    | SemanticMap
    | ImageClasses
    | CellClasses
    | CellBoxes
    | Keypoints
    | LabelMovie
    | PointTracks
    | ImagePair
)


@dataclass(frozen=True, eq=False)
class Readings:
    """Readings of one image by several people.

    Attributes:
        by: who -> what they said, in order of name. All are of one type.
        consensus: what the dataset publishes as its fusion or gold, where it does; of the same type.

    Raises:
        InvalidDocument: nobody, a reader without a name, or readings of different types.
    """

    by: Mapping[str, Single] = field(repr=False)
    consensus: Single | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.by or not all(self.by):
            raise InvalidDocument("readings need at least one reader, and every reader a name")
        kinds = {type(one).__name__ for one in (*self.by.values(), self.consensus) if one is not None}
        if len(kinds) > 1:
            raise InvalidDocument(f"readings of one image are of one type, not {' and '.join(sorted(kinds))}")
        object.__setattr__(self, "by", dict(sorted(self.by.items())))


Truth = Single | Readings
