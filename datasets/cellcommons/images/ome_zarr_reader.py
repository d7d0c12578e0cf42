"""Read OME-Zarr folders, versions 0.1 to 0.5: single images, bioformats2raw collections, plates and wells."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, InvalidDocument, NotFound, UnreadableFile, WrongFormat
from cellcommons.images.arrange import Arrangement, arranged_image
from cellcommons.images.channel_names import named_channels
from cellcommons.images.data import ImageData, PlatePosition
from cellcommons.images.lazy import ImageFile, LazyImage
from cellcommons.images.limits import Limits
from cellcommons.images.ngff import channel_facts, multiscale_of, ome_attributes
from cellcommons.images.tiff_metadata import OmeImage, ome_images
from cellcommons.images.tree_document import own_facts
from cellcommons.images.windows import Window, cropped
from cellcommons.images.zarr_arrays import ZarrArray, declared_array
from cellcommons.images.zarr_folder import DOCUMENTS, MAX_DOCUMENT, ZarrFolder
from cellcommons.safe_xml import parse_xml

FORMAT = "OME-Zarr"
_IMAGES = frozenset(("multiscales", "plate", "well", "bioformats2raw.layout"))
_AGAIN = "Copy or export the folder again."


def is_zarr(folder: Path) -> bool:
    """Whether ``folder`` is the root of a zarr hierarchy."""
    return any((folder / name).is_file() for name in DOCUMENTS)


def is_ome_zarr(folder: Path) -> bool:
    """Whether ``folder`` is a zarr hierarchy that says it holds images."""
    if not is_zarr(folder):
        return False
    try:
        return bool(_IMAGES & ome_attributes(_attributes(ZarrFolder(folder, where=folder.name), "")).keys())
    except CellCommonsError:
        return False


def open_ome_zarr(path: Path, name: str, limits: Limits) -> ImageFile:
    """Open an OME-Zarr folder. Labels below ``labels`` are listed in the image's metadata, not read.

    Raises:
        UnreadableFile: metadata is missing or damaged.
        WrongFormat: zarr without OME metadata, or axes, codecs or kinds of pixel that are not read.
        TooLarge: declared above a limit. UnsafeArchive: a link leads out of the folder.
    """
    store = ZarrFolder(path, where=name)
    images = tuple(_images(store, limits))
    if not images:
        raise UnreadableFile("the OME-Zarr lists no image", where=name, remedy=_AGAIN)
    return ImageFile(FORMAT, images, parts=(path,))


def _images(store: ZarrFolder, limits: Limits) -> Iterator[LazyImage]:
    attributes = _attributes(store, "")
    ome = ome_attributes(attributes)
    if "multiscales" in ome:
        yield _image(store, "", attributes, limits)
    elif isinstance(ome.get("plate"), dict):
        yield from _plate(store, ome["plate"], limits)
    elif isinstance(ome.get("well"), dict):
        yield from _well(store, "", ome["well"], limits, None)
    elif "bioformats2raw.layout" in ome:
        paths = _collection(store)
        told = _described(store)
        for place, path in enumerate(paths):
            image = _image(store, path, _attributes(store, path), limits)
            yield _with_description(image, told[place]) if len(told) == len(paths) else image
    else:
        raise WrongFormat(
            "the zarr folder holds no OME metadata (multiscales, plate or bioformats2raw)",
            where=store.where,
            remedy="Write it as OME-Zarr, or open the group within that is one.",
        )


def _attributes(store: ZarrFolder, path: str) -> dict[str, Any]:
    """Attributes of a group, of either version of zarr."""
    prefix = f"{path}/" if path else ""
    document = store.document(f"{prefix}zarr.json")
    found = store.document(f"{prefix}.zattrs") if document is None else document.get("attributes", {})
    if found is None and store.document(f"{prefix}.zarray") is None and store.document(f"{prefix}.zgroup") is None:
        raise NotFound(f"the folder holds no {prefix}zarr.json or {prefix}.zattrs", where=store.where, remedy=_AGAIN)
    return found if isinstance(found, dict) else {}


def _collection(store: ZarrFolder) -> list[str]:
    """Paths of the images in a bioformats2raw collection: as ``OME`` lists them, else 0, 1, 2 and so on."""
    ome = ome_attributes(_attributes(store, "OME")) if _is_group(store, "OME") else {}
    if isinstance(listed := ome.get("series"), list):
        return [_inside(path, store) for path in listed]
    paths: list[str] = []
    while _is_group(store, str(len(paths))):
        paths.append(str(len(paths)))
    return paths


def _described(store: ZarrFolder) -> list[OmeImage]:
    """What the OME-XML beside a collection says of its images, in their order; none where it is missing or damaged."""
    real = store.located("OME/METADATA.ome.xml")
    if real is None or os.path.getsize(real) > MAX_DOCUMENT:
        return []
    data = Path(real).read_bytes()
    try:
        parse_xml(data, where=store.where)
        return ome_images(data.decode())
    except (CellCommonsError, ParseError, ValueError):
        return []


def _with_description(image: LazyImage, told: OmeImage) -> LazyImage:
    """``image`` with what its OME-XML says and its own metadata does not."""
    facts, said = image.facts, told.stated
    sizes = {a: getattr(facts.pixel_size, a) or getattr(said.pixel_size, a) for a in "yxz"}
    count = facts.size("c")
    named = len(said.channels) == count and facts.channels == named_channels((), count)
    facts = replace(
        facts,
        channels=named_channels(said.channels, count) if named else facts.channels,
        pixel_size=PixelSize(**sizes),
        wavelengths=said.wavelengths if len(said.wavelengths) == count else facts.wavelengths,
        seconds_per_frame=facts.seconds_per_frame or said.seconds_per_frame,
        position=facts.position or said.position,
        metadata={**facts.metadata, **({"name": told.name[:200]} if told.name else {})},
    )
    return replace(image, facts=facts)


def _is_group(store: ZarrFolder, path: str) -> bool:
    return any(store.located(f"{path}/{name}") for name in ("zarr.json", ".zattrs", ".zgroup"))


def _plate(store: ZarrFolder, plate: dict[str, Any], limits: Limits) -> Iterator[LazyImage]:
    title = str(plate.get("name") or "")[:100]
    try:
        wells = [_inside(well["path"], store) for well in plate["wells"]]
    except (KeyError, TypeError) as error:
        raise UnreadableFile("its list of wells is damaged", where=store.where, remedy=_AGAIN) from error
    limits.check_planes(len(wells), where=store.where)
    for path in wells:
        well = ome_attributes(_attributes(store, path)).get("well")
        if not isinstance(well, dict):
            raise UnreadableFile(f"the well {path} lists no images", where=store.where, remedy=_AGAIN)
        yield from _well(store, path, well, limits, _position(path, title))


def _position(path: str, plate: str) -> PlatePosition | None:
    """Row letter and column of ``B/07``; None where a plate names its rows or columns otherwise."""
    found = re.fullmatch(r"([A-Z]{1,2})/(\d{1,4})", path)
    try:
        return PlatePosition(found[1], int(found[2]), plate=plate) if found else None
    except InvalidDocument:
        return None


def _well(
    store: ZarrFolder, path: str, well: dict[str, Any], limits: Limits, position: PlatePosition | None
) -> Iterator[LazyImage]:
    try:
        fields = [(f"{path}/{_inside(entry['path'], store)}".lstrip("/"), entry) for entry in well["images"]]
    except (KeyError, TypeError) as error:
        raise UnreadableFile("a well's list of images is damaged", where=store.where, remedy=_AGAIN) from error
    limits.check_planes(len(fields), where=store.where)
    for number, (field, entry) in enumerate(fields, start=1):
        image = _image(store, field, _attributes(store, field), limits)
        facts = image.facts
        if isinstance(entry.get("acquisition"), int):
            facts = replace(facts, metadata={**facts.metadata, "acquisition": entry["acquisition"]})
        yield replace(image, facts=replace(facts, position=replace(position, field=number) if position else None))


def _inside(path: object, store: ZarrFolder) -> str:
    """A path below the folder that metadata names."""
    if not isinstance(path, str) or not re.fullmatch(r"[^/\\\0]+(/[^/\\\0]+)*", path) or ".." in path.split("/"):
        raise UnreadableFile(f"it names an image at {str(path)[:80]!r}", where=store.where, remedy=_AGAIN)
    return path


def _image(store: ZarrFolder, path: str, attributes: dict[str, Any], limits: Limits) -> LazyImage:
    """The multiscale image of one group, at its finest level."""
    where = f"{store.where}/{path}".rstrip("/")
    told = multiscale_of(attributes, where=where)
    array = declared_array(store, "/".join(part for part in (path, told.paths[0]) if part), limits)
    if len(array.shape) != len(told.letters):
        raise UnreadableFile(
            f"its metadata names {len(told.letters)} axes, its array has {len(array.shape)}", where=where, remedy=_AGAIN
        )
    stored = Arrangement(told.letters, array.shape)
    names, notes = channel_facts(attributes, stored.size("c"))
    own = own_facts(attributes, stored.size("c"))
    labels = ome_attributes(_attributes(store, f"{path}/labels".lstrip("/"))) if _has_labels(store, path) else {}
    listed = labels.get("labels")
    # What we wrote ourselves comes back as it was: levels and colours are of our making.
    notes = own["metadata"] if "cellcommons" in attributes else {"format": FORMAT, **told.notes, **notes}
    if isinstance(listed, list) and listed:
        notes["labels"] = [str(label)[:100] for label in listed[:1000]]
    image = arranged_image(
        path,
        stored,
        array.dtype,
        array.read,
        array.chunk,
        limits,
        where=where,
        settle=lambda image: _noting_absent(image, array),
        channels=names,
        pixel_size=told.pixel_size,
        seconds_per_frame=told.seconds_per_frame,
        **{**own, "metadata": notes},
    )
    window = _held_window(attributes, image, where)
    return cropped(image, window) if window else image


def _held_window(attributes: dict[str, Any], image: LazyImage, where: str) -> Window:
    """What of an image a download of some channels or a region holds: elsewhere zeros would pose as pixels."""
    own = attributes.get("cellcommons")
    part = own.get("part") if isinstance(own, dict) else None
    if part is None:
        return Window()
    try:
        held = {str(axis): range(int(first), int(end)) for axis, (first, end) in part["region"].items()}
        return Window(tuple(map(str, part["channels"])), {a: r for a, r in held.items() if a in image.axes and r})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableFile("what it says of the part that it holds is damaged", where=where, remedy=_AGAIN) from error


def _has_labels(store: ZarrFolder, path: str) -> bool:
    return _is_group(store, f"{path}/labels".lstrip("/"))


def _noting_absent(image: ImageData, array: ZarrArray) -> ImageData:
    """Chunks that are not there are the fill value by the format's rule, and also what a broken copy looks like."""
    absent = array.absent_chunks
    return replace(image, metadata={**image.metadata, "absent_chunks": absent}) if absent else image
