"""What OME-XML, ImageJ, Aperio and plain TIFF tags say of channels, sizes, times; unknown where they do not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree

import tifffile

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import UNKNOWN_SIZE, PlatePosition, Wavelengths
from cellcommons.images.units import micrometres, seconds

# Print resolutions that software writes when it knows none; in micrometres a pixel.
_PRINT_DPI = (72, 96, 150, 300, 600)
_NANOMETRES = 1000.0


@dataclass(frozen=True)
class Stated:
    """What a TIFF states about one image; ``notes`` joins the image's metadata."""

    channels: tuple[str, ...] = ()
    pixel_size: PixelSize = UNKNOWN_SIZE
    wavelengths: tuple[Wavelengths, ...] = ()
    seconds_per_frame: float | None = None
    position: PlatePosition | None = None
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OmeImage:
    """One image of OME-XML: its name, its declared sizes (``x``, ``y``, ``c``, ``z``, ``t``), and what is stated."""

    name: str
    sizes: dict[str, int]
    stated: Stated


def ome_images(xml: str) -> list[OmeImage]:
    """Every image that OME-XML describes, in its order.

    Sizes are believed or the reading fails; damaged descriptions of channels and units are only noted, as the pixels
    may still be sound.

    Raises:
        xml.etree.ElementTree.ParseError, ValueError: not XML, or a size that is no number.
    """
    root = ElementTree.fromstring(xml)
    places = _places(root)
    images = []
    for image in (element for element in root.iter() if _tag(element) == "Image"):
        for pixels in (element for element in image if _tag(element) == "Pixels"):
            sizes = {a: int(pixels.get(f"Size{a.upper()}", "1")) for a in "xyczt"}
            try:
                stated = replace(_stated(pixels), position=places.get(image.get("ID", "")))
            except ValueError as error:
                said = f"not readable ({error}); channel names and pixel size unknown"
                stated = Stated(notes={"ome_metadata": said})
            images.append(OmeImage(image.get("Name", ""), sizes, stated))
    return images


def stated_by(tiff: tifffile.TiffFile, series: Any) -> Stated:
    """What a TIFF without OME-XML says of one series."""
    if tiff.is_imagej:
        return _from_imagej(tiff)
    if tiff.is_svs:
        return _from_aperio(series.keyframe)
    return _from_tags(tiff)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _number(text: str | None) -> float | None:
    return float(text) if text else None


def _stated(pixels: ElementTree.Element) -> Stated:
    notes: dict[str, Any] = {}
    sizes = {}
    for axis in "xyz":
        value = _number(pixels.get(f"PhysicalSize{axis.upper()}"))
        sizes[axis] = micrometres(value, pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm"))
    names: list[str] = []
    light: list[Wavelengths] = []
    for channel in (c for c in pixels if _tag(c) == "Channel"):
        samples = min(int(channel.get("SamplesPerPixel", "1")), 64)
        name = channel.get("Name") or channel.get("Fluor") or ""
        names += [name] if samples == 1 else [f"{name}:{i}" if name else "" for i in range(samples)]
        light += [Wavelengths(_wave(channel, "Excitation"), _wave(channel, "Emission"))] * samples
    return Stated(
        channels=tuple(names) if any(names) else (),
        pixel_size=_without_print_resolution(PixelSize(**sizes), notes),
        wavelengths=tuple(light),
        seconds_per_frame=seconds(_number(pixels.get("TimeIncrement")), pixels.get("TimeIncrementUnit", "s")),
        notes=notes,
    )


def _wave(channel: ElementTree.Element, kind: str) -> float | None:
    """Nanometres; None for what is no wavelength of light (0 and -1 are written where it is not known)."""
    value = micrometres(_number(channel.get(f"{kind}Wavelength")), channel.get(f"{kind}WavelengthUnit", "nm"))
    nanometres = None if value is None else round(value * _NANOMETRES, 6)
    return nanometres if nanometres and nanometres < 1e5 else None


def _places(root: ElementTree.Element) -> dict[str, PlatePosition]:
    """Image ID -> where on a plate. The order of a well's samples counts its fields."""
    places: dict[str, PlatePosition] = {}
    for plate in (element for element in root.iter() if _tag(element) == "Plate"):
        for well in (element for element in plate if _tag(element) == "Well"):
            samples = [element for element in well if _tag(element) == "WellSample"]
            for number, sample in enumerate(samples, start=1):
                for reference in (element for element in sample if _tag(element) == "ImageRef"):
                    try:
                        place = PlatePosition(
                            _row_letters(int(well.get("Row", ""))),
                            int(well.get("Column", "")) + 1,
                            number,
                            plate.get("Name") or "",
                        )
                    except (ValueError, InvalidDocument):
                        continue
                    places[reference.get("ID", "")] = place
    return places


def _row_letters(row: int) -> str:
    """Row 0 is A, 26 is AA."""
    return chr(65 + row) if 0 <= row < 26 else f"{chr(64 + row // 26)}{chr(65 + row % 26)}" if row < 702 else ""


def _without_print_resolution(size: PixelSize, notes: dict[str, Any]) -> PixelSize:
    if size.x is not None and any(math.isclose(size.x, 25400 / dpi, rel_tol=1e-3) for dpi in _PRINT_DPI):
        notes["pixel_size_ignored"] = f"{size.x:.4g} micrometres is a print resolution, not a measurement"
        return PixelSize(z=size.z)
    return size


def _from_imagej(tiff: tifffile.TiffFile) -> Stated:
    info = tiff.imagej_metadata or {}
    # ImageJ escapes what is not ASCII.
    unit = str(info.get("unit", "")).replace("\\u00B5", "µ")
    notes: dict[str, Any] = {}
    sizes = {axis: micrometres(1 / r, unit) if (r := _resolution(tiff, axis)) else None for axis in "xy"}
    sizes["z"] = micrometres(info.get("spacing"), unit)
    labels = info.get("Labels")
    names = tuple(str(label) for label in labels) if isinstance(labels, list | tuple) else ()
    return Stated(
        # Slice labels of a stack are not channel names; only a label per channel counts.
        channels=names if len(names) == info.get("images", info.get("channels")) else (),
        pixel_size=_without_print_resolution(PixelSize(**sizes), notes),
        seconds_per_frame=seconds(info.get("finterval"), info.get("tunit", "s")),
        notes=notes,
    )


def _from_aperio(page: tifffile.TiffPage) -> Stated:
    """A scanned slide states micrometres a pixel in the description of its full resolution."""
    try:
        said = tifffile.tifffile.svs_description_metadata(page.description)
    except ValueError:
        return Stated()
    size = micrometres(said.get("MPP"), "um")
    return Stated(pixel_size=PixelSize(y=size, x=size))


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
