"""cFOS-positive nuclei drawn by several experts, with their estimated consensus; one folder a laboratory.

Source: Segebarth et al., "On the objectivity, reliability, and validity of deep learning enabled bioimage analyses",
eLife 2020, https://doi.org/10.7554/eLife.59780. ``train_data/<lab>/images/0001.png`` and
``labels/<expert>/0001_cFOS.png``: white on black, gray or colour. ``labels/est_GT`` is an estimate from these same
experts: their consensus, and no independent truth. ``groups_<lab>.csv`` (file_id, group_id) says in which experimental
group an image is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.classes import Ontology
from cellcommons.errors import CannotCarry, InvalidDocument, MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.images.writers import PNG_TYPES, write_png
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import FILE, Classes, entry_ontology, found_ontology
from cellcommons.layouts.plain import short_names
from cellcommons.layouts.tables import read_column, read_tables, write_tables
from cellcommons.layouts.used import is_file_name
from cellcommons.readings import Readings
from cellcommons.semantic import SemanticMap

NUCLEI = Ontology(("background", "cFOS-positive nucleus"))
IMAGES, LABELS, CONSENSUS, BASE = "images", "labels", "est_GT", "train_data"
LAB = "lab"
"""Where images of no stated laboratory are written."""
_PICTURES = frozenset({".png", ".tif", ".tiff"})


class Cfos:
    """Truth is ``Readings`` of ``SemanticMap``, one an expert, with the estimate as consensus where it is there.

    An image that only the estimate is there for has that as its truth. The animals are not named, so each image is its
    own source; its stratum is its laboratory, ``metadata['group']`` its experimental group. The classes are background
    and cFOS-positive nucleus, or the two of an ``ontology.json``.
    """

    name = "cfos_experts"
    title = "cFOS nuclei by several experts (lab folders with images/ and labels/expert_N, est_GT)"
    task = "semantic_segmentation"
    carries = Carries(
        truths=(SemanticMap, Readings),
        dtypes=PNG_TYPES,
        modes=("gray", "rgb"),
        features=features("source", "stratum", "split", "class_order", "readings", "consensus"),
        note="Two classes, the first of them the background.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        labs = _labs(path)
        readers = [folder for lab in labs for folder in _folders(lab / LABELS)]
        if any(folder.name == CONSENSUS or folder.name.startswith("expert_") for folder in readers):
            return 0.96, f"{len(labs)} laboratories with experts' masks"
        if any(next(folder.glob("*.png"), None) for folder in readers):
            return 0.6, f"{LABELS}/ holds folders of masks"
        if any(not any((lab / LABELS).glob("*")) for lab in labs):
            return 0.5, f"{IMAGES}/ beside an empty {LABELS}/"
        return 0.0, f"no folder with {IMAGES}/ and {LABELS}/expert_N"

    def scan(self, path: Path) -> Scan:
        if not self.guess(path)[0]:
            raise UnknownLayout(
                f"no folder with {IMAGES}/ and {LABELS}/expert_N here, so this is not the cfos_experts layout",
                where=str(path),
                remedy=f"Point to the folder that holds {BASE}, or choose another layout.",
            )
        labs, tables = _labs(path), read_tables(path)
        ontology = found_ontology(path, ()) if (path / FILE).is_file() else NUCLEI
        if len(ontology) != 2 or ontology.multi:
            raise InvalidDocument("masks have two classes, background first", where=str(path / FILE))
        groups = {lab: _groups(lab) for lab in labs}
        pictures = {file: lab for lab in labs for file in _files(lab / IMAGES) if file.suffix.lower() in _PICTURES}
        names = short_names(path, pictures)
        entries, used = [], set(pictures)
        for file, lab in pictures.items():
            masks = {folder.name: _mask_of(folder, file.stem) for folder in _folders(lab / LABELS)}
            drawn = {who: mask for who, mask in masks.items() if mask is not None}
            fused = drawn.pop(CONSENSUS, None)
            used |= set(drawn.values()) | ({fused} if fused else set())
            metadata: dict[str, Any] = {"source_known": False, "ontology": ontology.document(), "experts": list(drawn)}
            group = next((table[file.stem] for table in groups[lab] if file.stem in table), "")
            metadata |= {"group": group} if group else {}
            paths = (file, *drawn.values(), *((fused,) if fused else ()))
            entry = Entry(names[file], paths, names[file], "" if lab.name == LAB else lab.name, metadata)
            entries.append(tables.applied(entry, file.relative_to(path).as_posix()))
        strays = [file for lab in labs for folder in _folders(lab / LABELS) for file in _files(folder)]
        skipped = [Skipped(file, "no image that it could be the mask of") for file in strays if file not in used]
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image, ontology, who = read_image(entry.paths[0]), entry_ontology(entry), entry.metadata["experts"]
        maps = [_read_mask(path, image, ontology) for path in entry.paths[1:]]
        fused = maps[len(who)] if len(maps) > len(who) else None
        truth = Readings(dict(zip(who, maps, strict=False)), fused) if who else fused
        return Record(entry, image, truth, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        classes, entries = Classes(), []
        for record in records:
            truth, name, stratum = record.truth, record.entry.name, record.entry.stratum
            named = stratum.startswith("lab-") and is_file_name(stratum)
            lab = folder / BASE / (stratum if named else LAB)
            for half in (IMAGES, LABELS):
                (lab / half).mkdir(parents=True, exist_ok=True)
            write_png(lab / IMAGES / f"{name}.png", record.image)
            said = dict(truth.by) if isinstance(truth, Readings) else {}
            if CONSENSUS in said:
                raise CannotCarry(f"no reader can be called {CONSENSUS}", where=name)
            fused = truth.consensus if isinstance(truth, Readings) else truth
            for who, one in (*said.items(), *(((CONSENSUS, fused),) if fused is not None else ())):
                assert isinstance(one, SemanticMap)
                if not is_file_name(who):
                    raise CannotCarry(f"{who!r} cannot name a folder", where=name)
                if len(one.ontology) != 2:
                    raise CannotCarry(f"masks have two classes, not {len(one.ontology)}", where=name)
                classes.add(one.ontology)
                (lab / LABELS / who).mkdir(exist_ok=True)
                # Unknown can only have been dropped: it has no place in a mask.
                mask = np.where(one.data == 1, np.uint8(255), np.uint8(0))
                write_png(lab / LABELS / who / f"{name}_cFOS.png", ImageData(mask[None], "cyx", ("intensity",)))
            entries.append(replace(record.entry, stratum="") if named else record.entry)
        if len(classes.names) > 2:
            raise CannotCarry("images name different classes, and masks have two", where=entries[0].name)
        if classes.ontology() not in (None, NUCLEI):
            classes.write(folder)
        write_tables(folder, entries)


def _labs(path: Path) -> list[Path]:
    """Folders with images and labels: ``path``, those in it, or those in its ``train_data``."""
    candidates = [path, *_folders(path), *_folders(path / BASE)]
    return [folder for folder in candidates if (folder / IMAGES).is_dir() and (folder / LABELS).is_dir()]


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    except OSError:
        return []


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))


def _groups(lab: Path) -> list[dict[str, str]]:
    """File -> group, of each table of groups. Raises InvalidDocument."""
    return [read_column(table, "group_id", keys=("file_id",)) for table in sorted(lab.glob("groups*.csv"))]


def _mask_of(folder: Path, stem: str) -> Path | None:
    for name in (f"{stem}_cFOS.png", f"{stem}.png"):
        if (folder / name).is_file():
            return folder / name
    return None


def _read_mask(path: Path, image: ImageData, ontology: Ontology) -> SemanticMap:
    """White on black, gray or colour. Raises MismatchedShapes where it is not of its image's size."""
    mask = read_image(path)
    if mask.axes != "cyx" or mask.shape_yx != image.shape_yx:
        raise MismatchedShapes(f"the mask is {mask.shape_yx}, its image {image.shape_yx}", where=str(path))
    white = mask.data.max(axis=0) >= (128 if mask.data.dtype == np.uint8 else 1)
    return SemanticMap(white.astype(np.uint8), ontology, pixel_size=image.pixel_size)
