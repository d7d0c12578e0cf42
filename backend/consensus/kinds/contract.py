"""How the readings of one task become one: the one thing that differs between consensuses, behind one interface.

Kinds compute on arrays and values; they read no table and write nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from backend.consensus.evidence import CellEvidence, Evidence
from backend.imaging.models import Image
from cellcommons.axes import PixelSize
from cellcommons.classes import Ontology
from cellcommons.edits import deflate, inflate
from cellcommons.images.outline import read_outline
from cellcommons.kinds.given import Given, read_given
from cellcommons.kinds.registry import kind_of as library_kind
from cellcommons.labels import Labels
from cellcommons.reading import Reading, Value
from cellcommons.store import ObjectStore

Box = tuple[int, int, int, int]
Said = Mapping[str, Value | None]
SINGLE = "single"


@dataclass(frozen=True)
class ItemReading:
    """One reading of an image: Annotation id, who read (of a draft accepted as it stood, the draft), what they said."""

    annotation: str
    reader: str
    reading: Reading = field(repr=False)


@dataclass(frozen=True)
class Elsewhere:
    """What a reader said of another image of the campaign."""

    item: str
    reader: str
    values: Mapping[str, Value] = field(repr=False)


@dataclass(frozen=True)
class Scene:
    """What is read: the image, what is given beside it, the classes.

    Attributes:
        companions: kind -> tree digest. elsewhere: answers of the campaign's other images, as many as the kind wants.
    """

    store: ObjectStore
    task: str
    image: Image
    companions: Mapping[str, str]
    ontology: Ontology | None = None
    elsewhere: Sequence[Elsewhere] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.height, self.image.width

    @property
    def pixel_size(self) -> PixelSize:
        """In plane."""
        return PixelSize(y=self.image.pixel_size_um.get("y"), x=self.image.pixel_size_um.get("x"))

    @cached_property
    def given(self) -> Given:
        """The companions, read. Raises NotFound, DigestMismatch, InvalidDocument, MismatchedShapes."""
        return read_given(self.store, self.companions, read_outline(self.store, self.image.tree_sha256))

    def rows(self, reading: Reading) -> tuple[Any, ...]:
        """``CellRow`` for each cell of ``reading``, see ``cellcommons.kinds``."""
        kind = library_kind(self.task)
        given = self.given if kind.companions else Given(self.shape)
        return kind.rows(reading, given, self.ontology)


@dataclass(frozen=True)
class Option:
    """One thing that readers said where they differ: a raster of the box, or values of the keys."""

    readings: tuple[str, ...]
    cells: int
    labels: Labels | None = field(default=None, repr=False)
    values: Said | None = None


@dataclass(frozen=True)
class Region:
    """What the readings could not settle.

    Attributes:
        kind: what is asked. box: half-open, around what it is about.
        options: what readers said, the one with most readers, or most weight, first.
        keys: what of the values it decides; no other region decides it too. frame: of a movie.
    """

    kind: str
    box: Box
    options: tuple[Option, ...]
    keys: tuple[str, ...] = ()
    frame: int | None = None

    def columns(self, index: int) -> dict[str, Any]:
        """The columns of a Disagreement."""
        return {
            "index": index,
            "kind": self.kind,
            "box": [int(edge) for edge in self.box],
            "keys": list(self.keys),
            "frame": self.frame,
            "options": [
                {
                    "index": number,
                    "readings": list(option.readings),
                    "cells": option.cells,
                    "labels": None if option.labels is None else deflate(option.labels),
                    "values": None if option.values is None else dict(option.values),
                }
                for number, option in enumerate(self.options)
            ],
        }


@dataclass(frozen=True)
class Fused:
    """A consensus. ``reading`` holds nothing where a region is open; ``agreement`` is that of the readings, 0..1."""

    reading: Reading = field(repr=False)
    cells: tuple[CellEvidence, ...] = field(repr=False)
    agreement: float
    method: str
    regions: tuple[Region, ...] = ()
    context: int = 0


@dataclass(frozen=True)
class Decision:
    """An expert's decision on one region: pixels of the box, or a value (None: not said) for each key.

    Attributes:
        options: the region's, as ``Region.columns`` wrote them.
    """

    adjudication: str
    box: Box
    options: Sequence[Mapping[str, Any]] = field(repr=False)
    labels: Labels | None = field(default=None, repr=False)
    values: Said = field(default_factory=dict)

    def option_rasters(self) -> list[Labels]:
        """What readers painted there, uint32, yx, of the box's shape."""
        shape = self.box[2] - self.box[0], self.box[3] - self.box[1]
        return [inflate(str(option["labels"]), shape) for option in self.options if option["labels"] is not None]


class Kind(Protocol):
    """One task.

    Attributes:
        task: its name. context: how many readings of the campaign's other images a fusion wants, at most.
    """

    task: str
    context: int

    def fuse(self, scene: Scene, readings: Sequence[ItemReading]) -> Fused:
        """The consensus of one image's readings, at least one.

        Raises:
            InvalidDocument, MismatchedShapes: readings that do not fit the scene.
        """

    def settle(
        self, scene: Scene, base: Reading, evidence: Evidence, decisions: Sequence[Decision]
    ) -> tuple[Reading, tuple[CellEvidence, ...]]:
        """The consensus ``base`` with every open region decided, one decision each, in order."""


def grouped(answers: Sequence[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """(answer, annotation) pairs as answer -> annotations; most readings first, then in order of the answer."""
    found: dict[str, list[str]] = {}
    for answer, annotation in answers:
        found.setdefault(answer, []).append(annotation)
    return {key: tuple(found[key]) for key in sorted(found, key=lambda key: (-len(found[key]), key))}
