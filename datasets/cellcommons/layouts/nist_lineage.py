"""NIST Lineage Mapper: ``seg_NNN.tif`` and a folder of ``trk-*NNN.tif``, ``trk-birth-death.csv``, ``trk-division.csv``.

Source: Chalfoun et al. 2016, "Lineage mapper: a versatile cell and particle tracker", https://doi.org/10.1038/srep36984.
Frames count from 1. The header of trk-division.csv says that the mother is seen at time t and the daughters at t + 1,
but the tool writes the daughters' first frame as t (compare trk-birth-death.csv): masks and births are believed.
The layout has no place for the microscope's images; what is written here keeps them beside as ``image_NNN.tif``
(OME-TIFF), and intervals in ``sequences.csv``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellcommons.errors import InvalidDocument, MismatchedShapes, NotFound, UnknownLayout, UnreadableFile
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.frames import (
    Sequence,
    digits,
    interval,
    numbered_frames,
    read_label_frames,
    read_movie,
    read_sequences,
    same_frames,
    write_frames,
    write_label_frames,
    write_sequences,
)
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.linked import lineage_from_ids, relabelled
from cellcommons.tracks import LabelMovie, movie_nodes

_SEGMENTED = r"seg_(\d+)\.tiff?"
_IMAGES = r"image_(\d+)\.tiff?"
_MASKS = r"trk-.*?(\d+)\.tiff?"
_BIRTHS, _DIVISIONS = "trk-birth-death.csv", "trk-division.csv"


class NistLineage:
    """Segmented frames with what Lineage Mapper made of them; each result is one image of many frames.

    Where there are no images, the image is the segmentation that was tracked, and its channel says so.
    """

    name = "nist_lineage"
    title = "NIST Lineage Mapper (seg_NNN.tif, trk-*.tif, trk-division.csv)"
    task = "tracking"
    carries = Carries(
        truths=(LabelMovie,),
        unlabelled=False,
        axes=("tcyx",),
        modes=("gray",),
        features=features(
            "source",
            "stratum",
            "split",
            "pixel_size",
            "channel_names",
            "wavelengths",
            "seconds_per_frame",
            "thin_axes",
            "ids",
            "outlines",
            "holes",
            "pieces",
            "divisions",
        ),
        note="ids up to 65,535; no gaps; the images lie beside as image_NNN.tif, which the tool does not look at",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        found = len(_results(path))
        return (0.9, f"{found} folders with {_DIVISIONS}") if found else (0.0, f"no {_DIVISIONS} below")

    def scan(self, path: Path) -> Scan:
        results = _results(path)
        if not results:
            raise UnknownLayout(
                f"no folder with {_BIRTHS} here, so this is not the nist_lineage layout", where=str(path)
            )
        tables, said = read_tables(path), read_sequences(path)
        entries, skipped = [], []
        for folder in results:
            raw = any(folder.glob("image_*.tif*"))
            try:
                masks = numbered_frames(folder, _MASKS)
                frames = numbered_frames(folder, _IMAGES) if raw else numbered_frames(*_segmented(folder, path))
                same_frames(frames, masks, shift=0, where=folder)
            except (InvalidDocument, NotFound) as error:
                skipped.append(Skipped(folder, error.line()))
                continue
            name = folder.relative_to(path).as_posix().replace("/", "-") if folder != path else path.name
            metadata: dict[str, Any] = {
                "source_known": False,
                "frames": len(frames),
                "first_frame": min(masks),
                "no_raw_images": not raw,
            }
            if name in said:
                metadata["seconds_per_frame"] = said[name].seconds_per_frame
            paths = (*frames.values(), *masks.values(), folder / _BIRTHS, folder / _DIVISIONS)
            entries.append(tables.applied(Entry(name, paths, name, "", metadata)))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        frames, first = entry.metadata["frames"], entry.metadata["first_frame"]
        channels = ("segmentation",) if entry.metadata["no_raw_images"] else None
        seconds = entry.metadata.get("seconds_per_frame")
        image = replace(read_movie(list(entry.paths[:frames]), channels=channels), seconds_per_frame=seconds)
        masks = read_label_frames(list(entry.paths[frames : 2 * frames]))
        if masks.shape[1:] != image.shape_yx:
            raise MismatchedShapes(f"masks of {masks.shape[1:]}, frames of {image.shape_yx}", where=entry.name)
        nodes = movie_nodes(masks)
        parents: dict[int, int] = {}
        for number, (_, mother, *daughters) in enumerate(_numbers(entry.paths[-1], least=4), start=2):
            for daughter in daughters:
                if parents.setdefault(daughter, mother) != mother:
                    raise InvalidDocument(
                        f"cell {daughter} has two parents, {parents[daughter]} and {mother}",
                        where=f"{entry.paths[-1].name}, line {number}",
                    )
        lineage, ids = lineage_from_ids(nodes, parents)
        for number, (cell, birth, *_) in enumerate(_numbers(entry.paths[-2], least=3), start=2):
            if cell not in lineage.by_id or lineage.by_id[cell].begin != birth - first:
                raise InvalidDocument(
                    f"cell {cell} is born in frame {birth}, says the table; the masks say otherwise",
                    where=f"{entry.paths[-2].name}, line {number}",
                )
        truth = LabelMovie(relabelled(masks, nodes, ids), lineage, image.pixel_size, seconds)
        return Record(entry, image, truth, entry.paths[0], entry.paths[:frames])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write label movies as this layout, one folder each: masks as ``seg_NNN.tif`` too, which the tool tracks.

        A division into more than two takes a longer row; the link over a gap is left out, if that was asked for.

        Raises:
            CannotCarry: an id above 65,535.
        """
        entries: list[Entry] = []
        sequences: list[Sequence] = []
        for record in records:
            name, movie, image = record.entry.name, record.truth, record.image
            assert isinstance(movie, LabelMovie)  # as ``carries`` says
            entries.append(record.entry)
            sequences.append(Sequence(name, name, interval(record)))
            base, width = folder / name, digits(len(movie.data) + 1, least=3)
            base.mkdir(parents=True)
            write_frames(image, base, f"image_{{:0{width}d}}.tif", first=1)
            for stem in ("seg_", "trk-seg_"):
                write_label_frames(movie.data, base, f"{stem}{{:0{width}d}}.tif", first=1)
            lineage = movie.lineage
            births = [f"{t.id},{t.begin + 1},{t.end + 1}\n" for t in lineage.tracks]
            (base / _BIRTHS).write_text("Cell ID,Birth Frame,Death Frame\n" + "".join(births), encoding="ascii")
            head = "t (time),Mother ID @t,Daughter ID @t+1,Daughter ID @t+1\n"
            rows = [
                f"{lineage.by_id[one.daughters[0]].begin + 1},{one.mother},{','.join(map(str, one.daughters))}\n"
                for one in lineage.divisions
            ]
            (base / _DIVISIONS).write_text(head + "".join(rows), encoding="ascii")
        write_sequences(folder, sequences)
        write_tables(folder, entries)


