"""What a layout can carry: the kinds of labels, the kinds of image, and the facts around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from cellcommons.images.data import DTYPES

Feature = Literal[
    "names",  # of images: any text, slashes included; else plain file names
    "source",  # donor, slide or experiment of an image
    "stratum",
    "split",
    "pixel_size",  # along y and x (and z where the axes have it)
    "channel_names",
    "wavelengths",
    "seconds_per_frame",
    "plate_position",
    "ids",  # the number of each cell or track; else cells are numbered anew
    "overlaps",  # cells that share pixels
    "outlines",  # the mask of each cell; else a box
    "holes",  # cells with holes
    "pieces",  # cells of several pieces
    "classes",  # of each cell
    "unclassified",  # cells without a class among cells that have one
    "class_order",  # all classes in their order, also those that nothing has; else sorted, those that occur
    "ordinal",
    "multi",  # several classes, or none, of one image or cell
    "annotated",  # which region somebody looked at
    "unknown",  # pixels of a semantic map that are unknown
    "hidden",  # landmarks that are placed and covered
    "object_names",  # of what landmarks belong to; else numbered
    "subpixel",  # positions between pixels
    "divisions",
    "gaps",  # tracks that go on after frames without the cell
    "radii",  # of spots
    "readings",  # each person's; else the consensus
    "consensus",  # beside readings
    "truth",  # any label at all
]
FEATURES: tuple[Feature, ...] = get_args(Feature)

Mode = Literal["gray", "rgb", "stains"]  # one channel; a colour picture; several channels that are no colours


@dataclass(frozen=True)
class Carries:
    """What may be written in a layout and comes back when it is read.

    Attributes:
        truths: types of ``cellcommons.readings.Truth``. A type that says less (a label map where overlapping cells may
            stand) is turned into one of these when written and may come back as it.
        unlabelled: an image without truth may be written, and comes back without.
        images: False where the layout is of labels alone.
        axes, dtypes, modes: which images fit; axes as ``ImageData.axes``.
        features: which facts come back. What a record has beyond these is refused by name, or dropped when asked.
        classes_needed: an ontology of at least this many classes is needed.
        note: one sentence for the table in the docs.
    """

    truths: tuple[type[Any], ...] = ()
    unlabelled: bool = True
    images: bool = True
    axes: tuple[str, ...] = ("cyx",)
    dtypes: tuple[str, ...] = DTYPES
    modes: tuple[Mode, ...] = ("gray", "rgb", "stains")
    features: frozenset[Feature] = frozenset()
    classes_needed: int = 1
    note: str = ""

    def __post_init__(self) -> None:
        unknown = set(self.features) - set(FEATURES)
        if unknown:
            raise ValueError(f"no such feature: {', '.join(sorted(unknown))}")


def features(*names: Feature) -> frozenset[Feature]:
    """A set of features, checked by the type checker."""
    return frozenset(names)
