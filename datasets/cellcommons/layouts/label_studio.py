"""Label Studio: a JSON export of tasks, and the images they name below the same folder.

Format: https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks, and for brushes
label-studio-converter.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from cellcommons.classes import CellBoxes, ImageClasses, Ontology
from cellcommons.errors import UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.keypoints import Keypoints
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.label_studio_regions import Truth, truth_of
from cellcommons.layouts.label_studio_tasks import (
    Annotation,
    Kind,
    Task,
    labels_of,
    looks_like_label_studio,
    open_tasks,
    shape_kind,
)
from cellcommons.layouts.label_studio_writing import CELL, IMAGE, annotations_of, kind_of
from cellcommons.layouts.ontologies import FILE, Classes, entry_ontology, found_ontology
from cellcommons.layouts.pictures import pictures_below, write_picture
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.overlapping import OverlappingCells
from cellcommons.readings import Readings

IMAGES = "images"
_TAGS: dict[Kind, tuple[str, ...]] = {
    "cells": ("PolygonLabels", "BrushLabels"),
    "boxes": ("RectangleLabels",),
    "keypoints": ("KeyPointLabels",),
    "classes": ("Choices",),
}


class LabelStudio:
    """Outlines (brushes, polygons, ellipses), boxes (rectangles), landmarks (keypoints) or choices.

    A task has the truth of its first kind in that order; without a region, that of the other tasks. Where any task was
    annotated by several people, truths are ``Readings`` by person, and an annotation marked as ground truth beside
    others is their consensus; cancelled annotations and predictions are left out. Classes are those of
    ``ontology.json``, else the labels found, sorted; a single label ``cell`` of outlines is no class.
    """

    name = "label_studio"
    title = "Label Studio (JSON export and images)"
    task = "instance_segmentation"
    carries = Carries(
        (OverlappingCells, CellBoxes, Keypoints, ImageClasses, Readings),
        features=features(
            "outlines", "overlaps", "holes", "pieces", "ids", "classes", "unclassified", "class_order", "ordinal",
            "multi", "object_names", "subpixel", "readings", "consensus", "source", "stratum", "split", "pixel_size",
            "channel_names", "wavelengths",
        ),
        note="Percents are written with all digits; cells with holes or in pieces are brushes, others polygons.",
    )  # fmt: skip

    def guess(self, path: Path) -> tuple[float, str]:
        files = _json_files(path)
        return (0.93, f"{files[0].name} is a list of tasks") if files else (0.0, "no JSON with tasks of Label Studio")

    def scan(self, path: Path) -> Scan:
        files = _json_files(path)
        if not files:
            raise UnknownLayout(
                "no JSON with tasks of Label Studio here, so this is not the label_studio layout",
                where=str(path),
                remedy="Export the project as JSON, and put the images beside it.",
            )
        opened = [(file, open_tasks(file)) for file in files]
        tasks = [task for _, some in opened for task in some]
        several = any(len({one.person for one in task.annotations}) > 1 for task in tasks)
        kinds = Counter(kind for kind in (task.kind() for task in tasks) if kind is not None)
        common = kinds.most_common(1)[0][0] if kinds else None
        ontology, bare = _ontology(path, tasks)
        pictures, tables = pictures_below(path), read_tables(path)
        names = pictures.names()
        entries: dict[Path, Entry] = {}
        skipped = []
        for file, some in opened:
            for place, task in enumerate(some):
                picture = task.find(pictures)
                if picture is None or picture in entries:
                    what = "names no image of this folder" if picture is None else "names an image that another names"
                    skipped.append(Skipped(file, f"task {task.number} {what}"))
                    continue
                metadata: dict[str, Any] = {"source_known": False, "place": place}
                if task.annotations:
                    said = task.meta.get("truth")
                    kind = said if isinstance(said, str) and said in _TAGS else task.kind() or common or "cells"
                    readings = task.meta.get("readings")
                    metadata |= {"kind": kind, "readings": readings if isinstance(readings, bool) else several}
                    if ontology is not None and kind != "keypoints" and not (bare and kind == "cells"):
                        own = replace(ontology, multi=ontology.multi and kind == "classes")
                        metadata["ontology"] = own.document()
                entry = Entry(names[picture], (picture, file), "", "", metadata)
                entries[picture] = tables.applied(entry, picture.name)
        skipped += [Skipped(picture, "no task names it") for picture in pictures.paths if picture not in entries]
        return Scan(tuple(sorted(entries.values(), key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        facts = entry.metadata
        if "kind" not in facts:
            return Record(entry, image, None, entry.paths[0])
        task = open_tasks(entry.paths[1])[facts["place"]]
        ontology = entry_ontology(entry) if "ontology" in facts else None
        said = task.meta.get("landmarks")
        listed = said if isinstance(said, list) and all(isinstance(one, str) and one for one in said) else []
        landmarks = tuple(dict.fromkeys(listed))
        notes: Counter[str] = Counter()

        def truth(one: Annotation) -> Truth | None:
            where = f"{entry.paths[1]}, task {task.number}"
            found, more = truth_of(one, facts["kind"], image, ontology, landmarks, where)
            notes.update(more)
            return found

        if not facts["readings"]:
            found: Truth | Readings | None = truth(_last(task))
        else:
            found = _readings([(one, truth(one)) for one in task.annotations])
        return Record(replace(entry, metadata={**facts, **notes}), image, found, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        classes, entries = Classes(), []
        bare = False
        used: dict[Kind, dict[str, None]] = {}
        with (folder / "tasks.json").open("w", encoding="utf-8") as handle:
            handle.write("[")
            for number, record in enumerate(records, start=1):
                picture = write_picture(folder / IMAGES, record)
                singles = list(record.truth.by.values()) if isinstance(record.truth, Readings) else [record.truth]
                if isinstance(record.truth, Readings) and record.truth.consensus is not None:
                    singles.append(record.truth.consensus)
                meta: dict[str, Any] = {}
                for one in singles:
                    kind = kind_of(one)
                    if kind is None:
                        continue
                    meta = {"truth": kind, "readings": isinstance(record.truth, Readings)}
                    ontology = getattr(one, "ontology", None)
                    if ontology is not None:
                        classes.add(ontology)
                    bare |= kind == "cells" and ontology is None
                    labels = (CELL,) if ontology is None else ontology.names
                    if isinstance(one, Keypoints):
                        labels = one.landmarks
                        meta["landmarks"] = list(labels)
                    used.setdefault(kind, {}).update(dict.fromkeys(labels))
                task = {
                    "id": number,
                    "data": {IMAGE: f"{IMAGES}/{picture.name}"},
                    "annotations": annotations_of(record.truth, record.image.shape_yx),
                    "predictions": [],
                    "meta": meta,
                }
                handle.write((",\n" if number > 1 else "\n") + json.dumps(task, ensure_ascii=False))
                entries.append(record.entry)
            handle.write("\n]\n")
        if not bare:
            classes.write(folder)
        _write_interface(folder, used)
        write_tables(folder, entries)


def _last(task: Task) -> Annotation:
    """Of one person's annotations the ground truth, else the last."""
    return next((one for one in task.annotations if one.gold), task.annotations[-1])


