"""A reading: what one person, one checkpoint or one consensus says of one image, whatever the task asks.

Part of it may be painted (a raster of ids), part answered (values by key). Kept as one sealed tree: the OME-Zarr of the
raster, and ``values.json``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.edits import pixels_sha256
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.images.ome_zarr import label_files, read_label_stack
from cellcommons.store import ObjectStore
from cellcommons.tree import Tree, load_tree, seal_files

Raster = NDArray[np.uint32]
Value = Any  # a string, a list of strings or integers, an integer or a bool
Values = Mapping[str, Value]
Changes = Mapping[str, Any]  # key -> [old, new]; None: not said

VALUES = "values.json"
MAX_KEY = 64
MAX_TEXT = 400


@dataclass(frozen=True, eq=False)
class Reading:
    """One reading.

    Attributes:
        raster: uint32, axes yx (tyx for the masks of a movie), 0 where nothing is painted; None where the task does not
            paint.
        values: what was answered; a key that is absent has not been said.

    Raises:
        InvalidDocument: neither, a raster of another type, or a value that JSON and the protocol do not carry.
    """

    raster: Raster | None = field(default=None, repr=False)
    values: Values = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.raster is not None and (self.raster.dtype != np.uint32 or self.raster.ndim not in (2, 3)):
            raise InvalidDocument(
                f"a raster is uint32 with axes yx or tyx, got {self.raster.dtype} with {self.raster.ndim} axes"
            )
        for key, value in self.values.items():
            check_value(key, value)

    @property
    def labels(self) -> Raster:
        """The raster, uint32, yx. Raises InvalidDocument where there is none."""
        if self.raster is None or self.raster.ndim != 2:
            raise InvalidDocument("this reading holds no label map", remedy="Look at its values.")
        return self.raster


def check_value(key: str, value: Value, *, where: str = "") -> None:
    """Refuse a key or value that the protocol does not carry. Raises InvalidDocument."""
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or not key.isascii():
        raise InvalidDocument(f"a key is 1 to {MAX_KEY} ASCII characters", where=where or repr(key)[:MAX_KEY])
    parts = value if isinstance(value, list) else [value]
    for part in parts:
        if not isinstance(part, str | int) or (isinstance(part, str) and len(part) > MAX_TEXT):
            raise InvalidDocument(
                "a value is text, a whole number, true or false, or a list of those",
                where=f"{where} {key}".strip(),
            )


def write_reading(
    store: ObjectStore, reading: Reading, pixel_size: PixelSize | None = None, *, answers: bool | None = None
) -> Tree:
    """Seal a reading as a tree; equal readings give equal trees.

    Args:
        answers: whether ``values.json`` is written; if None, where there is no raster or there are values.
    """
    files: dict[str, bytes] = {}
    if reading.raster is not None:
        files |= label_files(reading.raster, pixel_size or PixelSize())
    if answers if answers is not None else (reading.raster is None or bool(reading.values)):
        files[VALUES] = canonical_json(dict(reading.values))
    return seal_files(store, files)


def read_reading(store: ObjectStore, digest: str) -> Reading:
    """The reading in a tree.

    Raises:
        NotFound, DigestMismatch: an object is missing or damaged.
        InvalidDocument: the tree holds neither a label map nor values.
    """
    paths = {entry.path: entry for entry in load_tree(store, digest).entries}
    if VALUES not in paths and "zarr.json" not in paths:
        raise InvalidDocument("the tree holds neither a label map nor values", where=digest)
    values = read_values(store, digest) if VALUES in paths else {}
    return Reading(read_label_stack(store, digest) if "zarr.json" in paths else None, values)


def read_values(store: ObjectStore, digest: str) -> dict[str, Value]:
    """The values of a reading's tree, without its raster; empty where it has none. Raises as ``read_reading``."""
    try:
        entry = load_tree(store, digest).entry(VALUES)
    except NotFound:
        store.get(digest)  # a tree that is missing altogether still says so
        return {}
    try:
        document = json.loads(store.get(entry.sha256))
    except ValueError as error:
        raise InvalidDocument(f"its values are not JSON ({error})", where=digest) from error
    if not isinstance(document, dict):
        raise InvalidDocument("its values are not an object", where=digest)
    return document


def reading_sha256(reading: Reading, *, paints: bool, answers: bool) -> str:
    """What both sides of a submission must agree on.

    Of a task that paints, the sha256 of the pixels (uint32 little-endian, row-major); of one that answers, of the
    canonical JSON of the values; of one that does both, of the two hex digests one after the other.
    """
    parts = []
    if paints:
        parts.append(pixels_sha256(reading.labels))
    if answers:
        parts.append(sha256_hex(canonical_json(dict(reading.values))))
    return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode("ascii")).hexdigest()


def fold_changes(base: Values, edits: Iterable[Changes]) -> dict[str, Value]:
    """Apply the changes of edits, in order, over ``base``."""
    values = dict(base)
    for changes in edits:
        for key, (_, new) in changes.items():
            if new is None:
                values.pop(key, None)
            else:
                values[key] = new
    return values


def check_changes(changes: Any, *, where: str = "") -> None:
    """Refuse changes that are not ``{key: [old, new]}``. Raises InvalidDocument."""
    if not isinstance(changes, dict):
        raise InvalidDocument("changes are an object of key: [old, new]", where=where)
    for key, pair in changes.items():
        if not isinstance(pair, list | tuple) or len(pair) != 2 or pair[0] == pair[1]:
            raise InvalidDocument("a change is [old, new], and they differ", where=f"{where} {key}".strip())
        for value in pair:
            if value is not None:
                check_value(key, value, where=where)
