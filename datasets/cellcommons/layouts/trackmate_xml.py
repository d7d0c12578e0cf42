"""TrackMate's XML: spots and links in, spots and links out.

Source: Tinevez et al. 2017, "TrackMate: an open and extensible platform for single-particle tracking",
https://doi.org/10.1016/j.ymeth.2016.09.016. Read as a stream; a document type or entity is refused before it is
resolved, so that a file can neither open others nor unfold without end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument, NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.linked import lineage_as_named, lineage_from_edges
from cellcommons.points import PointTracks

TRACK = "CELLCOMMONS_TRACK"
"""A spot's feature, written here: the number of its track, which TrackMate's own tracks (whole families) do not say."""
MAX_BYTES = 2 << 30
_CHANNELS = "cellcommons_channels"
_LAST_FRAME = 1 << 31
_MICRONS = ("micron", "microns", "micrometer", "um", "µm", "μm")
_FEATURES = {
    "QUALITY": "QUALITY",
    "POSITION_X": "POSITION",
    "POSITION_Y": "POSITION",
    "POSITION_Z": "POSITION",
    "POSITION_T": "TIME",
    "FRAME": "NONE",
    "RADIUS": "LENGTH",
    "VISIBILITY": "NONE",
    TRACK: "NONE",
}
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
    """

    tracks: PointTracks
    image_name: str
    shape_yx: tuple[int, int]
    frames: int
    loose_spots: int
    channels: tuple[str, ...] = ()


@dataclass
class _Contents:
    spots: dict[int, tuple[int, float, float, float, float]] = field(default_factory=dict)
    links: list[tuple[str, int, int]] = field(default_factory=list)
    named: dict[int, int] = field(default_factory=dict)
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
    names = _channels(found.image.get(_CHANNELS, ""))
    return TrackMateFile(tracks, found.image.get("filename", ""), (size[0], size[1]), size[2], loose, names)


def write_trackmate(
    tracks: PointTracks,
    path: Path,
    *,
    image_name: str,
    shape_yx: tuple[int, int],
    frames: int,
    channels: tuple[str, ...] = (),
) -> None:
    """Write a file that TrackMate opens: spots, links, tracks all shown, and the name of the movie beside it.

    A track of one spot without links cannot be said in TrackMate's tracks; its spot is listed outside them.

    Raises:
        InvalidDocument: positions in three dimensions.
    """
    if tracks.positions.shape[1] != 2:
        raise InvalidDocument("sessions are written for flat movies only", where=path.name)
    nodes, edges = tracks.lineage.nodes(), tracks.lineage.edges()
    known = tracks.pixel_size.known
    height, width = (tracks.pixel_size.y or 1.0, tracks.pixel_size.x or 1.0) if known else (1.0, 1.0)
    interval = tracks.seconds_per_frame
    root = ElementTree.Element("TrackMate", version="6.0.1")
    units = {"spatialunits": "micron" if known else "pixel", "timeunits": "sec" if interval else "frame"}
    model = ElementTree.SubElement(root, "Model", units)
    declared = ElementTree.SubElement(model, "FeatureDeclarations")
    features = ElementTree.SubElement(declared, "SpotFeatures")
    for name, kind in _FEATURES.items():
        said = {"feature": name, "name": name.capitalize(), "shortname": name.capitalize(), "dimension": kind}
        ElementTree.SubElement(
            features, "Feature", {**said, "isint": str(name in ("FRAME", "VISIBILITY", TRACK)).lower()}
        )
    for other in ("EdgeFeatures", "TrackFeatures"):
        ElementTree.SubElement(declared, other)
    listing = ElementTree.SubElement(model, "AllSpots", nspots=str(len(nodes)))
    spot_of: dict[tuple[int, int], str] = {}
    holder, current = listing, -1
    for row, (frame, cell) in enumerate(nodes.tolist()):
        if frame != current:
            holder, current = ElementTree.SubElement(listing, "SpotsInFrame", frame=str(frame)), frame
        y, x = tracks.positions[row]
        spot_of[frame, cell] = str(row)
        values = {"POSITION_X": x * width, "POSITION_Y": y * height, "POSITION_Z": 0.0}
        values |= {"POSITION_T": frame * (interval or 1.0), "FRAME": frame, "VISIBILITY": 1, "QUALITY": 1.0}
        values |= {"RADIUS": tracks.radii[row] * width, TRACK: cell}
        shown = {
            key: str(v) if isinstance(v, int) else repr(float(v)).replace("nan", "NaN") for key, v in values.items()
        }
        ElementTree.SubElement(holder, "Spot", {"ID": str(row), "name": f"ID{row}", **shown})
    families = _families(tracks)
    groups = ElementTree.SubElement(model, "AllTracks")
    shown_tracks = ElementTree.SubElement(model, "FilteredTracks")
    elements: dict[int, ElementTree.Element] = {}
    for frame, cell, later, other in edges.tolist():
        family = families[cell]
        if family not in elements:
            named = {"name": f"Track_{family}", "TRACK_ID": str(family)}
            elements[family] = ElementTree.SubElement(groups, "Track", named)
            ElementTree.SubElement(shown_tracks, "TrackID", TRACK_ID=str(family))
        ends = {"SPOT_SOURCE_ID": spot_of[frame, cell], "SPOT_TARGET_ID": spot_of[later, other]}
        ElementTree.SubElement(elements[family], "Edge", ends)
    settings = ElementTree.SubElement(root, "Settings")
    numbers = {"width": shape_yx[1], "height": shape_yx[0], "nslices": 1}
    sizes = {"pixelwidth": width, "pixelheight": height, "voxeldepth": 1.0, "timeinterval": interval or 1.0}
    said = {key: str(value) for key, value in (numbers | {"nframes": frames} | sizes).items()}
    said |= {_CHANNELS: json.dumps(channels)} if channels else {}
    ElementTree.SubElement(settings, "ImageData", {"filename": image_name, "folder": "", **said})
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)


def _families(tracks: PointTracks) -> dict[int, int]:
    """TrackMate's track holds a whole family; each is named by its first ancestor."""
    family: dict[int, int] = {}
    for track in sorted(tracks.lineage.tracks, key=lambda t: t.begin):
        family[track.id] = track.id if track.parent is None else family[track.parent]
    return family


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

    parser.StartElementHandler = start
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
