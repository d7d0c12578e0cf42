"""Two folders of equal file names: what goes in, and what should come out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cellcommons.errors import MismatchedShapes, UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.images.writers import write_tiff
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.plain import EXTENSIONS
from cellcommons.layouts.tables import is_split, parse_split, read_tables, write_tables
from cellcommons.pairs import ImagePair

# Folder names that say which side is which: (source, target).
SIDES = (
    ("source", "target"),
    ("input", "target"),
    ("input", "output"),
    ("noisy", "clean"),
    ("noisy", "gt"),
    ("raw", "gt"),
    ("low", "high"),
    ("low", "gt"),
    ("lr", "hr"),
    ("he", "ihc"),
    ("a", "b"),
)


@dataclass(frozen=True)
class _Sides:
    """Two folders that belong together, and in which part of a published split they are."""

    source: Path
    target: Path
    split: str
    shared: tuple[str, ...]


class Paired:
    """Pairs of images in two folders, matched by file name without its extension.

    Which folder is the source is told by known names (noisy / clean, source / target, low / high, HE / IHC, A / B) or
    by one name being the other's beginning: ``Confocal_gaussianpoisson`` was made of ``Confocal``: the source.
    A published split is told by folders around them (``train/A``), by their names' beginnings (``trainA``,
    ``testB``), or by ``splits.csv``. ``sources.csv``, ``strata.csv`` and ``splits.csv`` lie beside the two folders.

    Images of any axes; the target has the source's rows and columns. Written as OME-TIFF below ``source/`` and
    ``target/``.
    """

    name = "paired"
    title = "Two folders of equal file names (noisy / clean, source / target, A / B)"
    task = "augmented"
    carries = Carries(
        truths=(ImagePair,),
        unlabelled=False,
        axes=("cyx", "czyx", "tcyx", "tczyx"),
        features=features(
            "source", "stratum", "split", "pixel_size", "channel_names", "wavelengths", "seconds_per_frame"
        ),
        note="Written as OME-TIFF, without loss.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        found = _sides(path)
        if not found:
            return 0.0, "no two folders that share file names and tell source from target"
        count = sum(len(sides.shared) for sides in found)
        return 0.8, f"{count} names in both {found[0].source.name}/ and {found[0].target.name}/"

    def scan(self, path: Path) -> Scan:
        found = _sides(path)
        if not found:
            raise UnknownLayout(
                "no two folders here share file names and tell source from target",
                where=str(path),
                remedy="Name the two folders source/ and target/, with equal file names in both.",
            )
        tables = read_tables(path)
        everything = [name.casefold() for sides in found for name in sides.shared]
        entries: list[Entry] = []
        skipped: list[Skipped] = []
        for sides in found:
            ours, again = _files(sides.source)
            theirs, more = _files(sides.target)
            skipped += [Skipped(file, "another file of this name has another extension") for file in again + more]
            for name in sides.shared:
                # Two parts of a split may use one name for different images.
                called = name if everything.count(name.casefold()) == 1 else f"{sides.source.name} {name}"
                if called != name and sides.source.parent != path:
                    called = f"{sides.source.parent.name} {name}"
                entry = Entry(called, (ours[name], theirs[name]), "", split=sides.split)
                entries.append(tables.applied(entry, name))
            lone = [(f, sides.target) for n, f in ours.items() if n not in theirs]
            lone += [(f, sides.source) for n, f in theirs.items() if n not in ours]
            skipped += [Skipped(file, f"no partner in {other.name}/") for file, other in lone]
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        source, target = (read_image(path) for path in entry.paths)
        try:
            return Record(entry, source, ImagePair.of(source, target), entry.paths[0])
        except MismatchedShapes as error:
            raise MismatchedShapes(error.what, where=entry.name, remedy=error.remedy) from error

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        entries = []
        for record in records:
            assert isinstance(record.truth, ImagePair)
            for side, image in (("source", record.image), ("target", record.truth.target)):
                (folder / side).mkdir(parents=True, exist_ok=True)
                write_tiff(folder / side / f"{record.entry.name}.ome.tif", image)
            entries.append(record.entry)
        write_tables(folder, entries)


def _files(folder: Path) -> tuple[dict[str, Path], list[Path]]:
    """Image files of one folder by name without extension (``.ome.tif`` counts as one), and others of their names."""
    found: dict[str, Path] = {}
    again = []
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return {}, []
    for file in files:
        if not file.is_file() or file.suffix.lower() not in EXTENSIONS or file.name.startswith("."):
            continue
        if found.setdefault(file.stem.removesuffix(".ome"), file) is not file:
            again.append(file)
    return found, again


def _sides(path: Path) -> list[_Sides]:
    """The folders that belong together; empty where none do, or more than one pair that no split keeps apart."""
    found = _sides_in(path, "")
    for folder in _folders(path) if not found else ():
        if is_split(folder.name):
            found += _sides_in(folder, parse_split(folder.name))
    return found if len(found) == 1 or all(sides.split for sides in found) else []


def _sides_in(path: Path, split: str) -> list[_Sides]:
    folders = _folders(path)
    found = []
    for source in folders:
        for target in folders:
            told = None if source == target else _tells(source.name.lower(), target.name.lower())
            if told is None:
                continue
            shared = sorted(set(_files(source)[0]) & set(_files(target)[0]))
            if shared:
                found.append(_Sides(source, target, told or split, tuple(shared)))
    return found


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    except OSError:
        return []


def _tells(source: str, target: str) -> str | None:
    """Whether two names tell source from target: the split that they name, empty where they name none; else None."""
    if (source, target) in SIDES:
        return ""
    for ours, theirs in SIDES:
        first = source.removesuffix(ours).rstrip("_-")
        named = source.endswith(ours) and target.endswith(theirs) and is_split(first)
        if named and target.removesuffix(theirs).rstrip("_-") == first:
            return parse_split(first)
    return "" if source.startswith(target) and source[len(target)] in "_- ." else None
