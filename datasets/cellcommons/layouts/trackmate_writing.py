"""TrackMate's XML, written: spots, links, and what the reader here takes back."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from cellcommons.errors import InvalidDocument
from cellcommons.layouts.trackmate_xml import CHANNELS, TRACK
from cellcommons.points import PointTracks

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
    said |= {CHANNELS: json.dumps(channels)} if channels else {}
    ElementTree.SubElement(settings, "ImageData", {"filename": image_name, "folder": "", **said})
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)


def _families(tracks: PointTracks) -> dict[int, int]:
    """TrackMate's track holds a whole family; each is named by its first ancestor."""
    family: dict[int, int] = {}
    for track in sorted(tracks.lineage.tracks, key=lambda t: t.begin):
        family[track.id] = track.id if track.parent is None else family[track.parent]
    return family
