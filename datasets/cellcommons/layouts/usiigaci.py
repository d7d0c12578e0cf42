"""Usiigaci: frames ``NAME/*tNN.tif`` and ``NAME_Exp_*/Id_masks_per_frame/id_masks_NN.png`` with ``tracks.csv``.

Source: Tsai et al. 2019, "Usiigaci: instance-aware cell tracking in stain-free phase contrast microscopy enabled by
machine learning", https://doi.org/10.1016/j.softx.2019.02.007. Images count from 1, masks and table from 0. A mask's
value is the track; a cell may be unseen for some frames. The format knows no divisions. Frames written here are
OME-TIFF, which other programs read as TIFF and which keeps pixel size and channel; ``sequences.csv`` keeps intervals.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from cellcommons.axes import PixelSize
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
from cellcommons.tracks import LabelMovie, Nodes, movie_nodes, sorted_nodes

_IMAGES = r".*?t(\d+)\.tiff?"
_MASKS = r"id_masks_(\d+)\.png"
_FOLDER = "Id_masks_per_frame"
_FAR = 1 << 40


class Usiigaci:
    """Experiments of Usiigaci; each is one image of many frames and a source of its own.

    A cell unseen for a while goes on as a new track whose parent is the old; ``metadata['gaps']`` counts these.
    """

    name = "usiigaci"
    title = "Usiigaci (frames, Id_masks_per_frame and tracks.csv)"
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
            "outlines",
            "holes",
            "pieces",
            "gaps",
        ),
        note="a cell unseen for a while takes back its old number; no divisions",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        found = len(_experiments(path))
        return (0.95, f"{found} experiments") if found else (0.0, f"no folder *_Exp_*/{_FOLDER}")

    def scan(self, path: Path) -> Scan:
        experiments = _experiments(path)
        if not experiments:
            raise UnknownLayout(
                f"no folder NAME_Exp_*/{_FOLDER} here, so this is not the usiigaci layout",
                where=str(path),
                remedy="Point to the folder that holds both NAME and NAME_Exp_*.",
            )
        tables, said = read_tables(path), read_sequences(path)
        entries, skipped = [], []
        for folder in experiments:
            name = folder.name.rsplit("_Exp_", 1)[0]
            try:
                frames = numbered_frames(path / name, _IMAGES)
                masks = numbered_frames(folder / _FOLDER, _MASKS)
                same_frames(frames, masks, shift=1, where=folder)
            except (InvalidDocument, NotFound) as error:
                skipped.append(Skipped(folder, error.line()))
                continue
            metadata: dict[str, Any] = {"source_known": True, "frames": len(frames), "first_frame": min(masks)}
            if name in said:
                metadata["seconds_per_frame"] = said[name].seconds_per_frame
            paths = (*frames.values(), *masks.values(), folder / "tracks.csv", folder / "experiment_parameters.csv")
            entries.append(tables.applied(Entry(name, paths, name, "", metadata)))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        frames = entry.metadata["frames"]
        image = read_movie(list(entry.paths[:frames]))
        masks = read_label_frames(list(entry.paths[frames : 2 * frames]))
        if masks.shape[1:] != image.shape_yx:
            raise MismatchedShapes(f"masks of {masks.shape[1:]}, frames of {image.shape_yx}", where=entry.name)
        nodes = movie_nodes(masks)
        _check_table(entry.paths[-2], nodes, entry.metadata["first_frame"])
        lineage, ids = lineage_from_ids(nodes)
        size, seconds = _pixel_size(entry.paths[-1], image.pixel_size), entry.metadata.get("seconds_per_frame")
        notes = {"gaps": sum(track.parent is not None for track in lineage.tracks)}
        known = replace(entry, metadata={**entry.metadata, **notes})
        image = replace(image, pixel_size=size, seconds_per_frame=seconds)
        truth = LabelMovie(relabelled(masks, nodes, ids), lineage, size, seconds)
        return Record(known, image, truth, entry.paths[0], entry.paths[:frames])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write movies as this layout; a track after a gap takes back the id it had before, a daughter keeps her own.

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
            base = folder / f"{name}_Exp_0"
            (folder / name).mkdir(parents=True)
            (base / _FOLDER).mkdir(parents=True)
            nodes = movie.nodes()
            masks = relabelled(movie.data, nodes, _first_ids(movie, nodes))
            width = digits(len(masks) + 1, least=2)
            write_frames(
                image, folder / name, f"{name.replace('{', '{{').replace('}', '}}')}t{{:0{width}d}}.tif", first=1
            )
            write_label_frames(masks, base / _FOLDER, f"id_masks_{{:0{width}d}}.png")
            rows = ["particle,frame,y,x\n"]
            for t, labels in enumerate(masks):
                ids = np.unique(labels[labels > 0])
                centres = ndimage.center_of_mass(labels > 0, labels, ids) if ids.size else []
                rows += [f"{i},{t:f},{y:f},{x:f}\n" for i, (y, x) in zip(ids.tolist(), centres, strict=True)]
            (base / "tracks.csv").write_text("".join(rows), encoding="utf-8")
            scale = movie.pixel_size.y
            known = f"pixel_scale,{scale}\npixel_unit,microns\n" if scale else ""
            (base / "experiment_parameters.csv").write_text("Parameter,Value\n" + known, encoding="utf-8")
        write_sequences(folder, sequences)
        write_tables(folder, entries)


def _experiments(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(f for f in path.iterdir() if re.fullmatch(r".+_Exp_.*", f.name) and (f / _FOLDER).is_dir())


def _first_ids(movie: LabelMovie, nodes: Nodes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Of each node, the id of the track that its own goes on from, over all gaps."""
    first: dict[int, int] = {}
    for track in sorted(movie.lineage.tracks, key=lambda t: t.begin):
        gap = track.parent is not None and len(movie.lineage.daughters[track.parent]) == 1
        first[track.id] = first[track.parent] if gap and track.parent is not None else track.id
    return np.array([first[i] for i in nodes[:, 1].tolist()], dtype=np.int64)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            return list(csv.DictReader(handle))
    except FileNotFoundError:
        raise NotFound("no such table", where=str(path)) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(f"the table cannot be read ({error})", where=str(path)) from error


