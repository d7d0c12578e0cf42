"""DeepCell's tracks: ``.trk`` (one movie) and ``.trks`` (many): a tar of raw.npy, tracked.npy and lineage.json.

Source: https://github.com/vanvalenlab/deepcell-tracking (Schwartz et al. 2023, https://doi.org/10.1101/803205).
``raw`` and ``tracked`` are (frame, y, x, channel), in ``.trks`` (movie, frame, y, x, channel); a lineage names of each
label its frames, daughters, parent, ``frame_div`` (the frame in which the daughters are there) and whether the cell
died (``capped``). A label may be absent from frames in between: then it becomes several tracks with gaps.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.errors import CellCommonsError, MismatchedShapes, UnknownLayout, UnreadableFile, WrongFormat
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.deepcell import batch_image
from cellcommons.layouts.deepcell_files import DeepCellFile, opened
from cellcommons.layouts.deepcell_lineage import movie_of, trk_lineage
from cellcommons.layouts.npy_facts import facts_text, with_facts
from cellcommons.layouts.pictures import split_said
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.tracks import LabelMovie

OWN = "cellcommons.json"


class DeepCellTracks:
    """Movies with their tracks, one or many a file. The split is told by the file's name or ``splits.csv``.

    Movies of a ``.trks`` are padded to one size with zeros, which stay. Where lineage and masks disagree, the masks
    decide and ``metadata['lineage_faults']`` counts what was set right.
    """

    name = "deepcell_tracks"
    title = "DeepCell tracks (.trk, .trks)"
    task = "tracking"
    carries = Carries(
        (LabelMovie,),
        unlabelled=False,
        axes=("tcyx",),
        features=features(
            *("source", "stratum", "split", "pixel_size", "channel_names", "wavelengths", "seconds_per_frame"),
            *("plate_position", "thin_axes", "ids", "divisions", "gaps"),
        ),
        note="One `.trk` a movie.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        files = _files(path)
        return (0.97, f"{len(files)} .trk or .trks files") if files else (0.0, "no .trk or .trks file")

    def scan(self, path: Path) -> Scan:
        files = _files(path)
        if not files:
            raise UnknownLayout("no .trk or .trks file here", where=str(path), remedy="Choose another layout.")
        tables = read_tables(path if path.is_dir() else path.parent)
        entries, skipped = [], []
        for file in files:
            try:
                with opened(file) as found:
                    count = _movies(found)
            except CellCommonsError as error:
                skipped.append(Skipped(file, error.line()))
                continue
            for place in range(count or 1):
                name = file.stem if count is None else f"{file.stem}_{place:04d}"
                split = split_said(file.stem)
                part = "" if count is None else str(place)
                entry = Entry(name, (file,), name, metadata={"source_known": False}, split=split, part=part)
                entries.append(tables.applied(entry, file.name))
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        file = entry.paths[0]
        where = f"{file.name}, {entry.part}" if entry.part else file.name
        with opened(file) as found:
            raw, tracked = found.arrays["raw"], found.arrays["tracked"]
            pixels = raw.row(int(entry.part)) if entry.part else raw.whole()
            labels = tracked.row(int(entry.part)) if entry.part else tracked.whole()
            lineage = _lineages(found)[int(entry.part or 0)]
            said = found.small.get(OWN, b"").decode("utf-8", "replace")
        image = with_facts(batch_image(pixels, where=where), said, where=where)
        if labels.shape != (*pixels.shape[:3], 1) and labels.shape != pixels.shape[:3]:
            raise MismatchedShapes(f"tracked is {labels.shape}, raw is {pixels.shape}", where=where)
        movie, faults = movie_of(labels.reshape(labels.shape[:3]), lineage, image, where=where)
        metadata = {**entry.metadata, "frames": len(movie.data), **({"lineage_faults": faults} if faults else {})}
        known = Entry(entry.name, entry.paths, entry.source, entry.stratum, metadata, entry.split, entry.part)
        return Record(known, image, movie, file)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """One ``NAME.trk`` a movie, as deepcell-tracking's ``load_trks`` reads it."""
        entries = []
        for record in records:
            assert isinstance(record.truth, LabelMovie)
            labels, lineage = trk_lineage(record.truth)
            kind = np.int32 if int(labels.max(initial=0)) < 1 << 31 else np.int64
            with (
                (folder / f"{record.entry.name}.trk").open("xb") as sink,
                gzip.GzipFile(filename="", mode="wb", fileobj=sink, compresslevel=1, mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
            ):
                _add(tar, "lineage.json", json.dumps(lineage, indent=1).encode())
                _add(tar, OWN, facts_text(record.image).encode())
                _add(tar, "raw.npy", _npy(np.moveaxis(record.image.data, 1, -1)))
                _add(tar, "tracked.npy", _npy(labels[..., None].astype(kind)))
            entries.append(record.entry)
        write_tables(folder, entries)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() in (".trk", ".trks") else []
    if not path.is_dir():
        return []
    return sorted(
        f
        for f in path.iterdir()
        if f.suffix.lower() in (".trk", ".trks") and f.is_file() and not f.name.startswith(".")
    )


def _movies(found: DeepCellFile) -> int | None:
    """How many movies a ``.trks`` holds; None for the one of a ``.trk``. Raises WrongFormat, MismatchedShapes."""
    where = found.path.name
    missing = {"raw", "tracked"} - set(found.arrays)
    if missing:
        raise WrongFormat(f"it holds no {min(missing)}.npy", where=where, remedy="Save it with deepcell-tracking.")
    raw, tracked = found.arrays["raw"].shape, found.arrays["tracked"].shape
    if len(raw) not in (4, 5) or tracked[: len(raw) - 1] != raw[:-1]:
        raise MismatchedShapes(f"raw is {raw}, tracked is {tracked}", where=where)
    lineages = _lineages(found)
    count = 1 if len(raw) == 4 else raw[0]
    if len(lineages) != count:
        raise WrongFormat(f"{len(lineages)} lineages for {count} movies", where=where)
    return None if len(raw) == 4 else count


def _lineages(found: DeepCellFile) -> list[dict[str, Any]]:
    """The lineage of each movie, as JSON. Raises WrongFormat, UnreadableFile."""
    where = found.path.name
    if "parsed" not in found.small:
        text = found.small.get("lineages.json", found.small.get("lineage.json"))
        if text is None:
            raise WrongFormat("it holds no lineage.json", where=where, remedy="Save it with deepcell-tracking.")
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UnreadableFile(f"its lineage is no JSON ({str(error)[:80]})", where=where) from error
        listed = parsed if isinstance(parsed, list) else [parsed]
        if not all(isinstance(one, dict) for one in listed):
            raise WrongFormat("its lineage is no dict of cells", where=where)
        found.small["parsed"] = listed
    lineages: list[dict[str, Any]] = found.small["parsed"]
    return lineages


def _npy(array: Any) -> bytes:
    into = io.BytesIO()
    np.save(into, np.ascontiguousarray(array), allow_pickle=False)
    return into.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    tar.addfile(member, io.BytesIO(content))
