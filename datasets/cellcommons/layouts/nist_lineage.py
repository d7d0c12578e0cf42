"""NIST Lineage Mapper: ``seg_NNN.tif`` and a folder of ``trk-*NNN.tif``, ``trk-birth-death.csv``, ``trk-division.csv``.

Source: Chalfoun et al. 2016, "Lineage mapper: a versatile cell and particle tracker", https://doi.org/10.1038/srep36984.
Frames count from 1. The header of trk-division.csv says that the mother is seen at time t and the daughters at t + 1,
but the tool writes the daughters' first frame as t (compare trk-birth-death.csv): masks and births are believed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tifffile

from cellcommons.errors import InvalidDocument, MismatchedShapes, NotFound, UnknownLayout, UnreadableFile
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.frames import numbered_frames, read_label_frames, read_movie, same_frames
from cellcommons.linked import lineage_from_ids, relabelled
from cellcommons.tracks import LabelMovie, movie_nodes

_IMAGES = r"seg_(\d+)\.tiff?"
_MASKS = r"trk-.*?(\d+)\.tiff?"
_BIRTHS, _DIVISIONS = "trk-birth-death.csv", "trk-division.csv"


class NistLineage:
    """Segmented frames with what Lineage Mapper made of them; each result is one image of many frames.

    The layout holds no microscope's pixels: the image is the segmentation that was tracked, and its channel says so.
    """

    name = "nist_lineage"
    title = "NIST Lineage Mapper (seg_NNN.tif, trk-*.tif, trk-division.csv)"
    task = "tracking"

    def guess(self, path: Path) -> tuple[float, str]:
        found = len(_results(path))
        return (0.9, f"{found} folders with {_DIVISIONS}") if found else (0.0, f"no {_DIVISIONS} below")

    def scan(self, path: Path) -> Scan:
        results = _results(path)
        if not results:
            raise UnknownLayout(
                f"no folder with {_BIRTHS} here, so this is not the nist_lineage layout", where=str(path)
            )
        entries, skipped = [], []
        for folder in results:
            try:
                masks = numbered_frames(folder, _MASKS)
                frames = numbered_frames(_segmented(folder, path), _IMAGES)
                same_frames(frames, masks, shift=0, where=folder)
            except (InvalidDocument, NotFound) as error:
                skipped.append(Skipped(folder, error.line()))
                continue
            name = folder.relative_to(path).as_posix().replace("/", "-") if folder != path else path.name
            metadata = {"source_known": False, "frames": len(frames), "first_frame": min(masks), "no_raw_images": True}
            paths = (*frames.values(), *masks.values(), folder / _BIRTHS, folder / _DIVISIONS)
            entries.append(Entry(name, paths, name, "", metadata))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        frames, first = entry.metadata["frames"], entry.metadata["first_frame"]
        image = read_movie(list(entry.paths[:frames]), channels=("segmentation",))
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
        truth = LabelMovie(relabelled(masks, nodes, ids), lineage, image.pixel_size)
        return Record(entry, image, truth, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write label movies as this layout, one folder each; the image's one channel becomes ``seg_NNN.tif``.

        Raises:
            InvalidDocument: an image that is no movie of one channel with a label movie, a division into more than
                two, or an id above 65,535.
        """
        for record in records:
            name, movie = record.entry.name, record.truth
            if record.image.axes != "tcyx" or record.image.size("c") != 1 or not isinstance(movie, LabelMovie):
                raise InvalidDocument("needs a movie of one channel with a label movie", where=name)
            lineage = movie.lineage
            if any(len(daughters) != 2 for daughters in lineage.daughters.values()):
                raise InvalidDocument(
                    "this layout knows divisions into two only, and no gaps", where=name, remedy="Write it as ctc."
                )
            if int(movie.data.max(initial=0)) > np.iinfo(np.uint16).max:
                raise InvalidDocument("an id above 65,535 does not fit 16-bit masks", where=name)
            base = folder / name
            base.mkdir(parents=True)
            for t, labels in enumerate(movie.data, start=1):
                tifffile.imwrite(base / f"seg_{t:03d}.tif", record.image.data[t - 1, 0])
                tifffile.imwrite(base / f"trk-seg_{t:03d}.tif", labels.astype(np.uint16))
            births = [f"{t.id},{t.begin + 1},{t.end + 1}\n" for t in lineage.tracks]
            (base / _BIRTHS).write_text("Cell ID,Birth Frame,Death Frame\n" + "".join(births), encoding="ascii")
            head = "t (time),Mother ID @t,Daughter ID @t+1,Daughter ID @t+1\n"
            rows = [
                f"{lineage.by_id[d[0]].begin + 1},{mother},{d[0]},{d[1]}\n" for mother, d in lineage.daughters.items()
            ]
            (base / _DIVISIONS).write_text(head + "".join(rows), encoding="ascii")


def _results(path: Path) -> list[Path]:
    # Not the whole tree: looking at a folder of another layout must stay cheap.
    depths = ("", "*/", "*/*/", "*/*/*/")
    return sorted({found.parent for depth in depths for found in path.glob(depth + _BIRTHS)})


def _segmented(folder: Path, top: Path) -> Path:
    """The nearest folder from the result up to ``top``, or just below ``top``, that holds the segmented frames."""
    for place in (folder, *folder.parents):
        if any(place.glob("seg_*.tif*")):
            return place
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
