"""Boxes of ten pathologists on cells of two kinds of slide, first alone and then with suggestions that hold faults.

Source: Marzahl et al., "Are Fast Labeling Methods Reliable? A Case Study of Computer-Aided Expert Annotations on
Microscopy Slides", MICCAI 2020, https://doi.org/10.1007/978-3-030-59710-8_3; files
``Results/<task>/<round>/Participants/export_*.txt`` and ``.../GT/ground truth.txt``, as the annotation server EXACT
exports them: one box a line,
``image|class|{"x1": "1","y1": "2","x2": "3","y2": "4",}|user|time|editor|time|id|..|width|height``,
and one line ``[image|user|time|state]`` for each time that somebody opened or closed an image. The coordinates are no
JSON (a comma stands before the brace). ``GT/changed.txt`` and ``deleted.txt`` name labels that were made wrong, or left
out, of what the second round suggested; ``nms.txt`` boxes that were suggested over others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from cellcommons.classes import CellBox, CellBoxes, Ontology
from cellcommons.errors import CannotCarry, InvalidDocument, TooLarge, UnknownLayout
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import FILE, Classes, entry_ontology, found_ontology
from cellcommons.layouts.tables import read_rows, read_tables, write_rows, write_tables
from cellcommons.layouts.used import is_file_name
from cellcommons.readings import Readings

PEOPLE, GOLD = "Participants", "GT"
TRUTH, FAULTS = "ground truth.txt", ("changed.txt", "deleted.txt", "nms.txt")
SIZES = "sizes.csv"
_BOX = re.compile(r"(?P<image>[^|]+)\|(?P<name>[^|]+)\|\{(?P<place>[^{}|]*)\}\|(?P<rest>.*)")
_OPENED = re.compile(r"\[(?P<image>[^|]+)\|[^|]*\|[^|]*\|\d+\]")
_EXPORT = re.compile(r"export_(?:\[[^\]]*\] )?(?:[^|]*?_LabelStudy_)?(?P<who>.+)\.txt")
_NUMBER = re.compile(r'"(x1|y1|x2|y2)"\s*:\s*"?(-?\d{1,7})(?:\.0*)?"?', re.ASCII)
_MAX_FILE, _MAX_SIDE = 16 << 20, 1 << 20
CELL = "cell"
"""What a box is on where nobody put one."""
_TASK, _ROUND = "Boxes", "FirstRound"


@dataclass
class _Export:
    """One file, read: image -> its boxes (x1, y1, x2, y2, class), sizes (rows, columns), and who was at which image."""

    boxes: dict[str, list[tuple[int, int, int, int, str]]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)


class Miccai2020:
    """Labels without images: truth is ``Readings`` of ``CellBoxes``, a pathologist each, ground truth as consensus.

    An image of the ground truth that nobody annotated has that as its truth. One entry an image, task and round; an
    image's stratum is ``<task> <round>``, its source the image itself, in both rounds: the animals are not named. Boxes
    are cut to the image; those without a pixel in it are left out; ``metadata`` counts both. There, too, are how many
    boxes were ``suggested`` in the second round and the injected ``faults``: of each kind, ``[y0, x0, y1, x1, class]``.
    A person who opened an image and left no box saw no cell.

    Classes are those of an ``ontology.json`` in the task's folder, else all that are named; numbers are ranks.
    """

    name = "miccai2020_boxes"
    title = "Boxes of several pathologists without images (EXACT exports, MICCAI 2020)"
    task = "classification"
    carries = Carries(
        truths=(CellBoxes, Readings),
        unlabelled=False,
        images=False,
        features=features("source", "stratum", "split", "classes", "class_order", "ordinal", "readings", "consensus"),
        note="Labels alone; box by box, in whole pixels.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        rounds = _rounds(path)
        if not rounds:
            return 0.0, f"no folder with {PEOPLE}/export_*.txt or {GOLD}/{TRUTH}"
        return 0.95, f"{len(rounds)} rounds of annotation"

    def scan(self, path: Path) -> Scan:
        rounds = _rounds(path)
        if not rounds:
            raise UnknownLayout(
                f"no folder here has {PEOPLE}/export_*.txt, so this is not the miccai2020_boxes layout",
                where=str(path),
                remedy="Point to the folder that holds Results, or choose another layout.",
            )
        tables, ontologies = read_tables(path), {task: _classes(task) for task in {one.parent for one in rounds}}
        found: list[tuple[str, Path]] = []
        skipped = []
        for folder in rounds:
            images: set[str] = set()
            for file in _files(folder):
                if _EXPORT.fullmatch(file.name) or file.name == TRUTH:
                    export = _read(file, file.stat().st_mtime_ns)
                    images |= set(export.boxes) | export.opened
                elif file.name not in FAULTS and not file.name.startswith("unchanged"):
                    skipped.append(Skipped(file, "neither a person's export nor the ground truth"))
            found += [(image, folder) for image in sorted(images)]
        times = Counter(_stem(image).casefold() for image, _ in found)
        entries = []
        for image, folder in found:
            stem, said = _stem(image), f"{folder.parent.name} {folder.name}"
            name = stem if times[stem.casefold()] == 1 else f"{said} {stem}"
            files = [file for file in _files(folder) if _EXPORT.fullmatch(file.name) or file.name == TRUTH]
            metadata: dict[str, Any] = {"image": image, "ontology": ontologies[folder.parent].document()}
            metadata |= {"source_known": False, **_faults(folder, image)}
            stratum = "" if said == f"{_TASK} {_ROUND}" else said
            entries.append(tables.applied(Entry(name, tuple(files), stem, stratum, metadata), image))
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        ontology, image = entry_ontology(entry), entry.metadata["image"]
        exports = {file: _read(file, file.stat().st_mtime_ns) for file in entry.paths}
        sizes = {export.sizes[image] for export in exports.values() if image in export.sizes}
        sizes = sizes or {size for size in (_stated_sizes(entry.paths[0]).get(image),) if size}
        if len(sizes) != 1:
            fault = "no file states its size" if not sizes else "its files state different sizes"
            raise InvalidDocument(fault, where=f"{entry.name} ({image})")
        shape, cut, outside = next(iter(sizes)), 0, 0
        by: dict[str, CellBoxes] = {}
        gold = None
        for file, export in exports.items():
            if image not in export.boxes and image not in export.opened:
                continue
            boxes, these_cut, these_outside = _within(export.boxes.get(image, []), shape)
            cut, outside = cut + these_cut, outside + these_outside
            one = CellBoxes(boxes, shape, ontology)
            told = _EXPORT.fullmatch(file.name)
            if told is None:
                gold = one
            elif told["who"] in by:
                raise InvalidDocument(f"two exports of {told['who']}", where=str(file))
            else:
                by[told["who"]] = one
        known = {**entry.metadata, "cut_boxes": cut, "boxes_outside": outside}
        entry = Entry(entry.name, entry.paths, entry.source, entry.stratum, known, entry.split)
        return Record(entry, None, Readings(by, gold) if by else gold, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        base = folder / "Results" / _TASK / _ROUND
        for half in (PEOPLE, GOLD):
            (base / half).mkdir(parents=True)
        classes, entries, sizes = Classes(), [], []
        for record in records:
            truth, name = record.truth, record.entry.name
            said = dict(truth.by) if isinstance(truth, Readings) else {}
            gold = truth.consensus if isinstance(truth, Readings) else truth
            for who, one in said.items():
                if not is_file_name(who) or len(who) > 100:
                    raise CannotCarry(f"{who!r} cannot be part of a file's name", where=name)
                _append(base / PEOPLE / f"export_[{_ROUND}] {_TASK}_LabelStudy_{who}.txt", record, one, who, classes)
            if gold is not None:
                _append(base / GOLD / TRUTH, record, gold, "ground truth", classes)
            shape = next(one for one in (*said.values(), gold) if isinstance(one, CellBoxes)).shape
            sizes.append((f"{name}.png", *shape))
            entries.append(record.entry)
        classes.write(base.parent)
        write_rows(base / SIZES, ("name", "height", "width"), sizes)
        write_tables(folder, entries)


def _append(path: Path, record: Record, one: object, who: str, classes: Classes) -> None:
    assert isinstance(one, CellBoxes)
    image, time = f"{record.entry.name}.png", "1970-01-01 00:00:00.000000"
    classes.add(one.ontology)
    lines = [f"[{image}|{who}|{time}|2]"]
    for number, cell in enumerate(one.boxes, start=1):
        if "|" in cell.name or not cell.name.isprintable():
            raise CannotCarry(f"class {cell.name!r} cannot stand between bars", where=record.entry.name)
        y0, x0, y1, x1 = cell.box
        place = f'{{"x1": "{x0}","y1": "{y0}","x2": "{x1}","y2": "{y1}",}}'
        size = f"{one.shape[1]}|{one.shape[0]}"
        lines.append(f"{image}|{cell.name}|{place}|{who}|{time}|{who}|{time}|{number}|False|{size}")
    with path.open("a", encoding="utf-8", newline="\n") as handle:
        handle.write("\n".join(lines) + "\n")


def _rounds(path: Path) -> list[Path]:
    """Folders ``<task>/<round>`` below ``path``, or ``path`` itself."""
    if not path.is_dir():
        return []
    # Only so deep: a folder that is no such thing may hold a million files further down.
    places = {path, *path.glob("*"), *path.glob("*/*"), *path.glob("Results/*/*")}
    return [folder for folder in sorted(places) if _is_round(folder)]


def _is_round(folder: Path) -> bool:
    people = folder / PEOPLE
    return (people.is_dir() and any(people.glob("export_*.txt"))) or (folder / GOLD / TRUTH).is_file()


def _files(folder: Path) -> list[Path]:
    files = (file for half in (PEOPLE, GOLD) for file in sorted((folder / half).glob("*.txt")))
    return [file for file in files if file.is_file()]


def _classes(task: Path) -> Ontology:
    """The classes of a task's folder: named by anybody in any round. Raises InvalidDocument."""
    names = set()
    for folder in _rounds(task):
        for file in _files(folder):
            if _EXPORT.fullmatch(file.name) or file.name == TRUTH:
                export = _read(file, file.stat().st_mtime_ns)
                names |= {box[4] for boxes in export.boxes.values() for box in boxes}
    if not names and not (task / FILE).is_file():
        return Ontology((CELL,))
    return found_ontology(task, names, ordinal=all(name.isdecimal() for name in names))


