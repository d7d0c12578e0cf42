"""What part of a release somebody wants: images by name or by a query, all of their pixels, a window, or none."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from cellcommons.errors import InvalidDocument
from cellcommons.images.windows import Window, parse_roi
from cellcommons.indexes import SPLITS, TARGET, ReleaseItem

#: What a query may ask of an image.
COLUMNS = ("image", "name", "path", "source", "stratum", "split", "channels", "height", "width", "cells", "tracks")
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_EXAMPLE = "For example: stratum == 'tissue' and cells > 10."
_MAX_QUERY = 2000


@dataclass(frozen=True)
class Selection:
    """Which images, and what of them; as a whole it takes everything.

    Attributes:
        split: of one split only. images: only those of these names (``name``, ``path`` or hub id).
        query: only those for which it holds, see ``parse_query``.
        labels_only: no images and nothing that is given beside them. no_images: no images.
        channels: these channels of the images only, by name.
        roi: this region of images, labels and targets only, see ``images.windows.parse_roi``.

    Raises:
        InvalidDocument: no such split; a query or region that is not understood, or an empty region.
    """

    split: str | None = None
    images: tuple[str, ...] = ()
    query: str = ""
    labels_only: bool = False
    no_images: bool = False
    channels: tuple[str, ...] = ()
    roi: str = ""

    def __post_init__(self) -> None:
        if self.split is not None and self.split not in SPLITS:
            raise InvalidDocument(f"split {self.split!r} is not one of {', '.join(SPLITS)}")
        if self.query:
            parse_query(self.query)
        if self.roi:
            parse_roi(self.roi)

    @classmethod
    def parse(cls, document: Any, *, where: str = "") -> Selection:
        """From what ``document`` gave. Raises InvalidDocument."""
        names = {field.name for field in fields(cls)}
        if not isinstance(document, dict) or not document.keys() <= names:
            raise InvalidDocument("this selection is not understood", where=where)
        named = {name: tuple(document.get(name, ())) for name in ("images", "channels")}
        return cls(**{**document, **named})

    def document(self) -> dict[str, Any]:
        """As JSON, what is not asked for left out; empty where everything is taken."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items() if value}

    def __bool__(self) -> bool:
        return bool(self.document())

    @property
    def cuts(self) -> bool:
        """Whether it takes only some of the pixels of an image."""
        return bool(self.channels or self.roi)

    def window(self, role: str) -> Window:
        """What it takes of a tree: channels are of the image; what is found in it, and its labels, have its region.

        Args:
            role: as of ``Release.trees``. What is given beside an image, but for a target, is taken whole.
        """
        region = parse_roi(self.roi) if self.roi and role in ("image", "labels", TARGET) else {}
        return Window(self.channels if role == "image" else (), region)

    def check(self, item: ReleaseItem) -> None:
        """Refuse channels that the image lacks, and a region beyond its rows or columns. Raises BadSelection."""
        window, where = self.window("image"), item.name
        window.check_channels(item.channels, where=where)
        window.check_size({"y": item.height, "x": item.width}, where=where)

    def picked(self, items: tuple[ReleaseItem, ...]) -> tuple[ReleaseItem, ...]:
        """Those of ``items`` that are wanted. Raises InvalidDocument where a query fits no column's kind."""
        asks = parse_query(self.query) if self.query else None
        names = set(self.images)
        return tuple(
            item
            for item in items
            if (self.split is None or item.split == self.split)
            and (not names or not names.isdisjoint((item.name, item.path, item.image)))
            and (asks is None or asks(_row(item)))
        )

    def missing(self, items: tuple[ReleaseItem, ...]) -> list[str]:
        """Names that no item has."""
        known = {name for item in items for name in (item.name, item.path, item.image)}
        return [name for name in self.images if name not in known]

    def trees(self, trees: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Of ``(role, digest)`` of an item's trees, those that are wanted."""
        if self.labels_only:
            return tuple(tree for tree in trees if tree[0] == "labels")
        return tuple(tree for tree in trees if tree[0] != "image") if self.no_images else trees

    def line(self) -> str:
        """In words."""
        parts = [f"split {self.split}"] if self.split else []
        parts += [f"{len(self.images):,} named images"] if self.images else []
        parts += [f"images where {self.query}"] if self.query else []
        parts += [f"channels {', '.join(self.channels)}"] if self.channels else []
        parts += [f"region {self.roi}"] if self.roi else []
        parts += ["labels only"] if self.labels_only else ["without images"] if self.no_images else []
        return ", ".join(parts) or "everything"


def parse_query(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """A question of one image: columns, numbers, texts and lists, compared, joined by ``and``, ``or``, ``not``.

    Nothing else is understood: the text is parsed and walked, never run.

    Args:
        text: e.g. ``stratum == 'tissue' and cells > 10``, ``'DNA' in channels``; columns are ``COLUMNS``.

    Raises:
        InvalidDocument: something else stands in it; the message says what.
    """
    if len(text) > _MAX_QUERY:
        raise InvalidDocument(f"a query has at most {_MAX_QUERY} characters", remedy=_EXAMPLE)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        _check(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InvalidDocument("the query cannot be read", where=text[:200], remedy=_EXAMPLE) from None

    def asks(row: Mapping[str, Any]) -> bool:
        try:
            return bool(_value(tree, row))
        except TypeError as error:
            raise InvalidDocument(f"the query compares different kinds ({error})", where=text[:200]) from None

    return asks


def _check(node: ast.AST) -> None:
    """Raises InvalidDocument at the first thing that a query does not have."""
    match node:
        case ast.BoolOp(values=values):
            parts: list[ast.AST] = list(values)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            parts = [operand]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARE for op in ops):
            parts = [left, *others]
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            parts = list(elements)
        case ast.Constant(value=str() | int() | float()):
            parts = []
        case ast.Name(id=name) if name in COLUMNS:
            parts = []
        case ast.Name(id=name):
            raise InvalidDocument(f"there is no column {name!r}", remedy=f"There are {', '.join(COLUMNS)}.")
        case _:
            raise InvalidDocument(f"a query has no {type(node).__name__}", remedy=_EXAMPLE)
    for part in parts:
        _check(part)


def _value(node: ast.AST, row: Mapping[str, Any]) -> Any:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_value(value, row) for value in values)
        case ast.BoolOp(values=values):
            return any(_value(value, row) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, row)
        case ast.UnaryOp(operand=operand):
            return -_value(operand, row)
        case ast.Compare(left=left, ops=ops, comparators=others):
            values = [_value(part, row) for part in (left, *others)]
            return all(_COMPARE[type(op)](a, b) for op, a, b in zip(ops, values, values[1:], strict=False))
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value(element, row) for element in elements]
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return row[name]
    raise InvalidDocument(f"a query has no {type(node).__name__}", remedy=_EXAMPLE)


def _row(item: ReleaseItem) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in COLUMNS if name not in ("cells", "tracks")}
    return {**row, "cells": len(item.cells), "tracks": len(item.tracks)}
