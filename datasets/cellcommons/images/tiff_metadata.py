"""Channel names and pixel sizes as OME-XML, ImageJ and plain TIFF tags state them; unknown where they do not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import tifffile

from cellcommons.axes import PixelSize
from cellcommons.images.data import UNKNOWN_SIZE

_MICROMETRES = {
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "\\u00b5m": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "Å": 1e-4,
    "pm": 1e-6,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "m": 1e6,
}
# Print resolutions that software writes when it knows none; in micrometres a pixel.
_PRINT_DPI = (72, 96, 150, 300, 600)


@dataclass
class Stated:
    """What a TIFF states about its channels and pixels; ``notes`` joins the image's metadata."""

    channels: tuple[str, ...] = ()
    pixel_size: PixelSize = UNKNOWN_SIZE
    notes: dict[str, Any] = field(default_factory=dict)


def stated_by(tiff: tifffile.TiffFile, series: int) -> Stated:
    """Read the metadata of one series. Damaged metadata is noted, not fatal: the pixels may still be sound."""
    if tiff.is_ome:
        try:
            return _from_ome(tiff.ome_metadata or "", series)
        except (ElementTree.ParseError, IndexError, ValueError) as error:
            return Stated(notes={"ome_metadata": f"not readable ({error}); channel names and pixel size unknown"})
    if tiff.is_imagej:
        return _from_imagej(tiff)
    return _from_tags(tiff)


def ome_sizes(xml: str) -> list[dict[str, int]]:
    """Declared sizes of each image in OME-XML: axis letter -> length.

    Raises:
        xml.etree.ElementTree.ParseError, ValueError: not XML, or a size that is no number.
    """
    return [
        {a: int(pixels.get(f"Size{a.upper()}", "1")) for a in "xyczt"}
        for pixels in _pixels(ElementTree.fromstring(xml))
    ]


def _pixels(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [element for element in root.iter() if element.tag.rsplit("}", 1)[-1] == "Pixels"]


def _micrometres(value: float, unit: str) -> float | None:
    size = value * _MICROMETRES.get(unit, _MICROMETRES.get(unit.lower(), math.nan))
    return size if math.isfinite(size) and size > 0 else None


def _without_print_resolution(size: PixelSize, notes: dict[str, Any]) -> PixelSize:
    if size.x is not None and any(math.isclose(size.x, 25400 / dpi, rel_tol=1e-3) for dpi in _PRINT_DPI):
        notes["pixel_size_ignored"] = f"{size.x:.4g} micrometres is a print resolution, not a measurement"
        return PixelSize(z=size.z)
    return size


def _from_ome(xml: str, series: int) -> Stated:
    pixels = _pixels(ElementTree.fromstring(xml))[series]
    notes: dict[str, Any] = {}
    sizes = {}
    for axis in "xyz":
        value = pixels.get(f"PhysicalSize{axis.upper()}")
        unit = pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm")
        sizes[axis] = _micrometres(float(value), unit) if value else None
    names: list[str] = []
    for channel in (c for c in pixels if c.tag.rsplit("}", 1)[-1] == "Channel"):
        samples = int(channel.get("SamplesPerPixel", "1"))
        name = channel.get("Name") or channel.get("Fluor") or ""
        names += [name] if samples == 1 else [f"{name}:{i}" if name else "" for i in range(min(samples, 64))]
    size = _without_print_resolution(PixelSize(**sizes), notes)
    return Stated(tuple(names) if any(names) else (), size, notes)


def _from_imagej(tiff: tifffile.TiffFile) -> Stated:
    info = tiff.imagej_metadata or {}
    unit = str(info.get("unit", ""))
    notes: dict[str, Any] = {}
    sizes = {axis: _micrometres(1 / r, unit) if (r := _resolution(tiff, axis)) else None for axis in "xy"}
    spacing = info.get("spacing")
    sizes["z"] = _micrometres(float(spacing), unit) if isinstance(spacing, int | float) else None
    labels = info.get("Labels")
    names = tuple(str(label) for label in labels) if isinstance(labels, list | tuple) else ()
    size = _without_print_resolution(PixelSize(**sizes), notes)
    # Slice labels of a stack are not channel names; only a label per channel counts.
    return Stated(names if len(names) == info.get("images", info.get("channels")) else (), size, notes)


def _from_tags(tiff: tifffile.TiffFile) -> Stated:
    """Plain TIFF: dots per inch or centimetre are more often a print setting than a measurement: noted, not used."""
    resolution = _resolution(tiff, "x")
    unit = tiff.pages.first.tags.valueof("ResolutionUnit")
    name = {2: "inch", 3: "centimetre"}.get(int(unit)) if isinstance(unit, int) else None
    if resolution and name:
        return Stated(notes={"resolution_tag": f"{resolution:.6g} pixels per {name}; not taken as the pixel size"})
    return Stated()


def _resolution(tiff: tifffile.TiffFile, axis: str) -> float | None:
    value = tiff.pages.first.tags.valueof(f"{axis.upper()}Resolution")
    if not (isinstance(value, tuple) and len(value) == 2 and value[0] and value[1]):
        return None
    return float(value[0]) / float(value[1])
