"""Fiji (ImageJ): regions of interest beside their image, ``NAME_RoiSet.zip``, ``NAME.roi``, or ``RoiSet.zip``."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellcommons.archives import check_zip, extract_zip
from cellcommons.errors import CellCommonsError, InvalidDocument, UnknownLayout, UnreadableFile
from cellcommons.images.data import ImageData
from cellcommons.images.readers import open_image, read_image
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.pictures import write_picture
from cellcommons.layouts.plain import short_names
from cellcommons.layouts.roi_file import MAX_BYTES, Roi, parse_roi, roi_bytes
from cellcommons.layouts.roi_outlines import Drawing, pieces_of
from cellcommons.layouts.roi_pairs import Beside, any_below, files_below
from cellcommons.layouts.tables import FILES, read_tables, write_tables
from cellcommons.overlapping import OverlappingCells

MAX_ROIS = 100_000
MAX_TOTAL = 512 << 20
_GUESSED = 64
_SET = re.compile(r"^(roi[ _-]*set|rois?)$|[ _.-]+(roi[ _-]*set|rois?)$", re.IGNORECASE)
_DATE = (1980, 1, 1, 0, 0, 0)


class FijiRoi:
    """Images with ImageJ's regions of interest beside them.

    Polygons, freehand, traced, rectangles, ovals and composites are cells, each with a mask of its own; regions that
    are numbered by their names keep the numbers. Points alone are landmarks. Of a stack or movie every plane that has
    regions is an image of its own, by the positions of the regions. What is left out is counted in the metadata: lines,
    text, points beside areas, areas without a pixel or without a plane.
    """

    name = "fiji_roi"
    title = "Fiji / ImageJ regions of interest (NAME_RoiSet.zip or NAME.roi)"
    task = "instance_segmentation"
    carries = Carries(
        truths=(OverlappingCells,),
        features=features(
            "source",
            "stratum",
            "split",
            "pixel_size",
            "channel_names",
            "wavelengths",
            "ids",
            "overlaps",
            "outlines",
            "holes",
            "pieces",
        ),
        note="traced outlines, composites where there are holes or pieces; points are read as landmarks",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        some = any_below(path, lambda file: file.suffix.lower() in (".roi", ".zip"))[:_GUESSED]
        found = [file for file in some if _holds_rois(file)]
        return (0.9, f"{len(found)} files of regions of interest") if found else (0.0, "no .roi and no zip of them")

    def scan(self, path: Path) -> Scan:
        there = files_below(path) if path.is_dir() else None
        files = [file for file in there.others if _holds_rois(file)] if there else []
        if there is None or not files:
            raise UnknownLayout("no .roi and no zip of them here, so this is not the fiji_roi layout", where=str(path))
        tables, names = read_tables(path), short_names(path, there.images)
        partner: dict[Path, list[Path]] = {}
        skipped: list[Skipped] = []
        for file in files:
            image = _image_of(file, there)
            if image is None:
                skipped.append(Skipped(file, "no image, or several, beside it that it can be of"))
            else:
                partner.setdefault(image, []).append(file)
        entries: list[Entry] = []
        for image in there.images:
            found = partner.get(image, [])
            if len(found) > 1:
                skipped += [Skipped(file, f"one of {len(found)} files of {image.name}") for file in found]
                continue
            entry = tables.applied(Entry(names[image], (image, *found), ""), image.name)
            planes, reason = _planes(entry) if found else ([entry], "")
            entries += planes
            skipped += [Skipped(found[0], reason)] if reason else []
        skipped += [
            Skipped(file, "neither an image nor regions of interest")
            for file in there.others
            if file not in files and file.name not in FILES
        ]
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = _read_plane(entry)
        if len(entry.paths) == 1:
            return Record(entry, image, None, entry.paths[0])
        rois = read_rois(entry.paths[1])
        if image.axes != "cyx":
            raise InvalidDocument(
                f"regions of no plane in an image of axes {image.axes}",
                where=entry.name,
                remedy="Set their positions in the ROI Manager, or export single planes.",
            )
        notes: Counter[str] = Counter()
        if entry.part:
            sizes, wanted = entry.metadata["sizes"], tuple(entry.metadata["plane"])
            of_plane = [roi for roi in rois if roi.plane(sizes) == wanted]
            notes["without_plane"] = sum(roi.plane(sizes) is None for roi in rois)
            rois = of_plane
        truth = _truth(rois, image, notes, entry.paths[1].name)
        return Record(replace(entry, metadata={**entry.metadata, **notes}), image, truth, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``. Raises CannotCarry for images beyond 60,000 pixels a side."""
        entries = []
        for record in records:
            write_picture(folder, record)
            entries.append(record.entry)
            if not isinstance(record.truth, OverlappingCells):
                continue
            width = max((len(str(cell.id)) for cell in record.truth.cells), default=1)
            with zipfile.ZipFile(folder / f"{record.entry.name}_RoiSet.zip", "w") as archive:
                for cell in record.truth.cells:
                    name = f"{cell.id:0{max(width, 4)}d}"
                    data = roi_bytes(pieces_of(cell.mask, cell.box[:2]), name)
                    archive.writestr(zipfile.ZipInfo(f"{name}.roi", _DATE), data, zipfile.ZIP_DEFLATED)
        write_tables(folder, entries)


