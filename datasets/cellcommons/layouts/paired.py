"""Two folders of equal file names: what goes in, and what should come out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import tifffile

from cellcommons.errors import InvalidDocument, MismatchedShapes, UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.plain import EXTENSIONS
from cellcommons.layouts.tables import read_column
from cellcommons.pairs import ImagePair

# Folder names that say which side is which: (source, target).
SIDES = (
    ("source", "target"),
    ("input", "target"),
    ("noisy", "clean"),
    ("noisy", "gt"),
    ("raw", "gt"),
    ("low", "high"),
    ("low", "gt"),
    ("lr", "hr"),
    ("a", "b"),
    ("traina", "trainb"),
    ("testa", "testb"),
)


class Paired:
    """Pairs of images in two folders, matched by file name without its extension.

    Which folder is the source is told by known names (noisy / clean, source / target, low / high, A / B, ...), or by
    one name being the other's beginning: ``Confocal_gaussianpoisson`` is what was done to ``Confocal``: the source.
    ``sources.csv`` and ``strata.csv`` may lie beside the two folders, as in ``plain``.
    """

    name = "paired"
    title = "Two folders of equal file names (noisy / clean, source / target, A / B)"
    task = "augmented"

    def guess(self, path: Path) -> tuple[float, str]:
        found = _sides(path)
        if found is None:
            return 0.0, "no two folders that share file names and tell source from target"
        source, target, shared = found
        return 0.8, f"{len(shared)} names in both {source.name}/ and {target.name}/"

    def scan(self, path: Path) -> Scan:
        found = _sides(path)
        if found is None:
            raise UnknownLayout(
                "no two folders here share file names and tell source from target",
                where=str(path),
                remedy="Name the two folders source/ and target/, with equal file names in both.",
            )
        source, target, shared = found
        sources, strata = read_column(path / "sources.csv", "source"), read_column(path / "strata.csv", "stratum")
        ours, theirs = _files(source), _files(target)
        entries = [
            Entry(
                name,
                (ours[name], theirs[name]),
                sources.get(name, "") or name,
                strata.get(name, ""),
                {"source_known": bool(sources.get(name, ""))},
            )
            for name in shared
        ]
        lone = [(f, target) for n, f in ours.items() if n not in theirs]
        lone += [(f, source) for n, f in theirs.items() if n not in ours]
        return Scan(tuple(entries), tuple(Skipped(file, f"no partner in {other.name}/") for file, other in lone))

    def read(self, entry: Entry) -> Record:
        source, target = (read_image(path) for path in entry.paths)
        try:
            return Record(entry, source, ImagePair.of(source, target), entry.paths[0])
        except MismatchedShapes as error:
            raise MismatchedShapes(error.what, where=entry.name, remedy=error.remedy) from error

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write pairs as OME-TIFF below ``folder/source`` and ``folder/target``.

        Raises:
            InvalidDocument: a record without a pair, or a name that is no plain file name.
        """
        for record in records:
            name = record.entry.name
            if not name or PurePosixPath(name).name != name or name in (".", "..") or "\\" in name:
                raise InvalidDocument("not usable as a file name", where=name)
            if not isinstance(record.truth, ImagePair):
                raise InvalidDocument("the record holds no pair", where=name)
            for side, image in (("source", record.image), ("target", record.truth.target)):
                (folder / side).mkdir(parents=True, exist_ok=True)
                metadata: dict[str, object] = {"axes": image.axes.upper(), "Channel": {"Name": list(image.channels)}}
                for axis in "yxz":
                    size = getattr(image.pixel_size, axis)
                    if size is not None:
                        metadata |= {f"PhysicalSize{axis.upper()}": size, f"PhysicalSize{axis.upper()}Unit": "µm"}
                tifffile.imwrite(
                    folder / side / f"{name}.ome.tif", image.data, ome=True, photometric="minisblack", metadata=metadata
                )


def _files(folder: Path) -> dict[str, Path]:
    """Image files of one folder by name without extension (``.ome.tif`` counts as one)."""
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix.lower() in EXTENSIONS and not file.name.startswith("."):
            found.setdefault(file.stem.removesuffix(".ome"), file)
    return found


def _sides(path: Path) -> tuple[Path, Path, list[str]] | None:
    """Source folder, target folder and the names in both; None where no two folders fit, or more than two do."""
    if not path.is_dir():
        return None
    folders = [f for f in sorted(path.iterdir()) if f.is_dir() and not f.name.startswith(".")]
    found = []
    for source in folders:
        for target in folders:
            if source == target or not _tells(source.name.lower(), target.name.lower()):
                continue
            shared = sorted(set(_files(source)) & set(_files(target)))
            if shared:
                found.append((source, target, shared))
    return found[0] if len(found) == 1 else None


def _tells(source: str, target: str) -> bool:
    return (source, target) in SIDES or (source.startswith(target) and source[len(target)] in "_- .")
