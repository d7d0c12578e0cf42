"""Classes of images, boxes and cells: a list of names that people chose, and labels that stay within it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument
from cellcommons.labels import LabelMap, Mask, checked_region

MAX_NAME = 80


@dataclass(frozen=True)
class Ontology:
    """The classes that a label may name, in a stated order.

    Attributes:
        names: unique, at least one; a class's index is its place here.
        ordinal: the order means rank, as doses and grades do. multi: a label may name several classes, or none.
    """

    names: tuple[str, ...]
    ordinal: bool = False
    multi: bool = False

    def __post_init__(self) -> None:
        if not self.names:
            raise InvalidDocument("an ontology needs at least one class", remedy="Name the classes.")
        for name in self.names:
            if not isinstance(name, str) or not name.strip() or name != name.strip() or len(name) > MAX_NAME:
                raise InvalidDocument(
                    f"{name!r} cannot name a class",
                    where="ontology",
                    remedy=f"Use 1 to {MAX_NAME} characters without space around them.",
                )
        doubled = sorted({name for name in self.names if self.names.count(name) > 1})
        if doubled:
            raise InvalidDocument(f"class {doubled[0]!r} is listed twice", where="ontology")
        if self.ordinal and self.multi:
            raise InvalidDocument("classes that are ranks exclude each other: ordinal or multi, not both")

    def __len__(self) -> int:
        return len(self.names)

    def document(self) -> dict[str, Any]:
        """JSON form; ``parse_ontology`` reads it back."""
        return {"names": list(self.names), "ordinal": self.ordinal, "multi": self.multi}

    def index(self, name: str, *, where: str = "") -> int:
        """The place of ``name``. Raises InvalidDocument, which names the classes there are."""
        try:
            return self.names.index(name)
        except ValueError:
            raise InvalidDocument(
                f"class {name!r} is not in the ontology", where=where, remedy=f"Use one of: {self.listed()}."
            ) from None

    def listed(self) -> str:
        """The names for a message; the first twelve where there are many."""
        rest = len(self.names) - 12
        return ", ".join(self.names[:12]) + (f" and {rest} more" if rest > 0 else "")

    def checked(self, names: Iterable[str], *, where: str = "") -> tuple[str, ...]:
        """The classes of one label in the ontology's order.

        Raises:
            InvalidDocument: a class outside the ontology, one named twice, or a number of them other than 1 where the
                ontology is not multi.
        """
        given = tuple(names)
        places = [self.index(name, where=where) for name in given]
        if len(set(places)) != len(places):
            raise InvalidDocument(f"a class is named twice in {', '.join(given)}", where=where)
        if not self.multi and len(given) != 1:
            raise InvalidDocument(
                f"one class is asked for, got {len(given)}",
                where=where,
                remedy="Choose one class, or make the ontology multi.",
            )
        return tuple(self.names[place] for place in sorted(places))

    def vector(self, names: Iterable[str], *, where: str = "") -> NDArray[np.bool_]:
        """Which classes ``names`` are: bool, one value a class. Raises InvalidDocument as ``checked`` does."""
        present = np.zeros(len(self.names), dtype=np.bool_)
        present[[self.index(name) for name in self.checked(names, where=where)]] = True
        return present


def parse_ontology(document: Any, *, where: str = "") -> Ontology:
    """Read the JSON form. Raises InvalidDocument."""
    fields = {"names", "ordinal", "multi"}
    if not isinstance(document, dict) or not isinstance(document.get("names"), list) or set(document) - fields:
        raise InvalidDocument(
            "an ontology holds names, and whether they are ordinal or multi",
            where=where,
            remedy='For example {"names": ["RBC", "WBC"], "ordinal": false, "multi": false}.',
        )
    flags = {key: document.get(key, False) for key in ("ordinal", "multi")}
    if not all(isinstance(flag, bool) for flag in flags.values()):
        raise InvalidDocument("ordinal and multi are true or false", where=where)
    return Ontology(tuple(document["names"]), **flags)


@dataclass(frozen=True)
class ImageClasses:
    """What a whole image shows.

    Attributes:
        classes: names within ``ontology``, in its order: one, or any number where it is multi.
    """

    classes: tuple[str, ...]
    ontology: Ontology

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", self.ontology.checked(self.classes))

    @property
    def indices(self) -> tuple[int, ...]:
        """Places of the classes in the ontology."""
        return tuple(self.ontology.index(name) for name in self.classes)


@dataclass(frozen=True)
class CellBox:
    """One boxed cell: half-open ``(y0, x0, y1, x1)`` in pixels, and its class."""

    box: tuple[int, int, int, int]
    name: str


@dataclass(frozen=True)
class CellBoxes:
    """Boxed cells of one image, each of one class; boxes may overlap.

    Attributes:
        boxes: in the order in which they were given. shape: rows and columns of the image; boxes lie inside it.
        annotated: as for ``LabelMap``.
    """

    boxes: tuple[CellBox, ...]
    shape: tuple[int, int]
    ontology: Ontology
    annotated: Mask | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "annotated", checked_region(self.annotated, self.shape))
        if self.ontology.multi:
            raise InvalidDocument("a boxed cell is of one class, so its ontology is not multi")
        for number, cell in enumerate(self.boxes, start=1):
            where = f"box {number}"
            self.ontology.index(cell.name, where=where)
            y0, x0, y1, x1 = cell.box
            if not (0 <= y0 < y1 <= self.shape[0] and 0 <= x0 < x1 <= self.shape[1]):
                raise InvalidDocument(
                    f"rows {y0}..{y1} and columns {x0}..{x1} do not lie in {self.shape[1]} x {self.shape[0]} pixels",
                    where=where,
                    remedy="Boxes are half-open, in pixels, at least one pixel a side.",
                )

    def counts(self) -> dict[str, int]:
        """Boxes of each class of the ontology, 0 included."""
        return {name: sum(cell.name == name for cell in self.boxes) for name in self.ontology.names}


@dataclass(frozen=True)
class CellClasses:
    """Classes of the cells of a label map; a cell without an entry has not been classified.

    Attributes:
        labels: the cells. classes: cell id -> names within ``ontology``.
    """

    labels: LabelMap
    classes: Mapping[int, tuple[str, ...]] = field(repr=False)
    ontology: Ontology

    def __post_init__(self) -> None:
        checked = {cell: self.ontology.checked(names, where=f"cell {cell}") for cell, names in self.classes.items()}
        absent = sorted(set(checked) - set(self.labels.ids.tolist()))
        if absent:
            raise InvalidDocument(
                "a class is given to a cell that the label map does not hold",
                where=f"cell {absent[0]}",
                remedy="Classify only cells that are drawn.",
            )
        object.__setattr__(self, "classes", dict(sorted(checked.items())))

    @property
    def unclassified(self) -> tuple[int, ...]:
        """Ids of the cells that have no class yet."""
        return tuple(cell for cell in self.labels.ids.tolist() if cell not in self.classes)
