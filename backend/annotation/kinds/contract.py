"""What a task asks of people: the one thing that differs between campaigns, behind one interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from backend.annotation.models import Assignment, Item
from backend.imaging.models import Image
from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.reading import Changes, Reading, Value, Values
from cellcommons.store import ObjectStore

GivenRow = dict[str, Any]
"""``{key, kind, title, tree, summary}``, and ``role``, ``annotation`` where people shall guess which is which."""


@dataclass(frozen=True)
class Ground:
    """What an answer is checked against.

    Attributes:
        given: the assignment's rows of what was given. ontology: the campaign's classes. values: what stands now.
    """

    given: list[GivenRow]
    ontology: Ontology | None
    values: Mapping[str, Value]

    def companion(self, *kinds: str) -> GivenRow | None:
        """The given row of the first of these kinds that is there."""
        return next((row for kind in kinds for row in self.given if row["kind"] == kind), None)


class Kind(Protocol):
    """One task.

    Attributes:
        task: its name. paints, answers: what a reading of it holds, see ``cellcommons.reading``.
        drafts_are_bases: whether people start from what a checkpoint said; else they judge it.
        needs_classes: whether a campaign names an ontology.
    """

    task: str
    paints: bool
    answers: bool
    drafts_are_bases: bool
    needs_classes: bool

    def refusal(self, image: Image) -> str:
        """Why ``image`` (companions at hand) cannot be asked about, or ""."""

    def given(self, item: Item) -> list[GivenRow]:
        """What a person gets beside the image, fixed for the assignment that begins now."""

    def question(self, assignment: Assignment) -> str | None:
        """The question that the given images pose, if any."""

    def check_changes(self, ground: Ground, changes: Changes) -> None:
        """Refuse answers that mean nothing here. Raises InvalidDocument, Conflict."""

    def check_reading(self, ground: Ground, reading: Reading) -> None:
        """Refuse a reading as a whole: what single edits cannot show. Raises InvalidDocument."""

    def finished(self, assignment: Assignment, reading: Reading) -> Reading:
        """The reading as it is kept."""

    def count(self, reading: Reading, ground: Ground) -> int:
        """Cells, classes, subjects, tracks or regions in it: what ``Annotation.cells`` says."""

    def check_draft(self, store: ObjectStore, item: Item, tree: str) -> None:
        """Refuse a checkpoint's tree that does not fit the item. Raises MismatchedShapes, InvalidDocument, NotFound."""


def companion_rows(image: Image, titles: Mapping[str, str]) -> list[GivenRow]:
    """The image's companions of the kinds that ``titles`` names, in that order."""
    there = {companion.kind: companion for companion in image.companions.all()}
    return [
        {
            "key": kind,
            "kind": kind,
            "title": title,
            "tree": there[kind].tree_sha256,
            "summary": there[kind].summary,
        }
        for kind, title in titles.items()
        if kind in there
    ]


def no_changes(changes: Changes) -> None:
    """For tasks that ask nothing. Raises InvalidDocument."""
    if changes:
        raise InvalidDocument(
            "this task has no answers, only what is painted", where=next(iter(changes)), remedy="Send tiles."
        )


def one_plane(image: Image) -> str:
    """Why an image of several planes cannot be asked about here, or ""."""
    return "" if image.depth == 1 and image.frames == 1 else "it has several planes, and this task takes one"


def merged(base: Values, changed: Mapping[str, Value]) -> dict[str, Value]:
    """``base`` with the keys that were changed since; a change to None takes a key away."""
    values = {**base, **changed}
    return {key: value for key, value in values.items() if value is not None}
