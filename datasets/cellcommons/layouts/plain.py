"""A plain folder of image files, without labels."""

from __future__ import annotations

from pathlib import Path

from cellcommons.errors import UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.tables import read_column

EXTENSIONS = frozenset({".tif", ".tiff", ".btf", ".png", ".jpg", ".jpeg"})
_TABLES = frozenset({"sources.csv", "strata.csv"})


class Plain:
    """Every TIFF, PNG and JPEG in a folder and the folders below it, or one single file.

    An optional ``sources.csv`` (columns name, source) and ``strata.csv`` (name, stratum) name each file by its path
    relative to the folder. Without it each image is its own source, and ``metadata['source_known']`` is false.
    """

    name = "plain"
    title = "A folder of image files, without labels"
    task = "instance_segmentation"

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
        sources = read_column(base / "sources.csv", "source")
        strata = read_column(base / "strata.csv", "stratum")
        entries = []
        for file in files:
            name = file.relative_to(base).as_posix()
            source = sources.get(name, "")
            entries.append(Entry(name, (file,), source or name, strata.get(name, ""), {"source_known": bool(source)}))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        return Record(entry, read_image(entry.paths[0]), None, entry.paths[0])

    def _files(self, path: Path) -> tuple[list[Path], list[Skipped]]:
        if path.is_file():
            return [path], []
        files, skipped = [], []
        for file in sorted(path.rglob("*")):
            if not file.is_file() or any(part.startswith(".") for part in file.relative_to(path).parts):
                continue
            if file.suffix.lower() in EXTENSIONS:
                files.append(file)
            elif file.name not in _TABLES:
                skipped.append(Skipped(file, "not a TIFF, PNG or JPEG by its name"))
        return files, skipped
