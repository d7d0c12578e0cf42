"""How a release's images are best read where an order does not say: as crops, or as fields in windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cellcommons.errors import InvalidDocument
from cellcommons.kinds.given import BOXES, CELLS
from cellcommons.release import ReleaseItem

CROP_SIDE = 192
"""Whole images up to this many pixels a side are taken for cut-out cells, larger ones for fields."""
MOST_OWN = 8


def reading_defaults(items: Sequence[ReleaseItem]) -> dict[str, Any]:
    """Fields of ``ReadingConfig`` for these items.

    Crops are resized to one size, which is told beside them. Fields are read in windows at one scale, each by its own
    brightness, as stains differ between wells and slides. Stains and colours keep their roles where all images have the
    same ones.
    """
    channels = {item.channels for item in items}
    stains = next(iter(channels), ())
    own = len(channels) == 1 and 2 <= len(stains) <= MOST_OWN
    chosen: dict[str, Any] = {"channels": "own"} if own else {}
    given = any(kind in item.companions for item in items for kind in (CELLS, BOXES))
    if given or all(max(item.height, item.width) <= CROP_SIDE for item in items):
        return chosen
    return chosen | {"window": 96, "size": 48, "brightness": "image", "colocalisation": own}


def with_defaults(config: dict[str, Any], items: Sequence[ReleaseItem]) -> dict[str, Any]:
    """An order's ``config`` with ``reading`` filled in. Raises InvalidDocument."""
    stated = config.get("reading", {})
    if not isinstance(stated, dict):
        raise InvalidDocument("expected an object", where="config:reading")
    return config | {"reading": reading_defaults(items) | stated}
