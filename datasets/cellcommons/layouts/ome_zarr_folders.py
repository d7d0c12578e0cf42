"""One OME-Zarr image with its labels, as a folder: written as 0.5, read in any version.

Beside the image and ``labels``, a group ``cellcommons`` holds as attributes what the specification has no place for:
``entry`` (name, source, stratum, split) and ``truth`` (``ome_zarr_truths``). Other readers see an image with labels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.errors import InvalidDocument, MismatchedShapes, TooLarge, UnreadableFile, UnsafeArchive
from cellcommons.images.data import ImageData
from cellcommons.images.held import held_file
from cellcommons.images.ngff import ome_attributes
from cellcommons.images.readers import open_image
from cellcommons.images.streaming import Kind, stream_to_folder
from cellcommons.images.tree_document import VERSION, own_facts
from cellcommons.images.zarr_folder import ZarrFolder
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ome_zarr_truths import Beside, Encoded, Ids, Raster, decode, encode
from cellcommons.layouts.stardist_masks import label_map
from cellcommons.readings import Truth

OWN = "cellcommons"
MAX_OWN = 64 << 20
"""Bytes of the document of truths: positions of about a million spots."""
MAX_TEXT = 1000
_NAME = re.compile(r"[^/\\\0.][^/\\\0]{0,199}")


def write_group(folder: Path, record: Record) -> None:
    """Write a record as the OME-Zarr ``folder``, which is absent or empty. Raises as ``stream_to_folder``."""
    image = record.image
    _stream(image, folder, "image")
    said = Encoded({}) if record.truth is None else encode(record.truth)
    for name, raster in said.rasters.items():
        _write_raster(folder / "labels" / name, raster, image)
    if said.rasters:
        _write_attributes(folder / "labels", {"ome": {"version": VERSION, "labels": list(said.rasters)}})
    for name, picture in said.images.items():
        _stream(picture, folder / name, "image")
    entry = record.entry
    known = entry.metadata.get("source_known", entry.source not in ("", entry.name))
    told = {
        "name": entry.name,
        "stratum": entry.stratum,
        "split": entry.split,
        **({"source": entry.source} if known else {}),
    }
    _write_attributes(folder / OWN, {"entry": told, "truth": said.document or None})
    size = (folder / OWN / "zarr.json").stat().st_size
    if size > MAX_OWN:
        raise TooLarge(
            f"what is said of its labels takes {size:,} bytes; the limit is {MAX_OWN:,}",
            where=entry.name,
            remedy="Write tracks of so many spots as geff.",
        )


def read_group(folder: Path, series: str, label: str, *, where: str) -> tuple[ImageData, Truth | None]:
    """The image of a folder, or of the group ``series`` within it, and its truth.

    Args:
        label: which of its labels, where nothing of our own says more; empty for none.

    Raises:
        NotFound, UnreadableFile, WrongFormat, TooLarge, UnsafeArchive: as ``open_image``.
        InvalidDocument, MismatchedShapes: labels that cannot be, or are not of this image.
    """
    with open_image(folder, name=where) as file:
        image = file.image(series, where=where).load(where=where)
    group = inside(folder, series) if series else folder
    attributes = attributes_of(group, "", where=where)
    facts = own_facts(attributes, image.size("c"))
    facts.pop("metadata")
    image = replace(image, **{**facts, "position": facts["position"] or image.position})
    document = own_document(group, where=where).get("truth")
    if document is not None:
        beside = Beside(image, _raster_reader(group, where), _picture_reader(group, where))
        return image, _fitting(decode(document, beside, where=where), image, where)
    if not label:
        return image, None
    data, axes = _raster_reader(group, where)(label)
    size = image.pixel_size
    return image, _fitting(label_map(data, axes, size, where=f"{where}/labels/{label}"), image, where)


def own_document(group: Path, *, where: str) -> dict[str, Any]:
    """What we kept in the group ``cellcommons``; empty where there is none. Raises UnreadableFile, TooLarge."""
    path = group / OWN / "zarr.json"
    if not path.is_file() or path.is_symlink() or (group / OWN).is_symlink():
        return {}
    if path.stat().st_size > MAX_OWN:
        raise TooLarge(f"{OWN}/zarr.json has {path.stat().st_size:,} bytes; the limit is {MAX_OWN:,}", where=where)
    try:
        found = json.loads(path.read_bytes())["attributes"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableFile(f"{OWN}/zarr.json is damaged ({error!r:.80})", where=where) from error
    return found if isinstance(found, dict) else {}


def known_entry(entry: Entry, document: dict[str, Any]) -> Entry:
    """``entry`` with what ``write_group`` noted of it."""
    told = document.get("entry")
    if not isinstance(told, dict):
        return entry
    text = {key: value for key, value in told.items() if isinstance(value, str) and len(value) <= MAX_TEXT}
    name = text.get("name") or entry.name
    return replace(
        entry,
        name=name,
        source=text.get("source") or (name if entry.source == entry.name else entry.source),
        stratum=text.get("stratum", ""),
        split=text.get("split", "") if text.get("split", "") in ("train", "validation", "test") else "",
        metadata={**entry.metadata, "source_known": bool(text.get("source"))},
    )


def label_names(group: Path, *, where: str) -> list[str]:
    """Names of the labels beside an image. Raises UnreadableFile, UnsafeArchive."""
    try:
        listed = ome_attributes(attributes_of(group, "labels", where=where)).get("labels")
    except TooLarge as error:
        raise UnreadableFile(error.what, where=where) from error
    return [name for name in listed if isinstance(name, str)][:1000] if isinstance(listed, list) else []


def attributes_of(folder: Path, path: str, *, where: str) -> dict[str, Any]:
    """Attributes of a zarr group of either version; empty where there is none. Raises UnreadableFile, UnsafeArchive."""
    store = ZarrFolder(folder, where=where)
    prefix = f"{path}/" if path else ""
    document = store.document(f"{prefix}zarr.json")
    found = store.document(f"{prefix}.zattrs") if document is None else document.get("attributes", {})
    return found if isinstance(found, dict) else {}


def inside(folder: Path, path: str) -> Path:
    """A path below ``folder``, also once links are followed. Raises UnsafeArchive."""
    if not all(_NAME.fullmatch(part) for part in path.split("/")):
        raise UnsafeArchive(f"it names a group {path[:80]!r}", where=folder.name, remedy="Export the folder again.")
    found = folder / path
    if not found.resolve().is_relative_to(folder.resolve()):
        raise UnsafeArchive(f"{path[:80]} leads out of the folder", where=folder.name, remedy="Copy what it links to.")
    return found


def _fitting(truth: Truth, image: ImageData, where: str) -> Truth:
    """``truth``, if it is of the image's size."""
    if isinstance(truth, LabelMap):
        wanted = tuple(image.size(axis) for axis in truth.axes)
        if truth.data.shape != wanted or ("z" in image.axes) != ("z" in truth.axes):
            raise MismatchedShapes(
                f"the labels are {truth.data.shape} ({truth.axes}), their image {image.data.shape} ({image.axes})",
                where=where,
                remedy="Save both at one resolution.",
            )
    return truth


