"""The GeoJSON that QuPath writes: objects with an outline or points, a class, and what they are.

QuPath's coordinates are x and y in pixels of the full image from its outer corner, so the first pixel is the square
from (0, 0) to (1, 1), as for ``polygons``. An object is an annotation, a detection or a cell (a detection with a
nucleus); older versions say so in ``id``. Source: https://qupath.readthedocs.io (exporting annotations), and
RFC 7946 for the geometries.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, TooLarge, UnreadableFile
from cellcommons.layouts.roi_outlines import Piece
from cellcommons.polygons import MAX_POINTS, Ring

MAX_BYTES = 256 << 20
_HEAD = 1 << 16
_KINDS = {"annotation", "detection", "cell", "tile", "tma_core", "root"}
_OLD = {"PathAnnotationObject": "annotation", "PathDetectionObject": "detection", "PathCellObject": "cell"}
_OURS = "cellcommons"


@dataclass(frozen=True, eq=False)
class QuPathObject:
    """One feature.

    Attributes:
        kind: ``annotation``, ``detection``, ``cell``, ``tile``, ``tma_core`` or ``root``.
        pieces: of its area, rows and columns of pixel edges; empty where it has none. points: (n, 2), likewise.
        nucleus: pieces of a cell's nucleus. name: as shown in QuPath; empty where unnamed.
        path_class: its class; empty where unclassified. A class derived from another is called ``Tumor: Positive``.
        plane: z and t, from 0. number: of the cell, where it was written here.
    """

    kind: str
    pieces: list[Piece] = field(default_factory=list, repr=False)
    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)), repr=False)
    nucleus: list[Piece] = field(default_factory=list, repr=False)
    name: str = ""
    path_class: str = ""
    plane: tuple[int, int] = (0, 0)
    number: int | None = None


@dataclass(frozen=True)
class QuPathFile:
    """What one file holds. ``notes``: what was written here beside the features (classes, landmarks)."""

    objects: tuple[QuPathObject, ...]
    notes: dict[str, Any]


def looks_like_geojson(path: Path) -> bool:
    """Whether a file's first bytes are those of GeoJSON features. Never raises."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            head = handle.read(_HEAD).lstrip(b"\xef\xbb\xbf \r\n\t")
    except (OSError, EOFError, zlib.error):
        return False
    features = b'"FeatureCollection"' in head or b'"Feature"' in head
    return head[:1] in (b"{", b"[") and (features or head.rstrip() == b"[]")


def read_geojson(path: Path) -> QuPathFile:
    """Read a file: a FeatureCollection, a list of features or one feature; ``.gz`` is unpacked within the limit.

    Raises:
        UnreadableFile: not JSON, or damaged. TooLarge: more than ``MAX_BYTES``, or a million corners in one object.
        InvalidDocument: not GeoJSON, or a feature with a geometry that is none; the message names the feature.
    """
    where = path.name
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            text = handle.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise TooLarge(f"it has more than {MAX_BYTES:,} bytes", where=where, remedy="Export fewer objects a file.")
        document = json.loads(text, parse_constant=_refuse)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise UnreadableFile(f"not JSON that can be read ({str(error)[:120]})", where=where) from error
    notes: dict[str, Any] = {}
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        said = document.get(_OURS)
        notes, document = (said if isinstance(said, dict) else {}), document.get("features")
    if isinstance(document, dict) and document.get("type") == "Feature":
        document = [document]
    if not isinstance(document, list):
        raise InvalidDocument(
            "neither a FeatureCollection nor a list of features", where=where, remedy="Export it as GeoJSON."
        )
    return QuPathFile(tuple(_object(one, f"{where}, object {n}") for n, one in enumerate(document, start=1)), notes)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _object(feature: Any, where: str) -> QuPathObject:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise InvalidDocument("it is no GeoJSON feature", where=where)
    said = feature.get("properties")
    said = said if isinstance(said, dict) else {}
    kind = said.get("objectType") or said.get("object_type") or _OLD.get(str(feature.get("id")), "annotation")
    kind = str(kind).lower()
    geometry = feature.get("geometry")
    pieces, points = geometry_parts(geometry, where=where)
    nucleus = feature.get("nucleusGeometry") or said.get("nucleusGeometry")
    plane = geometry.get("plane") if isinstance(geometry, dict) else None
    z, t = (_whole(plane.get(axis, 0), where) for axis in "zt") if isinstance(plane, dict) else (0, 0)
    metadata = said.get("metadata")
    number = metadata.get("cell") if isinstance(metadata, dict) else None
    known = isinstance(number, str) and number.isdecimal() and 0 < int(number[:11]) < 2**32
    return QuPathObject(
        kind=kind if kind in _KINDS else "annotation",
        pieces=pieces,
        points=points,
        nucleus=geometry_parts(nucleus, where=where)[0] if nucleus else [],
        name=said["name"].strip() if isinstance(said.get("name"), str) else "",
        path_class=_class(said.get("classification")),
        plane=(z, t),
        number=int(number[:11]) if known and isinstance(number, str) else None,
    )


