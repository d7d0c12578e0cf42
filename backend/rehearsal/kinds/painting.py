"""What the two segmentation tasks share: a raster is painted, and predictions are rasters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.rehearsal.api import Api
from backend.rehearsal.arrays import read_labels_over_http
from backend.rehearsal.kinds.contract import PlainKind
from cellcommons.errors import InvalidDocument
from cellcommons.labels import Labels
from cellcommons.reading import Reading

Box = tuple[int, int, int, int]


class Painted(PlainKind):
    """A task that only paints."""

    paints = True
    answers = False

    def read_prediction(self, api: Api, row: Mapping[str, Any]) -> Reading:
        """The predicted raster."""
        return Reading(read_labels_over_http(api, row["zarr_url"]))


def cut(labels: Labels, box: Box) -> Labels:
    """The part of ``labels`` in a half-open box."""
    y0, x0, y1, x1 = box
    return labels[y0:y1, x0:x1]


def painted(option: Labels | None) -> Labels:
    """The pixels of an option. Raises InvalidDocument where the hub sent none."""
    if option is None:
        raise InvalidDocument("an option of a disagreement about pixels came without pixels")
    return option
