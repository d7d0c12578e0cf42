"""What the XML in a CZI says: channels, wavelengths, pixel size, interval, scenes and their wells."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, InvalidDocument
from cellcommons.images.data import UNKNOWN_SIZE, PlatePosition, Wavelengths
from cellcommons.images.units import micrometres, seconds
from cellcommons.safe_xml import parse_xml

_WELL = re.compile(r"([A-Z]{1,2})-?(\d{1,3})")


@dataclass
class CziStated:
    """What a CZI states; empty or None where it does not.

    Attributes:
        channels, wavelengths, bits: one a channel, in the order of C.
        scenes: index -> (name, place on a plate).
        notes: for the image's metadata.
    """

    channels: list[str] = field(default_factory=list)
    wavelengths: list[Wavelengths] = field(default_factory=list)
    bits: int | None = None
    pixel_size: PixelSize = UNKNOWN_SIZE
    seconds_per_frame: float | None = None
    scenes: dict[int, tuple[str, PlatePosition | None]] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


def czi_stated(xml: bytes, *, where: str) -> CziStated:
    """Read the metadata. Where it is damaged this is noted, not fatal: the pixels may still be sound."""
    if not xml:
        return CziStated()
    try:
        root = parse_xml(xml.rstrip(b"\0"), where=where)
    except CellCommonsError as error:
        return CziStated(notes={"czi_metadata": f"not read ({error.what}); names and sizes unknown"})
    stated = CziStated()
    image = root.find("Metadata/Information/Image")
    shown = root.findall("Metadata/DisplaySetting/Channels/Channel")
    channels = image.findall("Dimensions/Channels/Channel") if image is not None else []
    stated.channels = [c.get("Name") or "" for c in channels or shown]
    stated.wavelengths = [
        Wavelengths(_nanometres(c, "ExcitationWavelength"), _nanometres(c, "EmissionWavelength")) for c in channels
    ]
    if image is not None:
        counts = {_number(found) for found in image.iter("ComponentBitCount")} - {None}
        stated.bits = int(max(counts)) if counts else None  # type: ignore[type-var, arg-type]
        increment = image.find("Dimensions/T/Positions/Interval/Increment")
        stated.seconds_per_frame = seconds(_number(increment), "s")
        for scene in image.findall("Dimensions/S/Scenes/Scene"):
            index = scene.get("Index", "")
            if index.isdecimal():
                stated.scenes[int(index)] = (scene.get("Name") or "", _well(scene))
    sizes = {d.get("Id", "").lower(): _number(d.find("Value")) for d in root.findall("Metadata/Scaling/Items/Distance")}
    stated.pixel_size = PixelSize(**{a: micrometres(sizes.get(a), "m") for a in "yxz"})
    return stated


def _number(element: Element | None) -> float | None:
    try:
        return float(element.text or "") if element is not None else None
    except ValueError:
        return None


def _nanometres(channel: Element, name: str) -> float | None:
    value = _number(channel.find(name))
    return value if value is not None and 0 < value < 1e5 else None


def _well(scene: Element) -> PlatePosition | None:
    """The well that a scene lies in, as its carrier calls it."""
    shape = scene.find("Shape")
    for text in (shape.get("Name") if shape is not None else None, scene.findtext("ArrayName")):
        if found := _WELL.fullmatch((text or "").strip()):
            try:
                return PlatePosition(found[1], int(found[2]))
            except InvalidDocument:
                return None
    return None
