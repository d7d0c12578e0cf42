"""What an import's truth becomes: what people are given beside the image, and what is kept from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cellcommons.classes import Ontology
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Truth as LayoutTruth
from cellcommons.store import ObjectStore


@dataclass(frozen=True)
class Given:
    """A companion in the object store: its tree, and what its row says of it without the tree being read."""

    tree: str
    summary: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """The truth of one image, in the hub's terms.

    Attributes:
        companions: kind -> what people are given. truth: digest of a Reading tree that is kept from them, or "".
        count: labelled cells, subjects or tracks in the truth. ontology: the classes it names, where it names any.
        seconds_per_frame: the interval that it states of the movie; None where it states none.
        notes: what was decided or could not be kept, a clause each, for the report of the import.
    """

    companions: Mapping[str, Given] = field(default_factory=dict)
    truth: str = ""
    count: int = 0
    ontology: Ontology | None = None
    seconds_per_frame: float | None = None
    notes: tuple[str, ...] = ()


class TruthKind(Protocol):
    """One task's way to keep truth. ``types`` are the kinds of truth of ``cellcommons.layouts`` that it takes."""

    task: str
    types: tuple[type[Any], ...]

    def keep(self, store: ObjectStore, image: ImageData, truth: LayoutTruth) -> Kept:
        """Put companions and truth into ``store``. Raises MismatchedShapes, InvalidDocument."""