def _class(said: Any) -> str:
    """The class as text: of an object ``{"name": ...}`` or ``{"names": [...]}``, or as it stands."""
    if isinstance(said, dict):
        names = said.get("names")
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return ": ".join(names).strip()
        said = said.get("name")
    return said.strip() if isinstance(said, str) else ""


def _whole(value: Any, where: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not abs(value) < 1 << 31:
        raise InvalidDocument(f"{str(value)[:20]!r} is no number of a plane", where=where)
    return value


def geometry_parts(geometry: Any, *, where: str, depth: int = 0) -> tuple[list[Piece], NDArray[np.float64]]:
    """Pieces of area, and points, of one geometry; lines have neither.

    Raises:
        InvalidDocument: no geometry, or coordinates that are none.
    """
    none: tuple[list[Piece], NDArray[np.float64]] = ([], np.zeros((0, 2)))
    if geometry is None:
        return none
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    given = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind == "Polygon":
        return [_piece(given, where)], none[1]
    if kind == "MultiPolygon":
        return [_piece(one, where) for one in _list(given, where)], none[1]
    if kind == "Point":
        return [], _corners([given], where)
    if kind == "MultiPoint":
        return [], _corners(_list(given, where), where)
    if kind in ("LineString", "MultiLineString"):
        return none
    if kind == "GeometryCollection" and depth < 8:
        parts = [geometry_parts(one, where=where, depth=depth + 1) for one in _list(geometry.get("geometries"), where)]
        return [piece for pieces, _ in parts for piece in pieces], np.concatenate(
            [none[1], *(points for _, points in parts)]
        )
    raise InvalidDocument(f"its geometry is {str(kind)[:30]!r}, which GeoJSON does not know", where=where)


def _piece(rings: Any, where: str) -> Piece:
    found = [_corners(_list(ring, where), where) for ring in _list(rings, where)]
    # GeoJSON says the first corner again at the end.
    return [ring[:-1] if len(ring) > 1 and (ring[0] == ring[-1]).all() else ring for ring in found]


def _corners(given: list[Any], where: str) -> Ring:
    """Rows and columns of ``[x, y]`` or ``[x, y, more]``."""
    if len(given) > MAX_POINTS:
        raise TooLarge(f"a polygon of more than {MAX_POINTS:,} corners", where=where)
    if not given:
        return np.zeros((0, 2))
    try:
        values = np.array([[corner[1], corner[0]] for corner in given], dtype=np.float64)
    except (TypeError, ValueError, OverflowError, IndexError, KeyError):
        raise InvalidDocument("its coordinates are not pairs of numbers", where=where) from None
    if values.ndim != 2 or not np.isfinite(values).all():
        raise InvalidDocument("its coordinates are not pairs of numbers", where=where)
    return values


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidDocument("its coordinates are not lists", where=where)
    return value


def write_geojson(path: Path, features: Iterable[dict[str, Any]], notes: dict[str, Any]) -> None:
    """Write a FeatureCollection, a feature a line; QuPath ignores ``notes``."""
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    ours = f'"{_OURS}":{json.dumps(notes, ensure_ascii=False)},' if notes else ""
    path.write_text(f'{{"type":"FeatureCollection",{ours}"features":[\n{lines}\n]}}\n', encoding="utf-8")


def polygon(pieces: list[Piece]) -> dict[str, Any]:
    """A Polygon, or a MultiPolygon of several pieces: closed rings of x and y, whole numbers as such."""
    listed = [[_closed(ring) for ring in piece] for piece in pieces]
    return {"type": "Polygon", "coordinates": listed[0]} if len(listed) == 1 else {
        "type": "MultiPolygon",
        "coordinates": listed,
    }  # fmt: skip


def _closed(ring: Ring) -> list[list[int | float]]:
    values = np.concatenate([ring, ring[:1]])[:, ::-1].tolist()
    return [[int(v) if v.is_integer() else v for v in corner] for corner in values]
