"""What a release asks of each task: which rows a reading gives, what must hold of an item, what its card says."""

from __future__ import annotations

from typing import Protocol

from cellcommons.classes import Ontology
from cellcommons.indexes import CellRow, ReleaseItem
from cellcommons.kinds.given import Given
from cellcommons.reading import Reading
from cellcommons.store import ObjectStore
from cellcommons.summary import Summary


class Kind(Protocol):
    """One task.

    Attributes:
        task: its name. classed: needs an ontology.
        companions: what may be given beside an image. required: what of it must be.
        judges: a reading that has to do with a prediction judges it, rather than starting from it.
        baseline: the plain method that a model is measured beside, for people.
        loading: lines of Python that read one item; ``release`` and ``item`` are in scope.
    """

    task: str
    classed: bool
    companions: tuple[str, ...]
    required: tuple[str, ...]
    judges: bool
    baseline: str
    loading: tuple[str, ...]

    def rows(self, reading: Reading, given: Given, ontology: Ontology | None) -> tuple[CellRow, ...]:
        """What the index ``cells`` says of a reading: cells, classes present, subjects, tracks or failure regions.

        Raises:
            InvalidDocument: the reading does not fit what is given, or names classes outside the ontology.
        """

    def sealed(self, store: ObjectStore, item: ReleaseItem, ontology: Ontology | None) -> ReleaseItem:
        """The item checked, with what sealing adds to it (tracks, markers).

        Raises:
            InvalidDocument, MismatchedShapes: labels and companions do not fit the image, each other or the ontology.
        """

    def contents(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        """Markdown of a dataset card: what the labels are, and how many of them there are in each split."""

    def limits(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        """Markdown list items of a dataset card: what these labels cannot be used for."""
