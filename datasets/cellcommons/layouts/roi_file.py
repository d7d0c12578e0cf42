"""ImageJ's ``.roi`` files: one region of interest each, read and written without ImageJ.

Source: ImageJ's ``ij.io.RoiDecoder`` (public domain), which describes the format: big-endian, a header of 64 bytes,
coordinates, and a second header with position and name. Coordinates of areas are corners of pixels, x and y from the
outer corner of the first pixel, as for ``polygons``; a point of whole numbers is a pixel.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import CannotCarry, InvalidDocument, UnreadableFile
from cellcommons.labels import Cell
from cellcommons.layouts.roi_outlines import MAX_CORNER, Drawing, Piece
from cellcommons.overlapping import cell_of
from cellcommons.polygons import Ring

MAX_BYTES = 64 << 20
MAX_SIDE = 60_000
_HEADER = struct.Struct(">4shBx4hH4fhi2i2h2Bhii")
_SECOND = struct.Struct(">4x5i40x")
_VERSION = 228
_KINDS = (
    "polygon", "rectangle", "oval", "line", "freehand line", "polyline", "none", "freehand", "traced", "angle", "point",
)  # fmt: skip
_AREAS = ("polygon", "freehand", "traced")
_TEXT, _ARROW, _PICTURE = 1, 2, 4
_SUBPIXEL = 128
_RECTANGLE, _TRACED = 1, 8
_CURVE = np.linspace(0, 1, 17)[1:, None]


@dataclass(frozen=True, eq=False)
class Roi:
    """One region of interest.

    Attributes:
        name: as the file says; may be empty. kind: ``polygon``, ``oval``, ``point`` ...; ``composite``, ``text``.
        pieces: of an outline; a composite is one piece of all its rings, even-odd. points: (n, 2) row and column, 0 at
            the centre of the first pixel.
        box: of a rectangle or oval, ``(top, left, bottom, right)``. arc: diameter of a rectangle's rounded corners.
        czt: channel, plane and frame from 1, 0 where not said. position: of the flat stack, likewise.
    """

    name: str
    kind: str
    pieces: list[Piece] = field(default_factory=list, repr=False)
    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)), repr=False)
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    arc: int = 0
    czt: tuple[int, int, int] = (0, 0, 0)
    position: int = 0

    @property
    def is_area(self) -> bool:
        """Whether it encloses pixels."""
        return bool(self.pieces) or self.kind in ("rectangle", "oval")

    def plane(self, sizes: tuple[int, int, int]) -> tuple[int, int] | None:
        """z and t from 0 in a stack of ``sizes`` channels, planes and frames; None where it says none of them."""
        if any(self.czt[1:]):
            return max(self.czt[1], 1) - 1, max(self.czt[2], 1) - 1
        flat = (self.position - 1) // sizes[0]
        return (flat % sizes[1], flat // sizes[1]) if self.position > 0 else None

    def cell(self, drawing: Drawing, number: int, *, where: str) -> Cell | None:
        """The pixels whose centres lie inside, as ImageJ has it. Raises InvalidDocument, TooLarge."""
        if self.pieces:
            return drawing.cell(number, self.pieces, where=where)
        top, left, bottom, right = self.box
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(bottom, drawing.shape[0]), min(right, drawing.shape[1])
        if y1 <= y0 or x1 <= x0:
            return None
        drawing.take((y1 - y0) * (x1 - x0), where)
        rows, columns = np.arange(y0, y1)[:, None] + 0.5, np.arange(x0, x1)[None] + 0.5
        height, width = (bottom - top) / 2, (right - left) / 2
        radii = (height, width) if self.kind == "oval" else (min(self.arc / 2, height), min(self.arc / 2, width))
        if min(radii) <= 0:
            return cell_of(number, np.ones((y1 - y0, x1 - x0), dtype=np.bool_), corner=(y0, x0))
        # Distances from the middle beyond where the corners begin to round, in radii.
        beyond = [
            np.maximum(np.abs(place - middle) - half + radius, 0) / radius
            for place, middle, half, radius in (
                (rows, top + height, height, radii[0]),
                (columns, left + width, width, radii[1]),
            )
        ]
        return cell_of(number, beyond[0] ** 2 + beyond[1] ** 2 <= 1, corner=(y0, x0))


def parse_roi(data: bytes, *, where: str) -> Roi:
    """Read a region of interest.

    Raises:
        UnreadableFile: not ImageJ's, or cut short. InvalidDocument: a kind or a path that is not known.
    """
    if data[:4] != b"Iout" or len(data) < _HEADER.size or len(data) > MAX_BYTES:
        raise UnreadableFile("it is no region of interest of ImageJ, or is cut short", where=where)
    (
        _,
        version,
        kind,
        *edges,
        count,
        _,
        _,
        _,
        _,
        _,
        shape_size,
        _,
        _,
        subtype,
        options,
        _,
        _,
        arc,
        position,
        second,
    ) = _HEADER.unpack_from(data)
    top, left, bottom, right = (_unsigned(edge) for edge in edges)
    if not 0 <= kind < len(_KINDS):
        raise InvalidDocument(f"a region of kind {kind} is not known", where=where)
    czt, name = _second_header(data, second)
    name_of = _KINDS[kind]
    common = {"czt": czt, "position": max(position, 0), "box": (top, left, bottom, right)}
    if kind == _RECTANGLE and shape_size > 0:
        return Roi(name, "composite", pieces=[_paths(_floats(data, 64, shape_size, where), where)], **common)
    if kind == _RECTANGLE and subtype in (_TEXT, _PICTURE):
        return Roi(name, "text" if subtype == _TEXT else "picture", **common)
    if name_of in ("rectangle", "oval"):
        return Roi(name, name_of, arc=max(arc, 0) if name_of == "rectangle" else 0, **common)
    if name_of not in (*_AREAS, "point"):
        return Roi(name, name_of, **common)
    if not count:  # more corners than 16 bits can say
        (count,) = struct.unpack_from(">i", data, 18)
    if not 0 <= count <= len(data):
        raise UnreadableFile(f"it says that it has {count} corners", where=where)
    if options & _SUBPIXEL and version >= 222:
        values = _floats(data, 64 + 4 * count, 2 * count, where)
        corners = values.reshape(2, count)[::-1].T
        points = corners - 0.5
    else:
        if 64 + 4 * count > len(data):
            raise UnreadableFile("it is cut short: corners are missing", where=where)
        whole = np.frombuffer(data, dtype=">i2", count=2 * count, offset=64).astype(np.float64)
        whole = np.where(whole < -5000, whole + 65_536, np.maximum(whole, 0))  # as ImageJ takes them
        corners = whole.reshape(2, count)[::-1].T + np.array([top, left], dtype=np.float64)
        points = corners
    if name_of == "point":
        return Roi(name, name_of, points=np.ascontiguousarray(points), **common)
    return Roi(name, name_of, pieces=[[np.ascontiguousarray(corners)]], **common)


def _unsigned(value: int) -> int:
    """Sides beyond 32,767 are kept as unsigned; ImageJ draws the line at -5000."""
    return value + 65_536 if value < -5000 else value


def _second_header(data: bytes, offset: int) -> tuple[tuple[int, int, int], str]:
    if offset < _HEADER.size or offset + 24 > len(data):
        return (0, 0, 0), ""
    c, z, t, start, length = struct.unpack_from(">5i", data, offset + 4)
    name = ""
    if 0 < length <= 1000 and 0 < start <= len(data) - 2 * length:
        name = data[start : start + 2 * length].decode("utf-16-be", errors="replace")
    return (max(c, 0), max(z, 0), max(t, 0)), name


def _floats(data: bytes, offset: int, count: int, where: str) -> NDArray[np.float64]:
    if count < 0 or offset + 4 * count > len(data):
        raise UnreadableFile("it is cut short: coordinates are missing", where=where)
    with np.errstate(invalid="ignore"):  # NaN of the kind that signals
        values = np.frombuffer(data, dtype=">f4", count=count, offset=offset).astype(np.float64)
    if not (np.abs(values) <= MAX_CORNER).all():
        raise InvalidDocument("a coordinate is no number within reach of an image", where=where)
    return values


def _paths(values: NDArray[np.float64], where: str) -> Piece:
    """The rings of a composite: moves, lines, curves of second and third order, and ends."""
    rings: list[Ring] = []
    ring: list[NDArray[np.float64]] = []
    lengths = {0: 2, 1: 2, 2: 4, 3: 6, 4: 0}
    at = 0
    while at < values.size:
        step = int(values[at])
        if step != values[at] or step not in lengths or at + lengths[step] >= values.size + (step == 4):
            raise InvalidDocument("the path of a composite region is damaged", where=where)
        corners = values[at + 1 : at + 1 + lengths[step]].reshape(-1, 2)[:, ::-1]
        at += 1 + lengths[step]
        if step in (0, 4):
            rings += [np.concatenate(ring)] if ring else []
            ring = []
        if step in (0, 1):
            ring.append(corners)
        elif step in (2, 3):
            if not ring:
                raise InvalidDocument("a path of a composite region begins with a curve", where=where)
            ring.append(_curve(np.concatenate([ring[-1][-1:], corners])))
    rings += [np.concatenate(ring)] if ring else []
    return rings


def _curve(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points on a Bezier curve after its first, by de Casteljau's construction."""
    points = [np.repeat(corner[None], len(_CURVE), axis=0) for corner in corners]
    while len(points) > 1:
        points = [one + (two - one) * _CURVE for one, two in pairwise(points)]
    return points[0]