def _results(path: Path) -> list[Path]:
    # Not the whole tree: looking at a folder of another layout must stay cheap.
    depths = ("", "*/", "*/*/", "*/*/*/")
    return sorted({found.parent for depth in depths for found in path.glob(depth + _BIRTHS)})


def _segmented(folder: Path, top: Path) -> tuple[Path, str]:
    """The nearest folder from the result up to ``top`` that holds the segmented frames, and what they are called."""
    for place in (folder, *folder.parents):
        if any(place.glob("seg_*.tif*")):
            return place, _SEGMENTED
        if place == top:
            break
    raise NotFound("no segmented frames seg_NNN.tif on the way up", where=str(folder))


def _numbers(path: Path, *, least: int) -> list[list[int]]:
    """Rows of whole numbers below a header. Raises NotFound, UnreadableFile, InvalidDocument."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            rows = list(csv.reader(handle))[1:]
    except FileNotFoundError:
        raise NotFound("no such table", where=str(path)) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(f"the table cannot be read ({error})", where=str(path)) from error
    try:
        numbers = [[int(word) for word in row if word.strip()] for row in rows if any(row)]
    except ValueError as error:
        raise InvalidDocument(f"not whole numbers ({error})", where=str(path)) from error
    if any(len(row) < least for row in numbers):
        raise InvalidDocument(f"a row has fewer than {least} numbers", where=str(path))
    return numbers
