"""An export of Label Studio: its tasks, who annotated each, and the regions of each annotation as they stand.

Format: https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from cellcommons.errors import InvalidDocument
from cellcommons.layouts.coco_json import read_json
from cellcommons.layouts.pictures import Pictures

Kind = Literal["cells", "boxes", "keypoints", "classes"]
Region = dict[str, Any]
_HEAD = 1 << 16
_SHAPES: dict[str, Kind] = {
    "brush": "cells",
    "polygon": "cells",
    "ellipse": "cells",
    "rectangle": "boxes",
    "keypoint": "keypoints",
    "choices": "classes",
}
_ORDER: tuple[Kind, ...] = ("cells", "boxes", "keypoints", "classes")
# What Label Studio puts before the name of a file that is uploaded.
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")


@dataclass(frozen=True)
class Annotation:
    """One annotation of a task. ``person`` may be empty; ``gold`` is what the project calls ground truth."""

    person: str
    gold: bool
    regions: tuple[Region, ...] = field(repr=False)


@dataclass(frozen=True)
class Task:
    """One task: its values (addresses of images and more), its annotations without cancelled ones, and its meta."""

    number: int
    data: dict[str, Any]
    annotations: tuple[Annotation, ...]
    meta: dict[str, Any]

    def kind(self) -> Kind | None:
        """What its regions are: outlines before boxes before landmarks before choices; None where there are none."""
        kinds = {shape_kind(region) for one in self.annotations for region in one.regions}
        return next((kind for kind in _ORDER if kind in kinds), None)

    def find(self, pictures: Pictures) -> Path | None:
        """Its image: the first of its values that is called as a file of the folder."""
        for key in sorted(self.data, key=lambda key: (key != "image", key)):
            said = self.data[key]
            if isinstance(said, str) and said and len(said) < 4096:
                said = unquote(said)
                parts = re.split(r"([/\\=])", said)
                found = pictures.find(said) or pictures.find("".join([*parts[:-1], _UPLOADED.sub("", parts[-1])]))
                if found is not None:
                    return found
        return None


def shape_of(region: Region) -> str:
    """``brush``, ``polygon``, ``ellipse``, ``rectangle``, ``keypoint``, ``choices``, or what else it is called."""
    said = region.get("type")
    return said.removesuffix("labels") if isinstance(said, str) else ""


def shape_kind(region: Region) -> Kind | None:
    """What kind of truth a region is; None for texts, relations, lines and the like."""
    return _SHAPES.get(shape_of(region))


def labels_of(region: Region) -> list[str]:
    """The labels (or choices) of a region, none where it has none."""
    value = region.get("value")
    if not isinstance(value, dict):
        return []
    for key in (region.get("type"), f"{shape_of(region)}labels", "labels"):
        said = value.get(key) if isinstance(key, str) else None
        if isinstance(said, list):
            return [one.strip() for one in said if isinstance(one, str) and one.strip()]
    return []


def looks_like_label_studio(path: Path) -> bool:
    """Whether the first 64 kB of a file are a list of tasks."""
    try:
        with path.open("rb") as handle:
            head = handle.read(_HEAD)
    except OSError:
        return False
    return (
        head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
        and b'"data"' in head
        and (b'"annotations"' in head or b'"completions"' in head)
    )


def open_tasks(path: Path) -> tuple[Task, ...]:
    """The tasks of an export, or again while it has not changed. Raises UnreadableFile, InvalidDocument, TooLarge."""
    stat = path.stat()
    return _opened(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _opened(path: Path, _changed: int, _size: int) -> tuple[Task, ...]:
    document = read_json(path)
    if not isinstance(document, list):
        raise InvalidDocument("an export of Label Studio is a list of tasks", where=str(path))
    tasks = []
    for number, said in enumerate(document, start=1):
        where = f"{path}, task {number}"
        if not isinstance(said, dict) or not isinstance(said.get("data"), dict):
            raise InvalidDocument("a task of Label Studio has data", where=where)
        rows = said.get("annotations", said.get("completions", []))
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InvalidDocument("the annotations of a task are a list of objects", where=where)
        annotations = tuple(_annotation(row, where) for row in rows if row.get("was_cancelled") is not True)
        meta = said.get("meta")
        tasks.append(Task(number, said["data"], annotations, meta if isinstance(meta, dict) else {}))
    return tuple(tasks)


def _annotation(row: dict[str, Any], where: str) -> Annotation:
    said = row.get("completed_by")
    if isinstance(said, dict):
        said = said.get("email") or said.get("username") or said.get("id")
    person = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""
    regions = row.get("result", [])
    if not isinstance(regions, list) or not all(isinstance(one, dict) for one in regions):
        raise InvalidDocument("the result of an annotation is a list of regions", where=where)
    return Annotation(person.strip(), row.get("ground_truth") is True, tuple(_labelled(regions)))


def _labelled(regions: list[Region]) -> list[Region]:
    """Regions with their labels: where a label stands by itself, it belongs to the region of the same id."""
    alone = {
        region["id"]: labels_of(region)
        for region in regions
        if region.get("type") == "labels" and isinstance(region.get("id"), str) and not _is_shape(region)
    }
    found = []
    for region in regions:
        said = region.get("id")
        if isinstance(said, str) and said in alone and shape_kind(region) and not labels_of(region):
            value = region.get("value")
            region = {**region, "value": {**(value if isinstance(value, dict) else {}), "labels": alone[said]}}
        elif region.get("type") == "labels" and _is_shape(region):
            value = region["value"]
            region = {**region, "type": "brush" if "rle" in value else "polygon" if "points" in value else "rectangle"}
        found.append(region)
    return found


def _is_shape(region: Region) -> bool:
    value = region.get("value")
    return isinstance(value, dict) and any(key in value for key in ("rle", "points", "width"))
