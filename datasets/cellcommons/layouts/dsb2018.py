"""Data Science Bowl 2018: ``<id>/images/<id>.png`` and ``<id>/masks/*.png``, one binary mask a nucleus.

Source: Caicedo et al. 2019, "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl",
https://doi.org/10.1038/s41592-019-0612-7. The dataset states no source (slide, experiment) for an image, so each image
is its own source unless a ``sources.csv`` (columns id, source) lies beside the image folders.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import imagecodecs
import numpy as np

from cellcommons.errors import InvalidDocument, MismatchedShapes, UnknownLayout, WrongFormat
from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.png import decode_png, png_header
from cellcommons.images.readers import read_image
from cellcommons.images.sniff import HEAD, checked_kind
from cellcommons.labels import LabelMap, Labels, as_labels, cells
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.tables import read_tables, write_tables

TRAIN = "stage1_train"


class Dsb2018:
    """Nuclei, one mask file each. Reads the dataset's root, its ``stage1_train``, or any folder of ``<id>`` folders.

    Where masks overlap, the smaller nucleus lies on top: a nucleus within another stays visible, and the larger loses
    least of itself. ``metadata['overlap_pixels']`` counts the pixels so decided.
    """

    name = "dsb2018"
    title = "Data Science Bowl 2018 (one folder an image, one mask a nucleus)"
    task = "instance_segmentation"
    carries = Carries(
        (LabelMap,),
        dtypes=("uint8", "uint16"),
        modes=("gray", "rgb"),
        features=features("outlines", "holes", "pieces", "source", "stratum", "split"),
        note="One PNG a nucleus; cells are numbered in the order of their files.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        folders = _image_folders(path)
        if not folders:
            return 0.0, "no folder holds images/ with a picture"
        masked = sum((folder / "masks").is_dir() for folder in folders)
        if not masked:
            return 0.4, f"{len(folders)} folders with images/, none with masks/"
        return 0.95, f"{len(folders)} folders with images/, {masked} of them with masks/"

    def scan(self, path: Path) -> Scan:
        folders = _image_folders(path)
        if not folders:
            raise UnknownLayout(
                "no folder <id>/images/ here, so this is not the dsb2018 layout",
                where=str(path),
                remedy="Point to the folder that holds stage1_train, or choose another layout.",
            )
        tables = [read_tables(base) for base in dict.fromkeys((folders[0].parent, path))]
        entries, skipped = [], []
        for folder in folders:
            pictures = sorted(p for p in (folder / "images").iterdir() if p.is_file() and not p.name.startswith("."))
            if len(pictures) != 1:
                skipped.append(Skipped(folder, f"images/ holds {len(pictures)} files instead of one"))
                continue
            masks = sorted((folder / "masks").glob("*.png")) if (folder / "masks").is_dir() else []
            metadata: dict[str, Any] = {"source_known": False}
            if (folder / "masks").is_dir():
                metadata["masks"] = len(masks)
            entry = Entry(folder.name, (pictures[0], *masks), folder.name, "", metadata)
            for table in tables:
                entry = table.applied(entry)
            entries.append(entry)
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        if "masks" not in entry.metadata:
            return Record(entry, image, None, entry.paths[0])
        labels, notes = _assembled(entry.paths[1:], image.shape_yx)
        known = replace(entry, metadata={**entry.metadata, **notes})
        return Record(known, image, LabelMap(labels, image.pixel_size), entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write records as this layout, below ``folder``.

        Raises:
            InvalidDocument: a name that is no plain folder name, or an image that PNG cannot hold.
        """
        rows = []
        for record in records:
            name = record.entry.name
            if not name or name in (".", "..") or PurePosixPath(name).name != name or "\\" in name:
                raise InvalidDocument("not usable as a folder name", where=name)
            base = folder / TRAIN / name
            (base / "images").mkdir(parents=True)
            picture = base / "images" / f"{name}.png"
            picture.write_bytes(imagecodecs.png_encode(_png_pixels(record.image, name)))
            if record.labels is not None:
                (base / "masks").mkdir()
                for cell in cells(record.labels):
                    mask = np.zeros(record.labels.shape, dtype=np.uint8)
                    y0, x0, y1, x1 = cell.box
                    mask[y0:y1, x0:x1][cell.mask] = 255
                    (base / "masks" / f"{cell.id:08d}.png").write_bytes(imagecodecs.png_encode(mask))
            rows.append(record.entry)
        write_tables(folder, rows)


def _image_folders(path: Path) -> list[Path]:
    root = path / TRAIN if (path / TRAIN).is_dir() else path
    if not root.is_dir():
        return []
    return sorted(folder for folder in root.iterdir() if (folder / "images").is_dir())


def _assembled(paths: tuple[Path, ...], shape: tuple[int, int]) -> tuple[Labels, dict[str, Any]]:
    """One label map from one mask a nucleus; ids follow the order of the file names."""
    found: list[tuple[int, int, Pixels]] = []
    empty = []
    for number, path in enumerate(paths, start=1):
        where = np.flatnonzero(_mask(path, shape))
        if where.size:
            found.append((where.size, number, where))
        else:
            empty.append(path.name)
    labels = np.zeros(shape[0] * shape[1], dtype=np.uint32)
    covered = 0
    for _, number, where in sorted(found, key=lambda item: (-item[0], item[1])):
        covered += int(np.count_nonzero(labels[where]))
        labels[where] = number
    notes: dict[str, Any] = {"overlap_pixels": covered}
    if empty:
        notes["empty_masks"] = empty
    hidden = len(found) - int(np.count_nonzero(np.unique(labels)))
    if hidden:
        notes["hidden_masks"] = hidden
    return as_labels(labels.reshape(shape)), notes


def _mask(path: Path, shape: tuple[int, int]) -> Pixels:
    """A mask's foreground as bool, yx. The declared size is compared before anything is decoded."""
    data = path.read_bytes()
    kind = checked_kind(data[:HEAD], path.name)
    if kind != "PNG":
        raise WrongFormat(f"a mask is a PNG, this is {kind}", where=str(path))
    header = png_header(data, where=str(path))
    if (header.height, header.width) != shape:
        raise MismatchedShapes(
            f"the mask is {header.width} x {header.height}, its image {shape[1]} x {shape[0]}",
            where=str(path),
            remedy="Export the mask at the size of its image, or remove it.",
        )
    pixels = decode_png(data, DEFAULT_LIMITS, where=str(path))
    if pixels.ndim == 3:
        pixels = np.asarray(pixels[..., : 1 if pixels.shape[-1] == 2 else 3].any(axis=-1))
    return np.asarray(pixels != 0)


def _png_pixels(image: ImageData, name: str) -> Pixels:
    if image.axes != "cyx" or image.data.dtype.name not in ("uint8", "uint16") or image.size("c") not in (1, 3):
        raise InvalidDocument(
            f"PNG holds 1 or 3 channels of 8 or 16 bits, not {image.data.dtype} {image.axes}", where=name
        )
    return image.plane() if image.size("c") == 1 else np.ascontiguousarray(np.moveaxis(image.data, 0, -1))
