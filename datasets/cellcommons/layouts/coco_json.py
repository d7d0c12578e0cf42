"""A COCO file: parsed once, its annotations kept image by image as they are, without an object for each.

Format: https://cocodataset.org/#format-data. LIVECell (Edlund et al., Nature Methods 2021) gives ``annotations`` as an
object by id in some of its files; both forms are read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NoReturn

from cellcommons.classes import CellBoxes
from cellcommons.errors import InvalidDocument, UnreadableFile
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.keypoints import Keypoints
from cellcommons.overlapping import OverlappingCells

Kind = Literal["cells", "boxes", "keypoints", "none"]
KINDS: dict[Kind, str] = {
    "cells": OverlappingCells.__name__,
    "boxes": CellBoxes.__name__,
    "keypoints": Keypoints.__name__,
    "none": "",
}
_HEAD = 1 << 16


@dataclass(frozen=True)
class Category:
    """One category: its name, what it belongs to, and its landmarks where it has any."""

    name: str
    above: str = ""
    landmarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class CocoFile:
    """A parsed file.

    Attributes:
        kind: what its annotations are. images: as they stand. by_image: id of an image -> its annotations as they
            stand. categories: by id, in the file's order. info: as it stands.
    """

    path: Path
    kind: Kind
    images: tuple[dict[str, Any], ...] = field(repr=False)
    by_image: dict[Any, list[dict[str, Any]]] = field(repr=False)
    categories: dict[int, Category]
    info: dict[str, Any]


def open_coco(path: Path) -> CocoFile:
    """Parse a file, or give it again while it has not changed.

    Raises:
        UnreadableFile: not JSON. InvalidDocument: not COCO. TooLarge.
    """
    stat = path.stat()
    return _opened(path, stat.st_mtime_ns, stat.st_size)


def looks_like_coco(path: Path) -> bool:
    """Whether the first 64 kB of a file speak of what COCO holds."""
    try:
        with path.open("rb") as handle:
            head = handle.read(_HEAD)
    except OSError:
        return False
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    words = sum(
        word in head for word in (b'"images"', b'"annotations"', b'"categories"', b'"file_name"', b'"image_id"')
    )
    return words >= 2


def read_json(path: Path) -> Any:
    """A JSON file within the limits. Raises UnreadableFile, TooLarge."""
    try:
        DEFAULT_LIMITS.check_file(path.stat().st_size, where=path.name)
        return json.loads(path.read_bytes(), parse_constant=_refuse)
    except (ValueError, RecursionError, OSError) as error:
        raise UnreadableFile(
            f"not JSON that can be read ({str(error)[:200]})", where=str(path), remedy="Export it again."
        ) from error


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


# Several files are open at a time: one a part of the split, and one a kind of annotation.
@lru_cache(maxsize=12)
def _opened(path: Path, _changed: int, _size: int) -> CocoFile:
    document = read_json(path)
    where = str(path)
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, list):
        raise InvalidDocument("a COCO file lists its images", where=where)
    categories = _categories(document.get("categories", []), where)
    said = document.get("annotations")
    annotations = list(said.values()) if isinstance(said, dict) else said
    info = document.get("info")
    for image in images:
        if not isinstance(image, dict) or not _is_key(image.get("id")) or not isinstance(image.get("file_name"), str):
            raise InvalidDocument("an image of a COCO file has an id and a file_name", where=where)
    ids = {image["id"] for image in images}
    if len(ids) != len(images):
        raise InvalidDocument("two images have one id", where=where, remedy="Number each image once.")
    grouped: dict[Any, list[dict[str, Any]]] = {}
    if annotations is not None:
        if not isinstance(annotations, list):
            raise InvalidDocument("annotations are a list", where=where)
        try:
            for annotation in annotations:
                grouped.setdefault(annotation["image_id"], []).append(annotation)
        except (TypeError, KeyError):
            raise InvalidDocument("an annotation of a COCO file has an image_id", where=where) from None
        if not all(isinstance(rows[0], dict) for rows in grouped.values()):
            raise InvalidDocument("an annotation of a COCO file is an object", where=where)
        # One that belongs to no image of this file is no fault: lists of images are cut, their annotations not.
    kind = _kind(annotations, categories, info if isinstance(info, dict) else {})
    return CocoFile(path, kind, tuple(images), grouped, categories, info if isinstance(info, dict) else {})


def _categories(said: Any, where: str) -> dict[int, Category]:
    found: dict[int, Category] = {}
    for item in said if isinstance(said, list) else [None]:
        if not isinstance(item, dict) or not _is_key(item.get("id")) or not isinstance(item.get("name"), str):
            raise InvalidDocument("a category of a COCO file has an id and a name", where=where)
        if item["id"] in found:
            raise InvalidDocument(f"category {item['id']} is listed twice", where=where)
        landmarks = item.get("keypoints") or []
        if not isinstance(landmarks, list) or not all(isinstance(one, str) and one for one in landmarks):
            raise InvalidDocument(f"the keypoints of category {item['id']} are a list of names", where=where)
        if len(set(landmarks)) != len(landmarks):
            raise InvalidDocument(f"a keypoint of category {item['id']} is named twice", where=where)
        above = item.get("supercategory")
        found[item["id"]] = Category(item["name"].strip(), above if isinstance(above, str) else "", tuple(landmarks))
    return found


def _kind(annotations: list[dict[str, Any]] | None, categories: dict[int, Category], info: dict[str, Any]) -> Kind:
    if annotations is None:
        return "none"
    for kind, truth in KINDS.items():
        if truth and info.get("truth") == truth:
            return kind
    if any(category.landmarks for category in categories.values()):
        return "keypoints"
    if not annotations or any(
        isinstance(one, dict) and one.get("segmentation") and not one.get("iscrowd") for one in annotations
    ):
        return "cells"
    return "boxes"


def _is_key(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)
