"""Images sorted into classes: one folder a class, or a table ``classes.csv`` with columns name and class."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from cellcommons.classes import ImageClasses, Ontology
from cellcommons.errors import UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import FILE, entry_ontology, found_ontology
from cellcommons.layouts.plain import EXTENSIONS
from cellcommons.layouts.tables import read_column

TABLE = "classes.csv"
SEPARATOR = ";"
SETS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_BESIDE = frozenset({TABLE, FILE, "sources.csv", "strata.csv"})
# Folders that other layouts use; they are no classes.
_NOT_CLASSES = frozenset({"images", "masks", "labels", "annotations", "jpegimages", "imagesets"})


class ClassFolders:
    """``<class>/<image>`` or, with a published split, ``train/<class>/<image>``, ``val/...``, ``test/...``.

    With a ``classes.csv`` (name, class) the images may lie anywhere below, and a cell may name several classes,
    separated by semicolons; an empty cell is an image without truth, unless ``ontology.json`` says ``multi``, where it
    means none of the classes. Class order and rank come from ``ontology.json``, else the names are sorted.

    All tables name an image by its path below the folder. An entry's own name is that of its file where this is unique,
    so that the name does not tell the class. Without ``sources.csv`` each image is its own source.
    """

    name = "class_folders"
    title = "Images sorted into classes (a folder a class, or classes.csv)"
    task = "classification"

    def guess(self, path: Path) -> tuple[float, str]:
        if (path / TABLE).is_file():
            return 0.8, f"a table {TABLE}"
        folders = _class_folders(path)
        names = {folder.name for folder, _ in folders}
        if len(names) < 2:
            return 0.0, f"no {TABLE}, and fewer than two folders of images"
        if (path / FILE).is_file() or any(split for _, split in folders):
            return 0.7, f"{len(names)} classes of images"
        # Folders may as well be days or slides: taken for classes only when asked for by name.
        return 0.2, f"{len(names)} folders of images, which may be classes"

    def scan(self, path: Path) -> Scan:
        return _scan_table(path) if (path / TABLE).is_file() else _scan_folders(path)

    def read(self, entry: Entry) -> Record:
        picture = entry.paths[0]
        image, ontology = read_image(picture), entry_ontology(entry)
        if len(entry.paths) == 1:
            return Record(entry, image, ImageClasses((picture.parent.name,), ontology), picture)
        table = entry.paths[1]
        names = _rows(table, table.stat().st_mtime_ns)[picture.relative_to(table.parent).as_posix()]
        truth = ImageClasses(names, ontology) if names or ontology.multi else None
        return Record(entry, image, truth, picture)


@lru_cache(maxsize=2)
def _rows(table: Path, _changed: int) -> dict[str, tuple[str, ...]]:
    """Image -> class names; kept while the images are read one after another."""
    rows = read_column(table, "class")
    return {name: tuple(part.strip() for part in cell.split(SEPARATOR) if part.strip()) for name, cell in rows.items()}


def _class_folders(path: Path) -> list[tuple[Path, str]]:
    """Folders that hold images, each with the published split it is in (empty where there is none)."""
    if not path.is_dir():
        return []
    inside = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if inside and all(folder.name.lower() in SETS for folder in inside):
        pairs = [(p, SETS[base.name.lower()]) for base in inside for p in sorted(base.iterdir()) if p.is_dir()]
    else:
        pairs = [(folder, "") for folder in inside]
    return [(p, s) for p, s in pairs if p.name.lower() not in _NOT_CLASSES and _images(p)]


def _images(folder: Path) -> list[Path]:
    files = (p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    return sorted(p for p in files if p.suffix.lower() in EXTENSIONS)


def _scan_folders(path: Path) -> Scan:
    folders = _class_folders(path)
    if not folders:
        raise UnknownLayout(
            f"no folder of images and no {TABLE} here, so this is not the class_folders layout",
            where=str(path),
            remedy="Point to the folder that holds one folder a class, or choose another layout.",
        )
    ontology = found_ontology(path, (folder.name for folder, _ in folders))
    sets = {image: split for folder, split in folders for image in _images(folder)}
    skipped = []
    for file in sorted(path.rglob("*")):
        below = file.relative_to(path)
        if not file.is_file() or file in sets or any(part.startswith(".") for part in below.parts):
            continue
        if below.as_posix() not in _BESIDE:
            skipped.append(Skipped(file, "not an image in a class folder"))
    return Scan(_entries(path, [(file,) for file in sorted(sets)], ontology, sets), tuple(skipped))


def _scan_table(path: Path) -> Scan:
    table = path / TABLE
    rows = _rows(table, table.stat().st_mtime_ns)
    several = any(len(names) > 1 for names in rows.values())
    ontology = found_ontology(path, (name for names in rows.values() for name in names), multi=several)
    found: list[tuple[Path, ...]] = []
    skipped = []
    for name, names in sorted(rows.items()):
        file = path / name
        # A table from outside must not lead out of its folder.
        if not name or not file.resolve().is_relative_to(path.resolve()) or not file.is_file():
            skipped.append(Skipped(file, f"{TABLE} names it, and it is not here"))
            continue
        if names:
            ontology.checked(names, where=f"{table}, {name}")
        found.append((file, table))
    listed = {paths[0] for paths in found}
    for file in sorted(path.rglob("*")):
        if file.is_file() and file.suffix.lower() in EXTENSIONS and file not in listed:
            skipped.append(Skipped(file, f"{TABLE} does not name it"))
    return Scan(_entries(path, found, ontology, {}), tuple(skipped))


def _entries(path: Path, found: list[tuple[Path, ...]], ontology: Ontology, sets: dict[Path, str]) -> tuple[Entry, ...]:
    sources, strata = read_column(path / "sources.csv", "source"), read_column(path / "strata.csv", "stratum")
    together = Counter(paths[0].name for paths in found)
    entries = []
    for paths in found:
        below = paths[0].relative_to(path).as_posix()
        name = paths[0].name if together[paths[0].name] == 1 else below
        source = sources.get(below, "")
        metadata: dict[str, Any] = {"source_known": bool(source), "ontology": ontology.document()}
        if sets.get(paths[0]):
            metadata["set"] = sets[paths[0]]
        entries.append(Entry(name, paths, source or name, strata.get(below, ""), metadata))
    return tuple(entries)
