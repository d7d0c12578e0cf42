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

from cellcommons.errors import InvalidDocument, UnknownLayout
from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.mask_png import Window, decode_mask, encode_mask
from cellcommons.images.readers import read_image
from cellcommons.labels import LabelMap, Labels, cells
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.tables import read_tables, write_tables

TRAIN = "stage1_train"
LOOKED_AT = 50


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
        named = sum(any(p.stem == folder.name for p in (folder / "images").iterdir()) for folder in folders[:LOOKED_AT])
        if not named:
            return 0.2, f"{len(folders)} folders with images/, but no picture is called as its folder is"
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
            picture.write_bytes(imagecodecs.png_encode(_png_pixels(record.image, name), level=1))
            if record.labels is not None:
                (base / "masks").mkdir()
                height, width = record.labels.shape
                for cell in cells(record.labels):
                    (base / "masks" / f"{cell.id:08d}.png").write_bytes(encode_mask(cell, (height, width)))
            rows.append(record.entry)
        write_tables(folder, rows)


def _image_folders(path: Path) -> list[Path]:
    root = path / TRAIN if (path / TRAIN).is_dir() else path
    if not root.is_dir():
        return []
    return sorted(folder for folder in root.iterdir() if (folder / "images").is_dir())


def _assembled(paths: tuple[Path, ...], shape: tuple[int, int]) -> tuple[Labels, dict[str, Any]]:
    """One label map from one mask a nucleus; ids follow the order of the file names."""
    found: list[tuple[int, int, Window]] = []
    empty = []
    for number, path in enumerate(paths, start=1):
        window = decode_mask(path.read_bytes(), shape, where=str(path))
        if window is None:
            empty.append(path.name)
        else:
            found.append((int(np.count_nonzero(window[2])), number, window))
    labels: Labels = np.zeros(shape, dtype=np.uint32)
    covered = 0
    for _, number, (y, x, mask) in sorted(found, key=lambda item: (-item[0], item[1])):
        part = labels[y : y + mask.shape[0], x : x + mask.shape[1]]
        covered += int(np.count_nonzero(part[mask]))
        part[mask] = number
    notes: dict[str, Any] = {"overlap_pixels": covered}
    if empty:
        notes["empty_masks"] = empty
    # Sorting all pixels costs more than all of the above: only where something was covered can a cell be gone.
    hidden = len(found) - int(np.count_nonzero(np.unique(labels))) if covered else 0
    if hidden:
        notes["hidden_masks"] = hidden
    return labels, notes


def _png_pixels(image: ImageData, name: str) -> Pixels:
    if image.axes != "cyx" or image.data.dtype.name not in ("uint8", "uint16") or image.size("c") not in (1, 3):
        raise InvalidDocument(
            f"PNG holds 1 or 3 channels of 8 or 16 bits, not {image.data.dtype} {image.axes}", where=name
        )
    return image.plane() if image.size("c") == 1 else np.ascontiguousarray(np.moveaxis(image.data, 0, -1))
