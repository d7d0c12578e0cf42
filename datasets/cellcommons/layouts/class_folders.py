"""Images sorted into classes: one folder a class, or a table of names and classes.

The folders are those of ImageFolder (https://docs.pytorch.org/vision, ``<class>/<image>``), the table ``metadata.csv``
or ``metadata.jsonl`` that of Hugging Face ``datasets`` (https://huggingface.co/docs/datasets/image_dataset), where the
column is ``file_name``; ``classes.csv`` (name, class) is a short form of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cellcommons.classes import ImageClasses
from cellcommons.errors import InvalidDocument, TooLarge, UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import FILE, Classes, entry_ontology, found_ontology
from cellcommons.layouts.pictures import write_picture
from cellcommons.layouts.plain import EXTENSIONS, short_names
from cellcommons.layouts.tables import FILES, is_split, parse_split, read_rows, read_tables, write_tables
from cellcommons.layouts.used import is_file_name

TABLES = ("classes.csv", "metadata.csv", "metadata.jsonl")
SEPARATOR = ";"
_BESIDE = frozenset({*TABLES, FILE, *FILES})
_NAMES, _LABELS = ("name", "file_name", "image", "file", "id"), ("class", "label", "classes", "labels")
_MAX_TABLE = 256 << 20
# Folders that other layouts use; they are no classes.
_NOT_CLASSES = frozenset({"images", "masks", "labels", "annotations", "jpegimages", "imagesets"})

Rows = dict[str, tuple[str, ...] | None]
Found = tuple[tuple[Path, ...], str, dict[str, Any]]


class ClassFolders:
    """``<class>/<image>`` or, with a published split, ``train/<class>/<image>``, ``val/...``, ``test/...``.

    With a table the images may lie anywhere below, and a cell of a CSV may name several classes, separated by
    semicolons (in JSON a list); an empty cell (in JSON null) is an image without truth, unless ``ontology.json`` says
    ``multi``, where an empty cell (in JSON an empty list) means none of the classes. Images that the table does not
    name have no truth. Class order and rank come from ``ontology.json``, else the names are sorted.

    An entry is called by its file's name without extension where that is unique, so that the name does not tell the
    class. ``sources.csv``, ``strata.csv`` and ``splits.csv`` name images so, or by their path below the folder.

    What is written is one folder a class where every image has one class, there are two or more and all can name a
    folder; else ``images/`` with ``metadata.jsonl``. Both open as an ``imagefolder`` of Hugging Face ``datasets``.
    """

    name = "class_folders"
    title = "Images sorted into classes (a folder a class, or a table)"
    task = "classification"
    carries = Carries(
        truths=(ImageClasses,),
        axes=("cyx", "czyx", "tcyx", "tczyx"),
        features=features(
            "source",
            "stratum",
            "split",
            "pixel_size",
            "channel_names",
            "wavelengths",
            "seconds_per_frame",
            "class_order",
            "ordinal",
            "multi",
        ),
        note="Opens as an imagefolder of Hugging Face datasets.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        table = _table(path)
        if table is not None:
            return 0.8, f"a table {table.name}"
        folders = _class_folders(path)
        names = {folder.name for folder, _ in folders}
        if len(names) < 2:
            return 0.0, f"no {TABLES[0]}, and fewer than two folders of images"
        if (path / FILE).is_file() or any(split for _, split in folders):
            return 0.7, f"{len(names)} classes of images"
        # Folders may as well be days or slides: taken for classes only when asked for by name.
        return 0.2, f"{len(names)} folders of images, which may be classes"

    def scan(self, path: Path) -> Scan:
        table = _table(path)
        return _scan_folders(path) if table is None else _scan_table(path, table)

    def read(self, entry: Entry) -> Record:
        picture = entry.paths[0]
        image = read_image(picture)
        if len(entry.paths) == 1:
            truth = None
            if "ontology" in entry.metadata:
                truth = ImageClasses((picture.parent.name,), entry_ontology(entry))
            return Record(entry, image, truth, picture)
        table = entry.paths[1]
        names = _rows(table, table.stat().st_mtime_ns)[picture.relative_to(table.parent).as_posix()]
        ontology = entry_ontology(entry) if "ontology" in entry.metadata else None
        # An empty label is one of several classes, none of which is there; or else nothing was said.
        known = ontology is not None and names is not None and (names or ontology.multi)
        return Record(entry, image, ImageClasses(names, ontology) if known else None, picture)  # type: ignore[arg-type]

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        classes, rows = Classes(), []
        for record in records:
            path = write_picture(folder / "images", record)
            truth = record.truth
            names = truth.classes if isinstance(truth, ImageClasses) else None
            if isinstance(truth, ImageClasses):
                classes.add(truth.ontology)
            rows.append((path, names, record.entry))
        classes.write(folder)
        ontology = classes.ontology()
        given = {names for _, names, _ in rows}
        told_apart = len({names[0].casefold() for names in given if names}) == len(given) > 1
        if ontology is not None and not ontology.multi and told_apart and all(_nameable(one) for one in given):
            write_tables(folder, _moved(folder, rows))
            return
        with (folder / TABLES[2]).open("w", encoding="utf-8", newline="\n") as handle:
            for path, names, _ in rows:
                label: Any = names if names is None or (ontology and ontology.multi) else names[0]
                row = {"file_name": path.relative_to(folder).as_posix(), "label": label}
                handle.write(json.dumps(row, ensure_ascii=False) + "\n")
        write_tables(folder, (entry for _, _, entry in rows))


def _nameable(names: tuple[str, ...] | None) -> bool:
    """Whether a label is one class whose name can be that of a folder, and of nothing else."""
    if names is None or len(names) != 1 or not is_file_name(names[0]):
        return False
    return not is_split(names[0]) and names[0].lower() not in _NOT_CLASSES


def _moved(folder: Path, rows: list[tuple[Path, tuple[str, ...] | None, Entry]]) -> list[Entry]:
    """Move the images into folders of their classes, below those of their splits where all have one."""
    parted = all(entry.split for _, _, entry in rows)
    for path, names, entry in rows:
        assert names is not None
        home = folder / entry.split / names[0] if parted else folder / names[0]
        home.mkdir(parents=True, exist_ok=True)
        path.rename(home / path.name)
    (folder / "images").rmdir()
    return [replace(entry, split="" if parted else entry.split) for _, _, entry in rows]


def _table(path: Path) -> Path | None:
    """The table of ``path``; None where there is none that gives classes."""
    for name in TABLES:
        table = path / name
        try:
            with table.open("rb") as handle:
                head = handle.readline(1 << 16).decode("utf-8", "replace").lower()
        except OSError:
            continue
        words = {word.strip(" \"'\ufeff\r\n{}:") for part in head.split(",") for word in part.split(":")}
        if name == TABLES[0] or words & set(_LABELS):
            return table
    return None


@lru_cache(maxsize=2)
def _rows(table: Path, _changed: int) -> Rows:
    """Image -> class names, None where it has no truth; kept while the images are read one after another."""
    if table.stat().st_size > _MAX_TABLE:
        raise TooLarge(f"a table of more than {_MAX_TABLE:,} bytes", where=str(table))
    found: Rows = {}
    given = _json_rows(table) if table.suffix == ".jsonl" else _csv_rows(table)
    for where, name, names in given:
        name = name.removeprefix("./")
        if name in found:
            raise InvalidDocument(f"{name!r} is listed twice", where=where)
        found[name] = names
    return found


def _csv_rows(table: Path) -> list[tuple[str, str, tuple[str, ...] | None]]:
    rows = read_rows(table)
    first = rows[0] if rows else {}
    key = next((name for name in _NAMES if name in first), None)
    column = next((name for name in _LABELS if name in first), None)
    if rows and (key is None or column is None):
        raise InvalidDocument(
            f"needs a column of {', '.join(_NAMES)} and one of {', '.join(_LABELS)}; it has {', '.join(first)}",
            where=str(table),
        )
    found: list[tuple[str, str, tuple[str, ...] | None]] = []
    for number, row in enumerate(rows, start=2):
        names = tuple(part.strip() for part in row[str(column)].split(SEPARATOR) if part.strip())
        found.append((f"{table}, row {number}", row[str(key)], names))
    return found


def _json_rows(table: Path) -> list[tuple[str, str, tuple[str, ...] | None]]:
    found: list[tuple[str, str, tuple[str, ...] | None]] = []
    with table.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            where = f"{table}, line {number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InvalidDocument(f"not JSON ({error})", where=where) from error
            name = row.get("file_name") if isinstance(row, dict) else None
            label = next((row[key] for key in _LABELS if key in row), None) if isinstance(row, dict) else None
            names = [label] if isinstance(label, str) else label
            words = names is None or (isinstance(names, list) and all(isinstance(one, str) for one in names))
            if not isinstance(name, str) or not words:
                raise InvalidDocument("needs a file_name, and a label that is text or a list of texts", where=where)
            found.append((where, name, None if names is None else tuple(names)))
    return found


def _class_folders(path: Path) -> list[tuple[Path, str]]:
    """Folders that hold images, each with the published split it is in (empty where there is none)."""
    inside = _folders(path)
    if inside and all(is_split(folder.name) for folder in inside):
        pairs = [(p, parse_split(base.name)) for base in inside for p in _folders(base)]
    else:
        pairs = [(folder, "") for folder in inside]
    return [(p, s) for p, s in pairs if p.name.lower() not in _NOT_CLASSES and _images(p)]


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        return []


def _images(folder: Path) -> list[Path]:
    try:
        files = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    except OSError:
        return []
    return sorted(p for p in files if p.suffix.lower() in EXTENSIONS)


def _scan_folders(path: Path) -> Scan:
    folders = _class_folders(path)
    if not folders:
        raise UnknownLayout(
            f"no folder of images and no {TABLES[0]} here, so this is not the class_folders layout",
            where=str(path),
            remedy="Point to the folder that holds one folder a class, or choose another layout.",
        )
    ontology = found_ontology(path, (folder.name for folder, _ in folders))
    splits = {image: split for folder, split in folders for image in _images(folder)}
    skipped = []
    for file in sorted(path.rglob("*")):
        below = file.relative_to(path)
        if not file.is_file() or file in splits or any(part.startswith(".") for part in below.parts):
            continue
        if below.as_posix() not in _BESIDE:
            skipped.append(Skipped(file, "not an image in a class folder"))
    known = {"ontology": ontology.document()}
    found: list[Found] = [((image,), split, known) for image, split in splits.items()]
    return Scan(_entries(path, found), tuple(skipped))


def _scan_table(path: Path, table: Path) -> Scan:
    rows = _rows(table, table.stat().st_mtime_ns)
    several = any(names is not None and len(names) > 1 for names in rows.values())
    # JSON tells an empty list from nothing at all, a cell of a CSV does not.
    several = several or (table.suffix == ".jsonl" and () in rows.values())
    given = [name for names in rows.values() for name in names or ()]
    stated = bool(given) or (path / FILE).is_file()
    ontology = found_ontology(path, given, multi=several) if stated else None
    found: list[Found] = []
    skipped, listed = [], set()
    home = path.resolve()
    for name, names in rows.items():
        file = path / name
        # A table from outside must not lead out of its folder.
        if not name or not file.resolve().is_relative_to(home) or ".." in Path(name).parts or not file.is_file():
            skipped.append(Skipped(file, f"{table.name} names it, and it is not here"))
            continue
        if names and ontology is not None:
            ontology.checked(names, where=f"{table}, {name}")
        listed.add(file)
        known = {"ontology": ontology.document()} if ontology is not None else {}
        found.append(((file, table), "", known))
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() not in EXTENSIONS or file in listed or not file.is_file():
            continue
        if any(part.startswith(".") for part in file.relative_to(path).parts):
            continue
        if not file.resolve().is_relative_to(home):
            skipped.append(Skipped(file, "a link that leads out of the folder"))
        else:
            found.append(((file,), "", {}))
    return Scan(_entries(path, found), tuple(skipped))


def _entries(path: Path, found: list[Found]) -> tuple[Entry, ...]:
    tables = read_tables(path)
    names = short_names(path, (paths[0] for paths, _, _ in found))
    entries = []
    for paths, split, metadata in found:
        file = paths[0]
        entry = Entry(names[file], paths, "", metadata=metadata, split=split)
        entries.append(tables.applied(entry, file.relative_to(path).as_posix(), file.name))
    return tuple(sorted(entries, key=lambda entry: entry.name))