def read_rois(path: Path) -> list[Roi]:
    """The regions of a ``.roi`` or of a zip of them, in its order; in a zip they are called by their files.

    Raises:
        UnreadableFile, UnsafeArchive, TooLarge, InvalidDocument: naming the file, and the region in it.
    """
    if path.suffix.lower() == ".roi":
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableFile("it is too large for one region of interest", where=path.name)
        roi = parse_roi(path.read_bytes(), where=path.name)
        return [roi if roi.name else replace(roi, name=path.stem)]
    found = []
    with tempfile.TemporaryDirectory() as beside:
        folder = Path(beside) / "rois"
        extract_zip(path, folder, max_bytes=MAX_TOTAL, max_members=MAX_ROIS)
        for name in _members(path):
            member = folder / name
            if name.lower().endswith(".roi") and member.is_file():
                roi = parse_roi(member.read_bytes(), where=f"{path.name}, {name}")
                found.append(replace(roi, name=member.stem))
    return found


def _members(path: Path) -> list[str]:
    """Names in a zip whose directory has been checked."""
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _holds_rois(path: Path) -> bool:
    """By the name, or by the names in the zip. Never raises."""
    if path.suffix.lower() == ".roi":
        return True
    if path.suffix.lower() != ".zip":
        return False
    if _SET.search(path.stem):
        return True
    try:
        check_zip(path, max_bytes=MAX_TOTAL, max_members=MAX_ROIS)
        return any(name.lower().endswith(".roi") for name in _members(path))
    except (CellCommonsError, OSError, zipfile.BadZipFile, ValueError):
        return False


def _image_of(file: Path, there: Beside) -> Path | None:
    image = there.image_of(file.parent, {file.stem})
    if image is None and (stem := _SET.sub("", file.stem)):
        image = there.image_of(file.parent, {stem})
    if image is None and _SET.fullmatch(file.stem):
        alone = [path for path in there.images if path.parent == file.parent]
        image = alone[0] if len(alone) == 1 else None
    return image


def _planes(entry: Entry) -> tuple[list[Entry], str]:
    """An entry of each plane that has regions, or the entry as it is where the image has one plane; else why none."""
    try:
        with open_image(entry.paths[0]) as file:
            facts = file.image().facts
        sizes = (facts.size("c"), facts.size("z"), facts.size("t"))
        if sizes[1:] == (1, 1):
            return [entry], ""
        planes = {plane for roi in read_rois(entry.paths[1]) if (plane := roi.plane(sizes)) is not None}
    except CellCommonsError:
        return [entry], ""  # reading it says what is wrong
    inside = sorted(plane for plane in planes if plane[0] < sizes[1] and plane[1] < sizes[2])
    if not inside:
        return [], f"its regions name no plane of the {sizes[1] * sizes[2]} of {entry.paths[0].name}"
    found = []
    for z, t in inside:
        said = [f"{axis}{place + 1}" for axis, place, size in (("t", t, sizes[2]), ("z", z, sizes[1])) if size > 1]
        metadata = {**entry.metadata, "plane": [z, t], "sizes": list(sizes), "image": entry.name}
        source = entry.source if entry.metadata.get("source_known") else entry.name
        name = " ".join((entry.name, *said))
        found.append(replace(entry, name=name, part="-".join(said), source=source, metadata=metadata))
    return found, ""


def _read_plane(entry: Entry) -> ImageData:
    if not entry.part:
        return read_image(entry.paths[0])
    z, t = entry.metadata["plane"]
    with open_image(entry.paths[0]) as file:
        lazy = file.image()
        chosen = {"z": slice(z, z + 1), "t": slice(t, t + 1)}
        region = tuple(chosen.get(axis, slice(0, size)) for axis, size in zip(lazy.axes, lazy.shape, strict=True))
        pixels = lazy.region(region)
    dropped = tuple(place for place, axis in enumerate(lazy.axes) if axis in chosen)
    return replace(lazy.facts, data=np.squeeze(pixels, axis=dropped), axes="cyx", seconds_per_frame=None)


def _truth(rois: list[Roi], image: ImageData, notes: Counter[str], where: str) -> OverlappingCells | Keypoints:
    areas, points = [roi for roi in rois if roi.is_area], [roi for roi in rois if len(roi.points)]
    notes["left_out"] += sum(not roi.is_area and not len(roi.points) for roi in rois)
    if points and not areas:
        placed = np.concatenate([roi.points for roi in points])
        names = tuple(str(number + 1) for number in range(len(placed)))
        return Keypoints(placed[:, None], ("point",), names, image.shape_yx, None, image.pixel_size)
    notes["left_out"] += len(points)
    drawing = Drawing(image.shape_yx)
    cells: list[Cell] = []
    for number, roi in zip(_numbers(areas), areas, strict=True):
        cell = roi.cell(drawing, number, where=f"{where}, {roi.name}")
        if cell is None:
            notes["empty_outlines"] += 1
        else:
            cells.append(cell)
    return OverlappingCells(tuple(cells), image.shape_yx, image.pixel_size)


def _numbers(rois: list[Roi]) -> list[int]:
    """The numbers that all regions are called by, if each has one of its own; else 1, 2, ..."""
    said = [int(roi.name) if re.fullmatch(r"[0-9]{1,10}", roi.name) else 0 for roi in rois]
    whole = len(set(said)) == len(said) and all(0 < number < 2**32 for number in said)
    return said if whole else list(range(1, len(rois) + 1))