def _check_table(path: Path, nodes: Nodes, first: int) -> None:
    """The table repeats what the masks say; where it does not, one of them is damaged."""
    listed = []
    for number, row in enumerate(_rows(path), start=2):
        try:
            frame, cell = int(float(row["frame"])) - first, int(row["particle"])
            if abs(frame) >= _FAR or abs(cell) >= _FAR:
                raise ValueError("no number of a frame or cell")
            listed.append((frame, cell))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InvalidDocument(
                "no columns particle and frame with numbers", where=f"{path}, line {number}"
            ) from None
    said = {tuple(row) for row in sorted_nodes(np.array(listed, dtype=np.int64).reshape(-1, 2)).tolist()}
    odd = sorted(said ^ {tuple(row) for row in nodes.tolist()})
    if odd:
        frame, cell = odd[0]
        raise InvalidDocument(
            f"the {'table' if odd[0] in said else 'mask'} alone has cell {cell} in frame {frame + first}; "
            f"{len(odd)} such differences",
            where=str(path),
            remedy="Take table and masks from one run of the tracker.",
        )


def _pixel_size(path: Path, images: PixelSize) -> PixelSize:
    """Micrometres: of the images, else as the experiment says. Its ``frame`` is a weight of the linker, no interval."""
    if images.known or not path.is_file():
        return images
    values = {row.get("Parameter"): row.get("Value") for row in _rows(path)}
    scale, unit = values.get("pixel_scale"), values.get("pixel_unit")
    if unit not in ("microns", "um", "µm") or not re.fullmatch(r"\d+(\.\d+)?", scale or "") or float(scale or 0) <= 0:
        return images
    return PixelSize(float(scale or 0), float(scale or 0))
