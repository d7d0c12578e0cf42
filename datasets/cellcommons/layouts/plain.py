"""A plain folder of image files, without labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from cellcommons.errors import UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.images.writers import write_tiff
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.tables import FILES, read_tables, write_tables

EXTENSIONS = frozenset({".tif", ".tiff", ".btf", ".png", ".jpg", ".jpeg"})


class Plain:
    """Every image file in a folder and the folders below it, or one single file.

    An optional ``sources.csv`` (columns name, source), ``strata.csv`` (name, stratum) and ``splits.csv`` (name, split)
    name each file by its path relative to the folder, with or without ``.ome.tif``. Without a source each image is its
    own, and ``metadata['source_known']`` is false. An entry is called by that path, without ``.ome.tif``.
    """

    name = "plain"
    title = "A folder of image files, without labels"
    task = "instance_segmentation"
    carries = Carries(
        axes=("cyx", "czyx", "tcyx", "tczyx"),
        features=features(
            "source", "stratum", "split", "pixel_size", "channel_names", "wavelengths", "seconds_per_frame"
        ),
        note="Written as OME-TIFF, without loss.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        found = len(self._files(path)[0])
        return (0.3, f"{found} image files") if found else (0.0, "no TIFF, PNG or JPEG here")

    def scan(self, path: Path) -> Scan:
        files, skipped = self._files(path)
        if not files:
            raise UnknownLayout(
                "no TIFF, PNG or JPEG here",
                where=str(path),
                remedy="Point to a folder of images, or choose another layout.",
            )
        base = path if path.is_dir() else path.parent
        tables = read_tables(base)
        whole = {file: file.relative_to(base).as_posix() for file in files}
        short = {file: _without_ome(name) for file, name in whole.items()}
        times = Counter(name.casefold() for name in short.values())
        entries = []
        for file, name in whole.items():
            called = short[file] if times[short[file].casefold()] == 1 else name
            entries.append(tables.applied(Entry(called, (file,), ""), name))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        return Record(entry, read_image(entry.paths[0]), None, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        entries = []
        for record in records:
            write_tiff(folder / f"{record.entry.name}.ome.tif", record.image)
            entries.append(record.entry)
        write_tables(folder, entries)

    def _files(self, path: Path) -> tuple[list[Path], list[Skipped]]:
        if path.is_file():
            return [path], []
        files, skipped = [], []
        for file in sorted(path.rglob("*")):
            if not file.is_file() or any(part.startswith(".") for part in file.relative_to(path).parts):
                continue
            if file.suffix.lower() in EXTENSIONS:
                files.append(file)
            elif file.name not in FILES:
                skipped.append(Skipped(file, "not a TIFF, PNG or JPEG by its name"))
        return files, skipped


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
