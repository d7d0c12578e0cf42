"""Images and label images: StarDist's ``images/`` and ``masks/``, other folders of equal names, or side by side.

Source: StarDist's examples and data (Schmidt et al. 2018, https://doi.org/10.1007/978-3-030-00934-2_30, and
https://github.com/stardist/stardist): TIFF of integer ids, 2-D or 3-D (zyx), ``train`` and ``test``; pixels of -1 are
left out of training. Folders may be called ``images``, ``img`` or ``raw`` and ``masks``, ``labels`` or ``gt``. Side by
side, names tell: ``img2d`` / ``mask2d``, ``a`` / ``a_label``, and those of the NEUBIAS teaching data.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cellcommons.errors import UnknownLayout
from cellcommons.images.writers import write_tiff
from cellcommons.labels import LabelMap
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan
from cellcommons.layouts.stardist_masks import read_pair, read_stack, with_region, write_mask
from cellcommons.layouts.stardist_pairs import folder_pairs, neighbour_pairs
from cellcommons.layouts.tables import read_tables, write_tables

REGIONS = "annotated"
GLANCE = 100
"""Folders that a guess looks at."""


class StarDist:
    """Each image and its label image; an image without one has no truth.

    Unnamed planes of a TIFF are z where image and labels both have them. Negative labels mean that nobody looked there.
    """

    name = "stardist"
    title = "Images and label images (StarDist's images/ and masks/, or side by side)"
    task = "instance_segmentation"
    carries = Carries(
        (LabelMap,),
        axes=("cyx", "czyx"),
        features=features(
            *("source", "stratum", "split", "pixel_size", "channel_names", "wavelengths"),
            *("ids", "outlines", "holes", "pieces", "annotated"),
        ),
        note="OME-TIFF and label TIFF; -1 where nobody looked.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        pairs, _ = folder_pairs(path)
        labelled = sum(pair.labels is not None for pair in pairs)
        if labelled:
            # raw/ and gt/ may also be a noisy and a clean picture.
            sure = pairs[0].image.parent.name.lower() != "raw"
            return (0.9 if sure else 0.6), f"{labelled} of {len(pairs)} images have a label image of their name"
        beside, _ = neighbour_pairs(path, folders=GLANCE)
        labelled = sum(pair.labels is not None for pair in beside)
        if labelled:
            return 0.55, f"{labelled} of {len(beside)} images have a label image beside them, by their names"
        if pairs:
            return 0.35, f"folders of {len(pairs)} images and of label images, but none of their names"
        return 0.0, "no images with label images, in two folders or side by side"

    def scan(self, path: Path) -> Scan:
        pairs, skipped = folder_pairs(path)
        if not any(pair.labels for pair in pairs):
            found = neighbour_pairs(path)
            pairs, skipped = found if found[0] else (pairs, skipped)
        if not pairs:
            raise UnknownLayout(
                "no images with label images here",
                where=str(path),
                remedy="Put images into images/ and label images of the same names into masks/.",
            )
        tables = read_tables(path)
        entries = []
        for pair in pairs:
            paths = (pair.image,) if pair.labels is None else (pair.image, pair.labels)
            region = pair.image.parent.parent / REGIONS / pair.image.name
            if pair.labels is not None and region.is_file():
                paths = (*paths, region)
            entry = Entry(pair.name, paths, pair.name, metadata={"source_known": False}, split=pair.split)
            entries.append(tables.applied(entry, pair.image.name))
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        if len(entry.paths) == 1:
            return Record(entry, read_stack(entry.paths[0]), None, entry.paths[0])
        image, labels = read_pair(entry.paths[0], entry.paths[1], where=entry.name)
        if len(entry.paths) == 3:
            labels = with_region(labels, entry.paths[2])
        return Record(entry, image, labels, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """``images/NAME.tif`` and ``masks/NAME.tif``, below a folder of the split where there is one."""
        entries = []
        for record in records:
            base = folder / record.entry.split if record.entry.split else folder
            for side in ("images", "masks"):
                (base / side).mkdir(parents=True, exist_ok=True)
            write_tiff(base / "images" / f"{record.entry.name}.tif", record.image)
            if isinstance(record.truth, LabelMap):
                file = f"{record.entry.name}.tif"
                write_mask(base / "masks" / file, record.truth, base / REGIONS / file)
            entries.append(record.entry)
        write_tables(folder, entries)