def roi_bytes(pieces: list[Piece], name: str) -> bytes:
    """A region that encloses ``pieces``: traced where it is one without holes, else composite.

    Raises:
        CannotCarry: a corner beyond 60,000 pixels, which the format has no number for.
    """
    corners = np.concatenate([ring for piece in pieces for ring in piece])
    (top, left), (bottom, right) = (edge.astype(int).tolist() for edge in (corners.min(axis=0), corners.max(axis=0)))
    if bottom > MAX_SIDE or right > MAX_SIDE:
        raise CannotCarry(f"ImageJ's regions reach {MAX_SIDE:,} pixels", where=name, remedy="Cut the image up.")
    if len(pieces) == 1 and len(pieces[0]) == 1:
        kind, size, count = _TRACED, 0, len(corners)
        body = (corners - [top, left])[:, ::-1].T.astype(">u2").tobytes()
    else:
        path: list[float] = []
        for ring in (ring for piece in pieces for ring in piece):
            for place, (y, x) in enumerate(ring.tolist()):
                path += [float(place > 0), x, y]
            path.append(4.0)
        kind, size, count = _RECTANGLE, len(path), 0
        body = np.array(path, dtype=">f4").tobytes()
    edges = [edge - 65_536 if edge > 32_767 else edge for edge in (top, left, bottom, right)]
    second = _HEADER.size + len(body)
    short = count if count < 65_536 else 0
    header = bytearray(
        _HEADER.pack(b"Iout", _VERSION, kind, *edges, short, *[0.0] * 4, 0, size, 0, 0, 0, 0, 0, 0, 0, 0, second)
    )
    if count and not short:
        struct.pack_into(">i", header, 18, count)
    text: bytes = name.encode("utf-16-be")
    ending = _SECOND.pack(0, 0, 0, second + _SECOND.size, len(text) // 2)
    return b"".join([header, body, ending, text])