def _readings(found: list[tuple[Annotation, Truth | None]]) -> Readings | None:
    golden = [truth for one, truth in found if one.gold and truth is not None]
    consensus = golden[0] if len(golden) == 1 and len(found) > 1 else None
    by: dict[str, Truth] = {}
    for said, truth in found:
        if truth is None or truth is consensus:
            continue
        person = said.person or "unknown"
        again = (f"{person} ({number})" for number in count(2))
        name = next(one for one in chain([person], again) if one not in by)
        by[name] = truth
    return Readings(by, consensus) if by else None


def _json_files(path: Path) -> list[Path]:
    """Exports in the folder or one below, without links that lead out."""
    if not path.is_dir():
        return []
    home = path.resolve()
    found = [*sorted(path.glob("*.json")), *sorted(path.glob("*/*.json"))][:10_000]
    inside = (file for file in found if not file.name.startswith(".") and file.resolve().is_relative_to(home))
    return [file for file in inside if looks_like_label_studio(file)]


def _ontology(path: Path, tasks: list[Task]) -> tuple[Ontology | None, bool]:
    """The labels that are classes; and whether the only one says that a cell is a cell."""
    regions = [region for task in tasks for one in task.annotations for region in one.regions]
    used = [region for region in regions if shape_kind(region) not in (None, "keypoints")]
    names = {name for region in used for name in labels_of(region)}
    if (path / FILE).is_file():
        return found_ontology(path, names), False
    if not names:
        return None, True
    choices = [region for region in used if shape_kind(region) == "classes"]
    multi = len(choices) == len(used) and any(len(labels_of(region)) > 1 for region in choices)
    return found_ontology(path, names, multi=multi), {name.lower() for name in names} == {CELL}


def _write_interface(folder: Path, used: dict[Kind, dict[str, None]]) -> None:
    """Write ``label_config.xml``, the labelling interface that these tasks need."""
    lines = ["<View>", f'  <Image name="{IMAGE}" value="${IMAGE}"/>']
    for kind, labels in used.items():
        for tag in _TAGS[kind]:
            name = "choice" if tag == "Choices" else tag.removesuffix("Labels").lower()
            lines.append(f'  <{tag} name="{name}" toName="{IMAGE}">')
            one = "Choice" if tag == "Choices" else "Label"
            lines += [f"    <{one} value={quoteattr(label)}/>" for label in labels]
            lines.append(f"  </{tag}>")
    (folder / "label_config.xml").write_text("\n".join([*lines, "</View>"]) + "\n", encoding="utf-8")
