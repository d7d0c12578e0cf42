"""In silico labeling: one PNG a plane, everything about it in the file's name.

Source: Christiansen et al. 2018, "In Silico Labeling: Predicting Fluorescent Labels in Unlabeled Images",
https://doi.org/10.1016/j.cell.2018.03.040. A name is a list of ``key-value`` parts joined by commas, for example
``lab-FINKBEINER,condition-KEVAN_0_8,acquisition_date,year-2015,month-10,day-5,minute-0,well-A4,...,z_depth-0,
channel-PHASE_CONTRAST,is_mask-false.png``. Planes with a ``z_depth`` are transmitted light and make the image; those
without are fluorescence and make its target. Beside them, ``<marker>_widefield.png`` files of one folder are a pair
from DAPI to the other markers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.errors import MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.readers import read_image
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.pairs import ImagePair

NUCLEI = "dapi"
WIDEFIELD = "_widefield"


@dataclass
class _Field:
    """The files of one field of view."""

    planes: dict[int, Path] = field(default_factory=dict)
    markers: dict[str, Path] = field(default_factory=dict)
    light: set[str] = field(default_factory=set)


class Isl:
    """Transmitted light stacks with fluorescence. The image has axes ``czyx`` (one channel), its target ``cyx``.

    The source is the lab, condition and day: one culture, imaged together.
    """

    name = "isl"
    title = "In silico labeling (transmitted light z planes and fluorescence markers, named by keys)"
    task = "augmented"

    def guess(self, path: Path) -> tuple[float, str]:
        fields, widefield, _ = _collected(path)
        whole = sum(bool(f.planes and f.markers) for f in fields.values())
        if whole:
            return 0.95, f"{whole} fields with z planes and markers"
        if any(len(markers) > 1 and NUCLEI in markers for markers in widefield.values()):
            return 0.7, "a DAPI image beside other markers"
        return 0.0, "no PNG named by z_depth-N and channel-NAME, and no <marker>_widefield pair"

    def scan(self, path: Path) -> Scan:
        fields, widefield, skipped = _collected(path)
        entries = []
        for key, found in sorted(fields.items()):
            one = next(iter((*found.planes.values(), *found.markers.values()))).parent
            if reason := _fault(found):
                skipped.append(Skipped(one, reason))
                continue
            markers = sorted(found.markers)
            metadata: dict[str, Any] = {
                "source_known": True,
                "z_planes": len(found.planes),
                "channel": next(iter(found.light)),
                "markers": markers,
            }
            paths = [found.planes[z] for z in sorted(found.planes)] + [found.markers[name] for name in markers]
            lab, condition, day, well = key
            entries.append(
                Entry(f"{lab} {condition} {day} {well}", tuple(paths), f"{lab} {condition} {day}", "", metadata)
            )
        for folder, known in sorted(widefield.items()):
            others = sorted(set(known) - {NUCLEI})
            if NUCLEI not in known or not others:
                skipped += [Skipped(file, "a widefield image without its DAPI partner") for file in known.values()]
                continue
            metadata = {"source_known": False, "z_planes": 1, "channel": NUCLEI.upper()}
            metadata["markers"] = [name.upper() for name in others]
            name = f"{folder.name} {NUCLEI} to {' '.join(others)}"
            entries.append(Entry(name, (known[NUCLEI], *(known[o] for o in others)), name, "widefield", metadata))
        if not entries:
            raise UnknownLayout(
                "no field with both transmitted light planes and fluorescence here"
                + (f" ({skipped[0].reason})" if skipped else ""),
                where=str(path),
                remedy="Point to the folder of PNG files named by channel-NAME and z_depth-N.",
            )
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        count = entry.metadata["z_planes"]
        planes = _planes(entry.paths[:count])
        targets = _planes(entry.paths[count:])
        image = ImageData(planes[None], "czyx", (entry.metadata["channel"],))
        if count == 1:
            image = ImageData(planes, "cyx", (entry.metadata["channel"],))
        try:
            truth = ImagePair.of(image, ImageData(targets, "cyx", tuple(entry.metadata["markers"])))
        except MismatchedShapes as error:
            raise MismatchedShapes(error.what, where=entry.name, remedy=error.remedy) from error
        return Record(entry, image, truth, entry.paths[0])


def _planes(paths: Iterable[Path]) -> Pixels:
    """Gray PNGs of one size, stacked along a new first axis; bits kept."""
    planes: list[Pixels] = []
    for path in paths:
        image = read_image(path)
        if image.size("c") != 1:
            raise MismatchedShapes(f"a plane has one channel, this file {image.size('c')}", where=str(path))
        plane = image.plane()
        if planes and (plane.shape != planes[0].shape or plane.dtype != planes[0].dtype):
            raise MismatchedShapes(
                f"this plane is {plane.dtype} {plane.shape}, its field's first {planes[0].dtype} {planes[0].shape}",
                where=str(path),
                remedy="Export all planes of a field alike.",
            )
        planes.append(plane)
    return np.stack(planes)


def _fault(found: _Field) -> str:
    """Why a field is of no use; empty if it is."""
    if not found.planes:
        return "fluorescence without transmitted light"
    if not found.markers:
        return "transmitted light without fluorescence"
    if len(found.light) > 1:
        return f"z planes of several channels ({', '.join(sorted(found.light))})"
    missing = sorted(set(range(max(found.planes) + 1)) - set(found.planes))
    return f"z planes {missing} of 0..{max(found.planes)} are missing" if missing else ""


Fields = dict[tuple[str, str, str, str], _Field]


def _collected(path: Path) -> tuple[Fields, dict[Path, dict[str, Path]], list[Skipped]]:
    """Fields by (lab, condition, day, well), widefield files by folder and marker, and what was left out."""
    fields: Fields = {}
    widefield: dict[Path, dict[str, Path]] = {}
    skipped: list[Skipped] = []
    for file in sorted(path.rglob("*.png")) if path.is_dir() else []:
        if any(part.startswith(".") for part in file.relative_to(path).parts):
            continue
        if file.stem.endswith(WIDEFIELD):
            widefield.setdefault(file.parent, {})[file.stem.removesuffix(WIDEFIELD).lower()] = file
            continue
        parts = dict(part.split("-", 1) for part in file.stem.split(",") if "-" in part)
        if "channel" not in parts or parts.get("is_mask") == "true":
            skipped.append(Skipped(file, "a mask" if "channel" in parts else "its name states no channel"))
            continue
        day = "-".join(parts.get(k, "0").zfill(2) for k in ("year", "month", "day"))
        key = (parts.get("lab", "?"), parts.get("condition", "?"), day, f"well {parts.get('well', '?')}")
        found = fields.setdefault(key, _Field())
        depth, channel = parts.get("z_depth"), parts["channel"]
        if depth is None:
            taken = found.markers.setdefault(channel, file)
        elif depth.isdecimal():
            found.light.add(channel)
            taken = found.planes.setdefault(int(depth), file)
        else:
            skipped.append(Skipped(file, f"z_depth {depth!r} is no number"))
            continue
        if taken is not file:
            skipped.append(Skipped(file, f"the same plane of the same field as {taken.name}"))
    return fields, widefield, skipped
