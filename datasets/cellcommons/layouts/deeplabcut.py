"""Landmarks as DeepLabCut keeps them: ``labeled-data/<video>/CollectedData_<scorer>.csv`` beside the frames.

Source: Mathis et al., "DeepLabCut: markerless pose estimation of user-defined body parts with deep learning", Nature
Neuroscience 2018, https://doi.org/10.1038/s41593-018-0209-y, and Lauer et al., Nature Methods 2022,
https://doi.org/10.1038/s41592-022-01443-0 (several animals). The first rows name scorer, individuals (only with several
animals), bodyparts and coords (x or y, in pixels, 0 at the centre of the first); then one row a frame, called by its
path, in one column or in three. An empty cell or NaN is a landmark that nobody placed.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.errors import CannotCarry, InvalidDocument, TooLarge, UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.images.writers import PNG_TYPES, write_png
from cellcommons.keypoints import Keypoints
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.plain import short_names
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.layouts.used import is_file_name
from cellcommons.readings import Readings

BASE, VIDEO = "labeled-data", "frames"
SCORER, ANIMAL = "truth", "1"
"""Who placed landmarks of which nobody says it, and what an animal is called where there is but one."""
_TABLE = re.compile(r"CollectedData_(?P<who>.+)\.csv")
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
_MAX_TABLE, _MAX_LANDMARKS = 256 << 20, 100_000


@dataclass(frozen=True)
class _Table:
    """One table: animals and landmarks in their order, which columns are whose, and frame -> its cells."""

    animals: tuple[str, ...]
    landmarks: tuple[str, ...]
    columns: tuple[tuple[int, int, int], ...]
    rows: dict[str, tuple[float, ...]]


class DeepLabCut:
    """Truth is ``Keypoints``; where several scorers left tables in the project, ``Readings`` of them, by scorer.

    Frames of one video are alike, so the video is the source. A frame that no table names has no truth; an animal of
    which nothing was placed in a frame is not there. The ``.h5`` files beside the tables say the same and are not read:
    ``deeplabcut.convertcsv2h5`` makes them from the tables that are written here.
    """

    name = "deeplabcut"
    title = "DeepLabCut (labeled-data/VIDEO/CollectedData_SCORER.csv)"
    task = "keypoints"
    carries = Carries(
        truths=(Keypoints, Readings),
        dtypes=PNG_TYPES,
        modes=("gray", "rgb"),
        features=features("source", "stratum", "split", "object_names", "subpixel", "readings"),
        note="All images have the same landmarks; readings are of two people or more.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        tables = _tables(path)
        if not tables:
            return 0.0, f"no {BASE}/VIDEO/CollectedData_SCORER.csv"
        return 0.97, f"{len(tables)} tables of landmarks"

    def scan(self, path: Path) -> Scan:
        tables = _tables(path)
        if not tables:
            raise UnknownLayout(
                f"no {BASE}/VIDEO/CollectedData_SCORER.csv here, so this is not the deeplabcut layout",
                where=str(path),
                remedy=f"Point to the folder that holds {BASE}, or choose another layout.",
            )
        scorers = sorted({_scorer(table) for table in tables})
        videos: dict[Path, list[Path]] = {}
        for table in tables:
            videos.setdefault(table.parent, []).append(table)
        home = path.resolve()
        frames = [
            file
            for video in videos
            for file in sorted(video.iterdir())
            if file.suffix.lower() in _PICTURES and not file.name.startswith(".") and file.is_file()
        ]
        frames = [file for file in frames if file.resolve().is_relative_to(home)]
        names, beside, entries, skipped = short_names(path, frames), read_tables(path), [], []
        for file in frames:
            named = [one for one in videos[file.parent] if file.name in _read(one, one.stat().st_mtime_ns).rows]
            known = file.parent.name != VIDEO
            metadata: dict[str, Any] = {"source_known": known, "scorers": scorers, "video": file.parent.name}
            source = file.parent.name if known else names[file]
            entry = Entry(names[file], (file, *named), source, "", metadata)
            entries.append(beside.applied(entry, file.name, file.relative_to(path).as_posix()))
        for table in tables:
            there = {file.name for file in frames if file.parent == table.parent}
            lost = sorted(set(_read(table, table.stat().st_mtime_ns).rows) - there)
            skipped += [Skipped(table, f"the frame {name} is not here") for name in lost]
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        said = {}
        for path in entry.paths[1:]:
            table = _read(path, path.stat().st_mtime_ns)
            places, animals = _placed(table, table.rows[entry.paths[0].name])
            said[_scorer(path)] = Keypoints(
                places, table.landmarks, animals, image.shape_yx, pixel_size=image.pixel_size
            )
        truth: Keypoints | Readings | None = Readings(said) if said else None
        if said and len(entry.metadata["scorers"]) == 1:
            truth = next(iter(said.values()))
        return Record(entry, image, truth, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        entries: list[Entry] = []
        said: dict[str, dict[str, dict[str, Keypoints]]] = {}
        kinds: set[type[Any]] = set()
        told: set[str] = set()
        for record in records:
            entry, truth = record.entry, record.truth
            known = entry.metadata.get("source_known", True) and entry.source not in ("", entry.name)
            video = entry.source if known and is_file_name(entry.source) and entry.source != VIDEO else VIDEO
            (folder / BASE / video).mkdir(parents=True, exist_ok=True)
            write_png(folder / BASE / video / f"{entry.name}.png", record.image)
            by = truth.by if isinstance(truth, Readings) else {} if truth is None else {SCORER: truth}
            kinds |= {type(truth)} if truth is not None else set()
            if isinstance(truth, Keypoints):
                told |= {str(name) for name in entry.metadata.get("scorers", [SCORER])}
            said.setdefault(video, {})
            for who, one in by.items():
                assert isinstance(one, Keypoints)
                if not is_file_name(who):
                    raise CannotCarry(f"{who!r} cannot be part of a file's name", where=entry.name)
                said[video].setdefault(who, {})[f"{entry.name}.png"] = one
            entries.append(entry)
        scorers = sorted({who for video in said.values() for who in video})
        if len(kinds) > 1 or (Readings in kinds and len(scorers) < 2):
            raise CannotCarry(
                "a project holds landmarks of one scorer, or readings of two or more",
                where=entries[0].name if entries else "",
                remedy="Write readings and plain landmarks in folders of their own.",
            )
        points = [one for video in said.values() for rows in video.values() for one in rows.values()]
        landmarks = points[0].landmarks if points else ("point",)
        if any(one.landmarks != landmarks for one in points):
            raise CannotCarry("all images of a project have the same landmarks, in one order", where=entries[0].name)
        if not all(name == name.strip() and name.isprintable() for name in landmarks):
            raise CannotCarry("a landmark's name begins or ends in white space", where=entries[0].name)
        animals = list(dict.fromkeys(name for one in points for name in one.objects))
        # Landmarks that one person placed keep that person's name.
        alone = next(iter(told)) if len(told) == 1 and is_file_name(next(iter(told))) else SCORER
        for video, tables in said.items():
            for who in tables or (scorers or [SCORER]):
                called = alone if Readings not in kinds else who
                path = folder / BASE / video / f"CollectedData_{called}.csv"
                _write_table(path, video, called, animals, landmarks, tables.get(who, {}))
        write_tables(folder, entries)


def _tables(path: Path) -> list[Path]:
    """Tables of ``path``: in its videos' folders, in those of its ``labeled-data``, or beside its own frames."""
    names = ("CollectedData_*.csv", "*/CollectedData_*.csv", f"{BASE}/*/CollectedData_*.csv")
    found = [file for name in names for file in path.glob(name)] if path.is_dir() else []
    return sorted({file for file in found if _TABLE.fullmatch(file.name) and file.is_file()})


