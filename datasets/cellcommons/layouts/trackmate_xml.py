"""TrackMate's XML, read: spots and links; ``trackmate_writing`` writes it.

Source: Tinevez et al. 2017, "TrackMate: an open and extensible platform for single-particle tracking",
https://doi.org/10.1016/j.ymeth.2016.09.016. Read as a stream; a document type or entity is refused before it is
resolved, so that a file can neither open others nor unfold without end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument, NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.linked import lineage_as_named, lineage_from_edges
from cellcommons.points import PointTracks
from cellcommons.polygons import Ring

TRACK = "CELLCOMMONS_TRACK"
"""A spot's feature, written here: the number of its track, which TrackMate's own tracks (whole families) do not say."""
MAX_BYTES = 2 << 30
CHANNELS = "cellcommons_channels"
_LAST_FRAME = 1 << 31
_MICRONS = ("micron", "microns", "micrometer", "um", "µm", "μm")
_SECONDS = {"sec": 1.0, "second": 1.0, "seconds": 1.0, "s": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0}


@dataclass
class TrackMateFile:
    """What one file says.

    Attributes:
        tracks: the spots of the filtered tracks, and spots without links that were written here as tracks of one frame.
            Tracks are numbered as the spots say where they do and agree with the links, else 1.. by first frame.
        image_name: the movie's file name. shape_yx: its size, pixels. frames: its length.
        loose_spots: visible spots that are in no filtered track, and left out. channels: of the movie, where it was
            written here; empty else.
        outlines: of each spot of ``tracks``, rows and columns of pixel edges, where all of them have one; None else.
    """

    tracks: PointTracks
    image_name: str
    shape_yx: tuple[int, int]
    frames: int
    loose_spots: int
    channels: tuple[str, ...] = ()
    outlines: tuple[Ring, ...] | None = None


@dataclass
class _Contents:
    spots: dict[int, tuple[int, float, float, float, float]] = field(default_factory=dict)
    links: list[tuple[str, int, int]] = field(default_factory=list)
    named: dict[int, int] = field(default_factory=dict)
    outlines: dict[int, Ring] = field(default_factory=dict)
    spot: tuple[int, str] | None = None
    text: list[str] = field(default_factory=list)
    members: dict[str, None] = field(default_factory=dict)
    image: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    root: str = ""
    track: str = ""


def read_trackmate(path: Path) -> TrackMateFile:
    """Read the filtered tracks of a TrackMate file; positions become pixels.

    Raises:
        NotFound, UnreadableFile: no such file; not XML, cut short, or it holds a document type.
        WrongFormat: XML of another kind.
        InvalidDocument: a number is missing or wrong, a link names no spot, or two spots merge into one: a cell here
            has one parent.
    """
    found = _parsed(path)
    if found.root != "TrackMate":
        raise WrongFormat(f"its root is <{found.root}>, not <TrackMate>", where=path.name)
    if not found.image:
        raise InvalidDocument(
            "no <ImageData>, so neither the movie nor its pixel size is known",
            where=path.name,
            remedy="Save the session in TrackMate again, or export CTC folders from it.",
        )
    width, height, depth = (_scale(found, path, key) for key in ("pixelwidth", "pixelheight", "voxeldepth"))
    wanted = {spot for name, *ends in found.links if name in found.members for spot in ends}
    strange = wanted - set(found.spots)
    if strange:
        raise InvalidDocument(f"a link names spot {min(strange)}, which is not listed", where=path.name)
    linked = {spot for _, *ends in found.links for spot in ends}
    wanted |= {spot for spot in found.named if spot not in linked}
    order = sorted(wanted, key=lambda spot: (found.spots[spot][0], spot))
    nodes = np.array([(found.spots[spot][0], spot) for spot in order], dtype=np.int64).reshape(-1, 2)
    links = []
    for name, one, two in found.links:
        if name in found.members:
            early, late = sorted((one, two), key=lambda spot: found.spots[spot][0])
            links.append((found.spots[early][0], early, found.spots[late][0], late))
    edges = np.array(links, dtype=np.int64).reshape(-1, 4)
    try:
        ids = np.array([found.named.get(spot, 0) for spot in order], dtype=np.int64)
        lineage = lineage_as_named(nodes, edges, ids)
        if lineage is None:
            lineage, ids = lineage_from_edges(nodes, edges)
    except InvalidDocument as error:
        raise InvalidDocument(
            f"{error.what}: {error.where.replace('cell', 'spot')}",
            where=path.name,
            remedy="Cells have one parent here. Track again with merging forbidden, or cut the link in TrackMate.",
        ) from error
    values = np.array([found.spots[spot][1:] for spot in order], dtype=np.float64).reshape(-1, 4)
    by_track = np.lexsort((ids, nodes[:, 0]))
    values = values[by_track] / np.array([depth, height, width, width])
    flat = _number(found.image.get("nslices") or "1", path, "nslices") == 1
    micron = found.units.get("spatialunits", "").lower() in _MICRONS
    step = _SECONDS.get(found.units.get("timeunits", "").lower())
    interval = _number(found.image.get("timeinterval") or "0", path, "timeinterval") if step else 0.0
    tracks = PointTracks(
        positions=np.ascontiguousarray(values[:, 1:3] if flat else values[:, :3]),
        radii=np.ascontiguousarray(values[:, 3]),
        lineage=lineage,
        pixel_size=PixelSize(height, width, None if flat else depth) if micron else PixelSize(),
        seconds_per_frame=step * interval if step and interval > 0 else None,
    )
    size = tuple(int(_number(found.image.get(key, ""), path, key)) for key in ("height", "width", "nframes"))
    loose = len(found.spots) - len(wanted)
    names = _channels(found.image.get(CHANNELS, ""))
    outlines = None
    if wanted and wanted <= set(found.outlines):
        # TrackMate's positions are 0 at the centre of the first pixel, and its outlines run along edges of pixels.
        steps = np.array([height, width])
        rows = [order[row] for row in by_track.tolist()]
        outlines = tuple((found.outlines[spot] + found.spots[spot][2:4]) / steps + 0.5 for spot in rows)
    file_name = found.image.get("filename", "")
    return TrackMateFile(tracks, file_name, (size[0], size[1]), size[2], loose, names, outlines)


def _parsed(path: Path) -> _Contents:
    found = _Contents()
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise UnreadableFile("it holds a document type, which TrackMate never writes", where=path.name)

    def start(name: str, given: dict[str, str]) -> None:
        found.root = found.root or name
        if name == "Spot" and given.get("VISIBILITY", "1") != "0":
            keys = ("POSITION_Z", "POSITION_Y", "POSITION_X")
            place = [_number(given.get(key, "0" if key.endswith("Z") else ""), path, key) for key in keys]
            told = given.get("RADIUS", "NaN") != "NaN"
            radius = _number(given["RADIUS"], path, "RADIUS") if told else float("nan")
            frame = _number(given.get("FRAME", ""), path, "FRAME")
            number = _id(given, "ID", path)
            if number in found.spots or not 0 <= frame < _LAST_FRAME or frame != int(frame):
                raise InvalidDocument(f"spot {number} is listed twice, or in frame {frame:g}", where=path.name)
            found.spots[number] = (int(frame), place[0], place[1], place[2], radius)
            if given.get("ROI_N_POINTS", "0") != "0":
                found.spot, found.text = (number, given["ROI_N_POINTS"]), []
            if given.get(TRACK, "").isdecimal() and len(given[TRACK]) < 11:
                found.named[number] = int(given[TRACK])
        elif name == "Track":
            found.track = given.get("TRACK_ID", "")
        elif name == "Edge":
            ends = _id(given, "SPOT_SOURCE_ID", path), _id(given, "SPOT_TARGET_ID", path)
            found.links.append((found.track, *ends))
        elif name == "TrackID":
            found.members[given.get("TRACK_ID", "")] = None
        elif name == "ImageData":
            found.image = given
        elif name == "Model":
            found.units = given

    def text(piece: str) -> None:
        if found.spot is not None:
            found.text.append(piece)

    def end(name: str) -> None:
        if name == "Spot" and found.spot is not None:
            (number, count), found.spot = found.spot, None
            outline = _outline("".join(found.text), count, f"{path.name}, spot {number}")
            if outline is not None:
                found.outlines[number] = outline

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = lambda *_: 0
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TooLarge(f"it has more than {MAX_BYTES:,} bytes", where=path.name)
        with path.open("rb") as handle:
            parser.ParseFile(handle)
    except FileNotFoundError:
        raise NotFound("no such file", where=str(path)) from None
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter for encodings that are none
        raise UnreadableFile(f"it is no whole XML ({error})", where=path.name) from error
    return found


def _outline(text: str, count: str, where: str) -> Ring | None:
    """Corners as rows and columns from the spot, in its units; None for the mesh of a volume."""
    try:
        values, corners = np.array(text.split(), dtype=np.float64), int(count)
    except (ValueError, OverflowError):
        values, corners = np.full(1, np.nan), 1
    if not np.isfinite(values).all() or values.size not in (2 * corners, 3 * corners):
        raise InvalidDocument(f"its outline is no list of {count[:20]} corners", where=where)
    return np.ascontiguousarray(values.reshape(-1, 2)[:, ::-1]) if values.size == 2 * corners else None


def _channels(text: str) -> tuple[str, ...]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) and name for name in names) else ()


def _number(text: str, path: Path, key: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InvalidDocument(f"{key} is {text!r}, no number", where=path.name)
    return value


def _id(given: dict[str, str], key: str, path: Path) -> int:
    text = given.get(key, "")
    if not text.isdecimal() or len(text) > 9:
        raise InvalidDocument(f"{key} is {text[:20]!r}, no number of a spot", where=path.name)
    return int(text)


def _scale(found: _Contents, path: Path, key: str) -> float:
    value = _number(found.image.get(key, "1"), path, key)
    return value if value > 0 else 1.0
