"""Human Protein Atlas: four stains of one field, and where in the cells the protein is.

Source: Ouyang et al., "Analysis of the Human Protein Atlas Image Classification competition", Nature Methods 2019,
https://doi.org/10.1038/s41592-019-0658-6 (28 classes, column ``Target``, separated by spaces), and Le et al., "Analysis
of the Human Protein Atlas Weakly Supervised Single-Cell Classification competition", Nature Methods 2022,
https://doi.org/10.1038/s41592-022-01606-z (19 classes, column ``Label``, separated by ``|``). Beside ``train.csv``
(Id and classes by number) lie ``train/`` and ``test/`` with ``<Id>_red.png`` (microtubules), ``_green`` (the protein),
``_blue`` (nuclei) and ``_yellow`` (endoplasmic reticulum).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cellcommons.classes import ImageClasses, Ontology
from cellcommons.errors import CannotCarry, InvalidDocument, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.images.writers import PNG_TYPES, write_png
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.channels import stack_channels
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import entry_ontology
from cellcommons.layouts.tables import is_split, parse_split, read_rows, read_tables, write_rows, write_tables

TABLE, COLOURS = "train.csv", ("red", "green", "blue", "yellow")
STAINS = ("microtubules", "protein", "nuclei", "endoplasmic reticulum")
_FIRST = (
    "Nucleoplasm",
    "Nuclear membrane",
    "Nucleoli",
    "Nucleoli fibrillar center",
    "Nuclear speckles",
    "Nuclear bodies",
    "Endoplasmic reticulum",
    "Golgi apparatus",
)
TARGETS = Ontology(
    (
        *_FIRST,
        "Peroxisomes",
        "Endosomes",
        "Lysosomes",
        "Intermediate filaments",
        "Actin filaments",
        "Focal adhesion sites",
        "Microtubules",
        "Microtubule ends",
        "Cytokinetic bridge",
        "Mitotic spindle",
        "Microtubule organizing center",
        "Centrosome",
        "Lipid droplets",
        "Plasma membrane",
        "Cell junctions",
        "Mitochondria",
        "Aggresome",
        "Cytosol",
        "Cytoplasmic bodies",
        "Rods & rings",
    ),
    multi=True,
)
LABELS = Ontology(
    (
        *_FIRST,
        "Intermediate filaments",
        "Actin filaments",
        "Microtubules",
        "Mitotic spindle",
        "Centrosome",
        "Plasma membrane",
        "Mitochondria",
        "Aggresome",
        "Cytosol",
        "Vesicles and punctate cytosolic patterns",
        "Negative",
    ),
    multi=True,
)
_COLUMNS = {"Target": (TARGETS, " "), "Label": (LABELS, "|")}


class Hpa:
    """Images of the four stains in the order red, green, blue, yellow, called by what they show.

    Truth is ``ImageClasses``, several or none an image, with the classes' published names: 28 where the table has a
    column ``Target``, 19 where it has ``Label``. An image that ``train.csv`` does not name (all in ``test/``) has none.
    The folders train and test are the published split. The table names no donor: each image is its own source.
    """

    name = "hpa"
    title = "Human Protein Atlas (train.csv, four PNGs an image)"
    task = "classification"
    carries = Carries(
        truths=(ImageClasses,),
        dtypes=PNG_TYPES,
        modes=("stains",),
        features=features("source", "stratum", "split", "channel_names", "class_order", "multi"),
        note="Its four stains and its 28 or 19 classes only.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        try:
            images = _images(path)[0]
        except OSError as error:
            return 0.0, str(error)
        if not images:
            return 0.0, f"no image in {len(COLOURS)} files ID_{', ID_'.join(COLOURS)}"
        return (0.96 if (path / TABLE).is_file() else 0.7), f"{len(images)} images of four stains"

    def scan(self, path: Path) -> Scan:
        images, lone = _images(path) if path.is_dir() else ({}, [])
        if not images:
            raise UnknownLayout(
                f"no image here in four files ID_{', ID_'.join(COLOURS)}.png, so this is not the hpa layout",
                where=str(path),
                remedy=f"Point to the folder that holds {TABLE}, or choose another layout.",
            )
        ontology, rows = _table(path / TABLE)
        tables, skipped = read_tables(path), [Skipped(file, f"its image lacks {why}") for file, why in lone]
        entries = []
        for name, files in images.items():
            folder = files[0].parent
            metadata: dict[str, Any] = {"source_known": False}
            if name in rows and ontology is not None:
                metadata |= {"ontology": ontology.document(), "classes": list(rows[name])}
            split = parse_split(folder.name) if folder != path and is_split(folder.name) else ""
            entries.append(tables.applied(Entry(name, files, name, "", metadata, split)))
        skipped += [Skipped(path / TABLE, f"image {name} is not here") for name in sorted(set(rows) - set(images))]
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = stack_channels(entry.paths, STAINS)
        truth = None
        if "ontology" in entry.metadata:
            truth = ImageClasses(tuple(entry.metadata["classes"]), entry_ontology(entry))
        return Record(entry, image, truth, entry.paths[0], entry.paths)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        column, rows, entries = "", [], []
        for record in records:
            image, entry, truth = record.image, record.entry, record.truth
            if image.channels != STAINS:
                raise CannotCarry(
                    f"hpa holds the stains {', '.join(STAINS)}, not {', '.join(image.channels)}",
                    where=entry.name,
                    remedy="Name and order the channels so, or choose another layout.",
                )
            home = folder / (entry.split if entry.split in ("train", "test") else "images")
            home.mkdir(exist_ok=True)
            for number, colour in enumerate(COLOURS):
                plane = ImageData(image.data[number : number + 1], "cyx", ("intensity",))
                write_png(home / f"{entry.name}_{colour}.png", plane)
            if isinstance(truth, ImageClasses):
                told = next((name for name, (known, _) in _COLUMNS.items() if known == truth.ontology), "")
                if not told or column not in ("", told):
                    raise CannotCarry("hpa holds its own 28 classes, or its own 19", where=entry.name)
                column = told
                rows.append((entry.name, _COLUMNS[told][1].join(str(place) for place in truth.indices)))
            entries.append(entry)
        write_rows(folder / TABLE, ("Id", column or "Target"), rows)
        write_tables(folder, entries)


def _images(path: Path) -> tuple[dict[str, tuple[Path, ...]], list[tuple[Path, str]]]:
    """Name -> its four files, and files of images that lack one; in ``path`` and the folders in it."""
    found: dict[tuple[Path, str], dict[str, Path]] = {}
    if not path.is_dir():
        return {}, []
    folders = [path, *sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))]
    for folder in folders:
        for file in sorted(folder.iterdir()):
            name, _, colour = file.stem.rpartition("_")
            picture = file.suffix.lower() in (".png", ".tif", ".tiff", ".jpg")
            if name and picture and colour.lower() in COLOURS and not file.name.startswith("."):
                found.setdefault((folder, name), {}).setdefault(colour.lower(), file)
    whole: dict[str, tuple[Path, ...]] = {}
    lone: list[tuple[Path, str]] = []
    for (_, name), files in found.items():
        missing = [colour for colour in COLOURS if colour not in files]
        if name in whole:
            missing = ["a name of its own"]
        if missing:
            lone.append((next(iter(files.values())), missing[0]))
        else:
            whole[name] = tuple(files[colour] for colour in COLOURS)
    return whole, lone


def _table(path: Path) -> tuple[Ontology | None, dict[str, tuple[str, ...]]]:
    """The classes that the table speaks of, and image -> those it has. Raises InvalidDocument."""
    if not path.is_file():
        return None, {}
    rows = read_rows(path)
    if not rows:
        return None, {}
    column = next((name for name in _COLUMNS if name in rows[0]), None)
    if "Id" not in rows[0] or column is None:
        raise InvalidDocument("it needs columns Id and Target, or Id and Label", where=str(path))
    ontology, _ = _COLUMNS[column]
    found: dict[str, tuple[str, ...]] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{path}, row {number}"
        if row["Id"] in found:
            raise InvalidDocument(f"{row['Id']!r} is listed twice", where=where)
        places = row[column].replace("|", " ").split()
        wrong = [place for place in places if not (place.isascii() and place.isdecimal() and len(place) < 3)]
        wrong = wrong or [place for place in places if int(place) >= len(ontology)]
        if wrong:
            raise InvalidDocument(f"class {wrong[0]!r} is no number from 0 to {len(ontology) - 1}", where=where)
        found[row["Id"]] = ontology.checked((ontology.names[int(place)] for place in places), where=where)
    return ontology, found