def _scorer(table: Path) -> str:
    told = _TABLE.fullmatch(table.name)
    assert told is not None
    return told["who"]


@lru_cache(maxsize=16)
def _read(path: Path, _changed: int) -> _Table:
    """One table; kept while the frames are read. Raises InvalidDocument, TooLarge."""
    if path.stat().st_size > _MAX_TABLE:
        raise TooLarge(f"a table of more than {_MAX_TABLE:,} bytes", where=str(path))
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            lines = [line for line in csv.reader(handle) if any(cell.strip() for cell in line)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidDocument(f"not a UTF-8 CSV table ({error})", where=str(path)) from error
    named = [line[0].strip() for line in lines[:4]]
    heads = {name: number for number, name in enumerate(named[: named.index("coords") + 1 if "coords" in named else 0])}
    if set(heads) - {"individuals"} != {"scorer", "bodyparts", "coords"}:
        raise InvalidDocument(
            "its first rows are to be scorer, individuals (with several animals), bodyparts and coords", where=str(path)
        )
    parts, coords = lines[heads["bodyparts"]], lines[heads["coords"]]
    width = len(coords)
    owners = lines[heads["individuals"]] if "individuals" in heads else [ANIMAL] * width
    if not len(parts) == len(owners) == width:
        raise InvalidDocument("its first rows have different lengths", where=str(path))
    # A path in three columns leaves two of the header empty.
    first = next((number for number in range(1, width) if coords[number].strip()), width)
    keys = [(owners[n].strip(), parts[n].strip(), coords[n].strip()) for n in range(first, width)]
    twice = [key for key, count in Counter(keys).items() if count > 1]
    wrong = [key for key in keys if not all(key) or key[2] not in ("x", "y", "likelihood")]
    if twice or wrong or not keys or len(keys) > _MAX_LANDMARKS:
        fault = " ".join((wrong or twice)[0]) if wrong or twice else f"{len(keys)} columns"
        raise InvalidDocument(
            f"a column is named twice, is neither x nor y, or none is there: {fault}", where=str(path)
        )
    animals, landmarks = tuple(dict.fromkeys(k[0] for k in keys)), tuple(dict.fromkeys(k[1] for k in keys))
    column = {(animals.index(a), landmarks.index(p), "yx".find(c)): n for n, (a, p, c) in enumerate(keys)}
    rows: dict[str, tuple[float, ...]] = {}
    for number, line in enumerate(lines[len(heads) :], start=len(heads) + 1):
        where = f"{path}, row {number}"
        name = [part for part in re.split(r"[/\\]", "/".join(line[:first])) if part.strip()]
        if len(line) != width or not name:
            raise InvalidDocument(f"{len(line)} fields for {width} columns, or no frame", where=where)
        if name[-1] in rows:
            raise InvalidDocument(f"the frame {name[-1]!r} is listed twice", where=where)
        rows[name[-1]] = tuple(_number(cell, where=where) for cell in line[first:])
    places = {(a, p): (column.get((a, p, 0), -1), column.get((a, p, 1), -1)) for a, p, _ in column}
    columns = tuple((a * len(landmarks) + p, y, x) for (a, p), (y, x) in sorted(places.items()) if y >= 0 <= x)
    return _Table(animals, landmarks, columns, rows)


def _number(cell: str, *, where: str) -> float:
    """A coordinate; NaN where it is empty. Raises InvalidDocument."""
    try:
        value = float(cell.strip() or "nan")
    except ValueError:
        value = math.inf
    if abs(value) > 1e7:
        raise InvalidDocument(f"{cell!r} is no coordinate", where=where)
    return value


def _placed(table: _Table, cells: Sequence[float]) -> tuple[np.ndarray[Any, np.dtype[np.float64]], tuple[str, ...]]:
    """Positions of the animals that are there, (animals, landmarks, 2), and their names."""
    places = np.full((len(table.animals), len(table.landmarks), 2), np.nan)
    for place, y, x in table.columns:
        if not (math.isnan(cells[y]) or math.isnan(cells[x])):
            places[divmod(place, len(table.landmarks))] = cells[y], cells[x]
    there = ~np.isnan(places[..., 0]).all(axis=1)
    return places[there], tuple(name for name, seen in zip(table.animals, there, strict=True) if seen)


def _write_table(
    path: Path, video: str, who: str, animals: list[str], landmarks: tuple[str, ...], rows: dict[str, Keypoints]
) -> None:
    several = animals not in ([], [ANIMAL])
    columns = [(animal, part, axis) for animal in animals or [ANIMAL] for part in landmarks for axis in "xy"]
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        blank = ["", ""]
        writer.writerow(["scorer", *blank, *(who for _ in columns)])
        if several:
            writer.writerow(["individuals", *blank, *(animal for animal, _, _ in columns)])
        writer.writerow(["bodyparts", *blank, *(part for _, part, _ in columns)])
        writer.writerow(["coords", *blank, *(axis for _, _, axis in columns)])
        for name, one in rows.items():
            cells = []
            for animal, part, axis in columns:
                place = np.nan
                if animal in one.objects:
                    place = one.positions[one.objects.index(animal), one.landmarks.index(part), "yx".index(axis)]
                cells.append("" if np.isnan(place) else repr(float(place)))
            writer.writerow([BASE, video, name, *cells])