def _faults(folder: Path, image: str) -> dict[str, Any]:
    """What was wrong in what the second round suggested, and how much was suggested."""
    suggested = sorted((folder / GOLD).glob("unchanged*.txt"))
    if not suggested:
        return {}
    count = sum(len(_read(file, file.stat().st_mtime_ns).boxes.get(image, [])) for file in suggested)
    faults = {}
    for name in FAULTS:
        file = folder / GOLD / name
        if file.is_file():
            boxes = _read(file, file.stat().st_mtime_ns).boxes.get(image, [])
            faults[file.stem] = [[y0, x0, y1, x1, said] for x0, y0, x1, y1, said in boxes]
    return {"suggested": count, "faults": faults}


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> _Export:
    """One export; kept while the images are read. Raises InvalidDocument, TooLarge."""
    if path.stat().st_size > _MAX_FILE:
        raise TooLarge(f"more than {_MAX_FILE:,} bytes", where=str(path))
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidDocument(f"not UTF-8 text ({error})", where=str(path)) from error
    export = _Export()
    for number, line in enumerate(lines, start=1):
        where = f"{path}, line {number}"
        told = _BOX.fullmatch(line)
        if told is None:
            opened = _OPENED.fullmatch(line)
            if opened is not None:
                export.opened.add(opened["image"])
            # Other lines are headings, such as "image name|annotation type|not in image".
            elif "{" in line:
                raise InvalidDocument("a box that cannot be read", where=where)
            continue
        place = dict(_NUMBER.findall(told["place"]))
        if len(place) != 4:
            raise InvalidDocument("a box needs x1, y1, x2 and y2", where=where)
        rest = told["rest"].split("|")
        size = rest[-2:]
        if len(size) < 2 or not all(re.fullmatch(r"[1-9]\d{0,6}", side, re.ASCII) for side in size):
            raise InvalidDocument("its line does not end in the image's width and height", where=where)
        width, height = (int(side) for side in size)
        if max(width, height) > _MAX_SIDE:
            raise TooLarge(f"an image of {width} x {height} pixels", where=where)
        if export.sizes.setdefault(told["image"], (height, width)) != (height, width):
            raise InvalidDocument(f"another size of {told['image']} than above", where=where)
        corners = (int(place["x1"]), int(place["y1"]), int(place["x2"]), int(place["y2"]))
        export.boxes.setdefault(told["image"], []).append((*corners, told["name"].strip()))
    return export


