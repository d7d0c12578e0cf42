"""In silico labeling: one PNG a plane, everything about it in the file's name.

Source: Christiansen et al. 2018, "In Silico Labeling: Predicting Fluorescent Labels in Unlabeled Images",
https://doi.org/10.1016/j.cell.2018.03.040. A name is a list of ``key-value`` parts joined by commas, for example
``lab-FINKBEINER,condition-KEVAN_0_8,acquisition_date,year-2015,month-10,day-5,minute-0,well-A4,...,z_depth-0,
channel-PHASE_CONTRAST,is_mask-false.png``. Planes with a ``z_depth`` are transmitted light and make the image; those
without are fluorescence and make its target. Beside them, ``<marker>_widefield.png`` files of one folder are a pair
from DAPI to the other markers. Keys ``name`` and ``marker`` are ours: what an image is called where that is not told by
the others, and the order of its markers, which are else sorted. In values, ``%2C`` is a comma, ``%25`` a per cent sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.errors import CannotCarry, MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.readers import read_image
from cellcommons.images.writers import PNG_TYPES, write_png
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.pairs import ImagePair

NUCLEI = "dapi"
WIDEFIELD = "_widefield"
_LONGEST = 250  # bytes of a file's name, on most machines


@dataclass
class _Field:
    """The files of one field of view."""

    name: str
    source: str
    planes: dict[int, Path] = field(default_factory=dict)
    markers: dict[str, Path] = field(default_factory=dict)
    order: dict[str, int] = field(default_factory=dict)
    light: set[str] = field(default_factory=set)

    @property
    def sorted_markers(self) -> list[str]:
        """Names of the markers, as they are numbered, else by name."""
        return sorted(self.markers, key=lambda name: (self.order.get(name, 0), name))


class Isl:
    """Transmitted light stacks with fluorescence. The image has axes ``czyx`` (one channel), its target ``cyx``.

    The source is the lab, condition and day: one culture, imaged together; or what ``sources.csv`` says. Planes of an
    image without a z axis have no ``z_depth`` but 0.
    """

    name = "isl"
    title = "In silico labeling (transmitted light z planes and fluorescence markers, named by keys)"
    task = "augmented"
    carries = Carries(
        truths=(ImagePair,),
        unlabelled=False,
        axes=("cyx", "czyx"),
        dtypes=PNG_TYPES,
        modes=("gray",),
        features=features("source", "stratum", "split", "channel_names"),
        note="Targets have axes cyx, any markers; a stack has two planes or more.",
    )

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
        tables = read_tables(path)
        for _, found in sorted(fields.items()):
            one = next(iter((*found.planes.values(), *found.markers.values()))).parent
            if reason := _fault(found):
                skipped.append(Skipped(one, reason))
                continue
            markers = found.sorted_markers
            metadata: dict[str, Any] = {
                "source_known": bool(found.source),
                "z_planes": len(found.planes),
                "channel": next(iter(found.light)),
                "markers": markers,
            }
            paths = [found.planes[z] for z in sorted(found.planes)] + [found.markers[name] for name in markers]
            entries.append(tables.applied(Entry(found.name, tuple(paths), found.source, "", metadata)))
        for folder, known in sorted(widefield.items()):
            others = sorted(set(known) - {NUCLEI})
            if NUCLEI not in known or not others:
                skipped += [Skipped(file, "a widefield image without its DAPI partner") for file in known.values()]
                continue
            metadata = {"source_known": False, "z_planes": 1, "channel": NUCLEI.upper()}
            metadata["markers"] = [name.upper() for name in others]
            name = f"{folder.name} {NUCLEI} to {' '.join(others)}"
            entry = Entry(name, (known[NUCLEI], *(known[o] for o in others)), name, "widefield", metadata)
            entries.append(tables.applied(entry))
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
        return Record(entry, image, truth, entry.paths[0], entry.paths[:count])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        entries = []
        for record in records:
            image, name = record.image, record.entry.name
            assert isinstance(record.truth, ImagePair)
            target = record.truth.target
            if target.axes != "cyx" or target.rgb or target.data.dtype.name not in PNG_TYPES:
                raise CannotCarry("the markers of isl are planes of 8 or 16 bits, no colour pictures", where=name)
            head = f"name-{_quoted(name)}"
            for z in range(image.size("z")):
                file = _file(folder, f"{head},z_depth-{z},channel-{_quoted(image.channels[0])},is_mask-false", name)
                write_png(file, ImageData(image.plane(z=z)[None], "cyx", ("intensity",)))
            for number, marker in enumerate(target.channels, start=1):
                file = _file(folder, f"{head},marker-{number},channel-{_quoted(marker)},is_mask-false", name)
                if target.channels.index(marker) + 1 != number:
                    raise CannotCarry(f"two markers are called {marker!r}", where=name)
                write_png(file, ImageData(target.plane(c=number - 1)[None], "cyx", ("intensity",)))
            entries.append(record.entry)
        write_tables(folder, entries)


def _quoted(value: str) -> str:
    """``value`` so that it can stand in a file's name between commas."""
    return "".join(f"%{ord(letter):02X}" if letter in '%,/\\:*?"<>|' else letter for letter in value)


def _unquoted(value: str) -> str:
    for letter in ',/\\:*?"<>|%':
        value = value.replace(f"%{ord(letter):02X}", letter)
    return value


def _file(folder: Path, stem: str, where: str) -> Path:
    if len(stem.encode()) > _LONGEST or not stem.isprintable():
        raise CannotCarry("its name and those of its channels together are no file name", where=where)
    return folder / f"{stem}.png"


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


Fields = dict[tuple[str, ...], _Field]


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
        words = (part.split("-", 1) for part in file.stem.split(",") if "-" in part)
        parts = {key: _unquoted(value) for key, value in words}
        if "channel" not in parts or parts.get("is_mask") == "true":
            skipped.append(Skipped(file, "a mask" if "channel" in parts else "its name states no channel"))
            continue
        day = "-".join(parts.get(k, "0").zfill(2) for k in ("year", "month", "day"))
        source = f"{parts.get('lab', '?')} {parts.get('condition', '?')} {day}"
        name = parts.get("name") or f"{source} well {parts.get('well', '?')}"
        if "name" in parts and not {"lab", "condition"} & set(parts):
            source = ""
        found = fields.setdefault((name,), _Field(name, source))
        depth, channel = parts.get("z_depth"), parts["channel"]
        if depth is None:
            taken = found.markers.setdefault(channel, file)
            if parts.get("marker", "").isdecimal():
                found.order[channel] = int(parts["marker"][:9])
        elif depth.isdecimal() and len(depth) < 7:
            found.light.add(channel)
            taken = found.planes.setdefault(int(depth), file)
        else:
            skipped.append(Skipped(file, f"z_depth {depth!r} is no number"))
            continue
        if taken is not file:
            skipped.append(Skipped(file, f"the same plane of the same field as {taken.name}"))
    return fields, widefield, skipped
