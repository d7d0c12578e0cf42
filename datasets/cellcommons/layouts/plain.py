"""A plain folder of image files, without labels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from cellcommons.errors import CellCommonsError, NotFound, UnknownLayout
from cellcommons.images.readers import is_image, list_images, read_image
from cellcommons.images.sniff import readable_extensions
from cellcommons.images.writers import write_tiff
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.tables import FILES, read_tables, write_tables

EXTENSIONS = frozenset(ending for endings in readable_extensions().values() for ending in endings)
"""Endings of names of files that hold images, in lower case."""


class Plain:
    """Every image file or OME-Zarr folder in a folder and the folders below it, or one single file.

    An optional ``sources.csv`` (columns name, source), ``strata.csv`` (name, stratum) and ``splits.csv`` (name, split)
    name each file by its path relative to the folder, with or without ``.ome.tif``. Without a source each file is its
    own, and ``metadata['source_known']`` is false. An entry is called by that path, without ``.ome.tif``.

    Args:
        parts: open each file, and give each of the several images in one (scenes, series, wells) as an entry of its
            own: ``part`` is what the file calls it, which also follows the file's name. Else the first stands for all.
    """

    name = "plain"
    title = "A folder of image files, without labels"
    task = "instance_segmentation"
    carries = Carries(
        axes=("cyx", "czyx", "tcyx", "tczyx"),
        features=features(
            "source", "stratum", "split", "pixel_size", "channel_names", "wavelengths", "seconds_per_frame"
        ),
        note="Every format is read; written as OME-TIFF, without loss.",
    )

    def __init__(self, *, parts: bool = True) -> None:
        self.parts = parts

    def guess(self, path: Path) -> tuple[float, str]:
        found = len(_files(path)[0])
        return (0.3, f"{found} image files") if found else (0.0, "no image file here, by their names")

    def scan(self, path: Path) -> Scan:
        files, skipped = _files(path)
        if not files:
            raise UnknownLayout(
                "no image file here, by their names",
                where=str(path),
                remedy="Point to a folder of images, or choose another layout.",
            )
        base = path if path.is_dir() and path not in files else path.parent
        tables = read_tables(base)
        whole = {file: file.relative_to(base).as_posix() for file in files}
        short = {file: _without_ome(name) for file, name in whole.items()}
        times = Counter(name.casefold() for name in short.values())
        entries = []
        for file, name in whole.items():
            called = short[file] if times[short[file].casefold()] == 1 else name
            parts = _parts(file) if self.parts else []
            for part in parts if len(parts) > 1 else [""]:
                entry = Entry(f"{called} {part}" if part else called, (file,), called, part=part)
                entries.append(tables.applied(entry, called, name))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        file = entry.paths[0]
        parts = _parts(file) if entry.part else [""]
        if entry.part not in parts:
            raise NotFound(f"no image {entry.part!r} in it", where=str(file))
        place = parts.index(entry.part)
        return Record(entry, read_image(file, series=place), None, file)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        entries = []
        for record in records:
            write_tiff(folder / f"{record.entry.name}.ome.tif", record.image)
            entries.append(record.entry)
        write_tables(folder, entries)


def _parts(file: Path) -> list[str]:
    """What the images of ``file`` are called, each once; none where it cannot be opened, as reading it will say."""
    try:
        given = [name.strip()[:150] for name, _ in list_images(file)]
    except CellCommonsError:
        return []
    times = Counter(given)
    numbered = enumerate(given, start=1)
    return [name if name and times[name] == 1 else f"{name or 'image'} {number}" for number, name in numbered]


def _files(path: Path) -> tuple[list[Path], list[Skipped]]:
    """Image files and OME-Zarr folders at or below ``path``, in order of their paths, and what is left out."""
    if path.is_file() or is_image(path):
        return [path], []
    files: list[Path] = []
    skipped = []
    for place, folders, names in os.walk(path):
        below = [Path(place, name) for name in sorted(folders) if not name.startswith(".")]
        zarr = [folder for folder in below if is_image(folder)]
        files += zarr
        # What is in them are pieces of images.
        folders[:] = [folder.name for folder in below if folder not in zarr]
        for file in (Path(place, name) for name in names if not name.startswith(".")):
            if file.suffix.lower() in EXTENSIONS and file.is_file():
                files.append(file)
            elif file.name not in FILES:
                skipped.append(Skipped(file, "not an image by its name"))
    return sorted(files), sorted(skipped, key=lambda one: one.path)


def _is_ome(file: Path) -> bool:
    return _without_ome(file.name) != file.name


def _without_ome(name: str) -> str:
    for ending in (".ome.tif", ".ome.tiff"):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def short_names(folder: Path, files: Iterable[Path]) -> dict[Path, str]:
    """What to call each file: its name without extension where that is unique, else its path below ``folder``.

    Raises:
        ValueError: a file that is not below ``folder``.
    """
    stems = {file: Path(_without_ome(file.name)).name if _is_ome(file) else file.stem for file in files}
    paths = {file: file.relative_to(folder).as_posix() for file in stems}
    # A file without extension may be called what another's name is without it.
    times = Counter(stem.casefold() for stem in stems.values()) + Counter(path.casefold() for path in paths.values())
    alone = {file for file, stem in stems.items() if times[stem.casefold()] == 1 + (stem == paths[file])}
    return {file: stems[file] if file in alone else path for file, path in paths.items()}