def _raster_reader(group: Path, where: str) -> Callable[[str], tuple[Ids, str]]:
    def read(name: str) -> tuple[Ids, str]:
        if not isinstance(name, str):
            raise InvalidDocument("a label image without a name", where=where)
        folder = inside(group, f"labels/{name}")
        place = f"{where}/labels/{name}"
        with open_image(folder, name=place) as file:
            found = file.image(0, where=place).load(where=place)
        if found.size("c") != 1 or found.data.dtype.kind not in "ui":
            raise InvalidDocument(f"labels of {found.size('c')} channels of {found.data.dtype}", where=place)
        axes = found.axes.replace("c", "")
        ids = found.data.reshape(tuple(found.size(axis) for axis in axes))
        if ids.dtype.kind == "i" and int(ids.min(initial=0)) < 0:
            raise InvalidDocument("labels with negative ids", where=place, remedy="Use 0 for background.")
        return np.ascontiguousarray(ids, dtype=np.uint32), axes

    return read


def _picture_reader(group: Path, where: str) -> Callable[[str], ImageData]:
    def read(name: str) -> ImageData:
        if not isinstance(name, str):
            raise InvalidDocument("an image without a name", where=where)
        return read_group(inside(group, name), "", "", where=f"{where}/{name}")[0]

    return read


def _stream(image: ImageData, folder: Path, kind: Kind) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with held_file("memory", image, folder) as file:
        stream_to_folder(file.image(), folder, kind=kind)


def _write_raster(folder: Path, raster: Raster, image: ImageData) -> None:
    axes = raster.axes.replace("yx", "") + "yx"
    axes = axes.replace("zyx", "czyx") if "z" in axes else axes.replace("yx", "cyx")
    data = np.expand_dims(raster.data, axes.index("c"))
    seconds = image.seconds_per_frame if "t" in axes else None
    _stream(ImageData(data, axes, ("labels",), image.pixel_size, seconds_per_frame=seconds), folder, "labels")
    path = folder / "zarr.json"
    document = json.loads(path.read_bytes())
    said = document["attributes"]["ome"]["image-label"]
    said["source"] = {"image": "../../"}
    if raster.properties:
        said["properties"] = list(raster.properties)
        values = [one["label-value"] for one in raster.properties]
        said["colors"] = [{"label-value": value, "rgba": _colour(place)} for place, value in enumerate(values)]
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def _colour(place: int) -> list[int]:
    """Colours that lie apart however many there are: steps of the golden angle round the hues."""
    hue = (place * 0.618033988749895) % 1 * 6
    ramp = 1 - abs(hue % 2 - 1)
    red, green, blue = [(1, ramp, 0), (ramp, 1, 0), (0, 1, ramp), (0, ramp, 1), (ramp, 0, 1), (1, 0, ramp)][int(hue)]
    return [round(255 * red), round(255 * green), round(255 * blue), 255]


def _write_attributes(folder: Path, attributes: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (folder / "zarr.json").write_text(json.dumps(group, ensure_ascii=False, allow_nan=False), encoding="utf-8")