def _stated_sizes(file: Path) -> dict[str, tuple[int, int]]:
    """Rows and columns of images that nobody put a box on, from our own table. Raises InvalidDocument."""
    table = file.parent.parent / SIZES
    sizes = {}
    for number, row in enumerate(read_rows(table) if table.is_file() else [], start=1):
        sides = [row.get("height", ""), row.get("width", "")]
        if not all(re.fullmatch(r"[1-9]\d{0,6}", side, re.ASCII) for side in sides):
            raise InvalidDocument("height and width are whole numbers from 1", where=f"{table}, row {number}")
        sizes[row.get("name", "")] = (int(sides[0]), int(sides[1]))
    return sizes


def _within(
    boxes: list[tuple[int, int, int, int, str]], shape: tuple[int, int]
) -> tuple[tuple[CellBox, ...], int, int]:
    """The boxes cut to the image, how many were cut, and how many have no pixel in it."""
    kept, cut, outside = [], 0, 0
    for x0, y0, x1, y1, name in boxes:
        box = (max(0, y0), max(0, x0), min(shape[0], y1), min(shape[1], x1))
        if box[0] >= box[2] or box[1] >= box[3]:
            outside += 1
            continue
        cut += box != (y0, x0, y1, x1)
        kept.append(CellBox(box, name))
    return tuple(kept), cut, outside


def _stem(image: str) -> str:
    return image.removesuffix(".png") or image
