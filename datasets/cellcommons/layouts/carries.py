"""What a layout can carry: the kinds of labels, the kinds of image, and the facts around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from cellcommons.images.data import DTYPES

Feature = Literal[
    "names",
    "source",
    "stratum",
    "split",
    "pixel_size",
    "channel_names",
    "wavelengths",
    "seconds_per_frame",
    "plate_position",
    "thin_axes",
    "ids",
    "overlaps",
    "outlines",
    "holes",
    "pieces",
    "classes",
    "unclassified",
    "class_order",
    "ordinal",
    "multi",
    "annotated",
    "unknown",
    "hidden",
    "object_names",
    "subpixel",
    "divisions",
    "gaps",
    "radii",
    "readings",
    "consensus",
    "truth",
]
FEATURES: tuple[Feature, ...] = get_args(Feature)
MEANINGS: dict[Feature, str] = {
    "names": "names of images of any text, slashes included; else plain file names",
    "source": "donor, slide or experiment of an image",
    "stratum": "kind of image to report on apart",
    "split": "the published split",
    "pixel_size": "micrometres along y and x, and z where there is one",
    "channel_names": "names of channels",
    "wavelengths": "excitation and emission of each channel",
    "seconds_per_frame": "interval of a movie",
    "plate_position": "plate, well and field",
    "thin_axes": "a z or t axis of one plane or frame; else it is left out",
    "ids": "the number of each cell or track; else they are numbered anew",
    "overlaps": "cells that share pixels",
    "outlines": "the mask of each cell; else a box",
    "holes": "cells with holes",
    "pieces": "cells of several pieces",
    "classes": "the class of each cell",
    "unclassified": "cells without a class among cells that have one",
    "class_order": "all classes in their order, also those that nothing has; else those that occur, sorted",
    "ordinal": "classes that are ranks",
    "multi": "several classes, or none, of one image or cell",
    "annotated": "which region somebody looked at; elsewhere is unknown, not background",
    "unknown": "pixels of a semantic map that are unknown",
    "hidden": "landmarks that were placed though something covers them",
    "object_names": "names of what landmarks belong to; else they are numbered",
    "subpixel": "positions between pixels",
    "divisions": "mothers and daughters",
    "gaps": "tracks that go on after frames without the cell",
    "radii": "radii of spots",
    "readings": "what each of several people said; else their consensus",
    "consensus": "the published consensus beside readings",
    "truth": "any label at all",
}

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
