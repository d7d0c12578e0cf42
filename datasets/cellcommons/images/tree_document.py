"""The root ``zarr.json`` of our trees: OME-Zarr 0.5 metadata, and under ``cellcommons`` what that has no place for."""

from __future__ import annotations

import math
from typing import Any

from cellcommons.axes import PixelSize
from cellcommons.canonical import canonical_json
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import UNKNOWN_SIZE, ImageData, PlatePosition, Wavelengths
from cellcommons.images.display import Window, channel_colours, hex_colour

VERSION = "0.5"
_KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def image_attributes(facts: ImageData, windows: list[Window], levels: int) -> dict[str, Any]:
    """Attributes of an image's group.

    Args:
        facts: all but the pixels. windows: one a channel. levels: of the pyramid of means.
    """
    omero = {
        "channels": [
            {
                "label": name,
                "color": hex_colour(colour),
                "active": True,
                "window": {"start": w.start, "end": w.end, "min": w.low, "max": w.high},
            }
            for name, colour, w in zip(facts.channels, channel_colours(facts), windows, strict=True)
        ],
        "rdefs": {"model": "color" if len(windows) > 1 else "greyscale"},
    }
    own: dict[str, Any] = {"rgb": facts.rgb, "metadata": facts.metadata}
    if any(light != Wavelengths() for light in facts.wavelengths):
        own["wavelengths_nm"] = [{"excitation": w.excitation, "emission": w.emission} for w in facts.wavelengths]
    if facts.position is not None:
        place = facts.position
        own["position"] = {"plate": place.plate, "row": place.row, "column": place.column, "field": place.field}
    # A mean of 2 x 2 lies half a pixel off the corner it came from; the translation says so.
    scales = _multiscales(facts.axes, facts.pixel_size, facts.seconds_per_frame, levels, centred=True)
    return {"ome": {"version": VERSION, "multiscales": scales, "omero": omero}, "cellcommons": own}


def label_attributes(
    axes: str,
    levels: int,
    pixel_size: PixelSize = UNKNOWN_SIZE,
    seconds_per_frame: float | None = None,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Attributes of a label map's group; ``levels`` of every second pixel."""
    scales = _multiscales(axes, pixel_size, seconds_per_frame, levels, centred=False)
    return {
        "ome": {"version": VERSION, "multiscales": scales, "image-label": {"version": VERSION}},
        "cellcommons": {"metadata": metadata or {}},
    }


def group_document(attributes: dict[str, Any]) -> bytes:
    """The root ``zarr.json``."""
    return canonical_json({"zarr_format": 3, "node_type": "group", "attributes": attributes})


def own_facts(attributes: dict[str, Any], channels: int) -> dict[str, Any]:
    """``rgb``, ``metadata``, ``wavelengths`` and ``position`` from attributes, as ``ImageData`` takes them.

    Whatever is damaged or does not fit ``channels`` is left unknown, as the pixels are sound without it.
    """
    own = attributes.get("cellcommons")
    own = own if isinstance(own, dict) else {}
    metadata, told = own.get("metadata"), own.get("wavelengths_nm")
    light: tuple[Wavelengths, ...] = ()
    position = None
    try:
        if isinstance(told, list) and len(told) == channels:
            light = tuple(Wavelengths(w["excitation"], w["emission"]) for w in told)
        if isinstance(place := own.get("position"), dict):
            position = PlatePosition(place["row"], place["column"], place["field"], str(place["plate"]))
    except (KeyError, TypeError, AttributeError, InvalidDocument):
        pass
    return {
        "rgb": bool(own.get("rgb", False)) and channels == 3,
        "metadata": dict(metadata) if isinstance(metadata, dict) else {},
        "wavelengths": light,
        "position": position,
    }


def scale_facts(multiscales: dict[str, Any], level: int) -> tuple[str, PixelSize, float | None]:
    """(axes, pixel size of ``level``, seconds a frame) of one of our multiscales; only what carries a unit is known.

    Raises:
        KeyError, IndexError, TypeError, ValueError: it is not as the specification says.
    """
    axes = "".join(str(axis["name"]) for axis in multiscales["axes"])
    units = [axis.get("unit") for axis in multiscales["axes"]]
    scale = [float(s) for s in multiscales["datasets"][level]["coordinateTransformations"][0]["scale"]]
    known = {a: (s, u) for a, s, u in zip(axes, scale, units, strict=True) if math.isfinite(s) and s > 0}
    sizes = {a: s for a, (s, u) in known.items() if a in "zyx" and u == "micrometer"}
    seconds = known["t"][0] if known.get("t", (0, None))[1] == "second" else None
    return axes, PixelSize(**sizes), seconds


def _multiscales(
    axes: str, size: PixelSize, seconds: float | None, levels: int, *, centred: bool
) -> list[dict[str, Any]]:
    """The multiscales block. Only what is known carries a unit, so that 1.0 never poses as a measurement."""
    named: list[dict[str, str]] = [{"name": a, "type": _KINDS[a]} for a in axes]
    for axis in named:
        if axis["type"] == "space" and getattr(size, axis["name"]) is not None:
            axis["unit"] = "micrometer"
        if axis["type"] == "time" and seconds is not None:
            axis["unit"] = "second"
    base = [seconds if a == "t" and seconds is not None else s for a, s in zip(axes, size.scale(axes), strict=True)]
    datasets = []
    for level in range(levels):
        factor = 1 << level
        scale = [s * factor if a in "yx" else s for a, s in zip(axes, base, strict=True)]
        transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
        if centred and level:
            shift = [s * (factor - 1) / 2 if a in "yx" else 0.0 for a, s in zip(axes, base, strict=True)]
            transforms.append({"type": "translation", "translation": shift})
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    return [{"axes": named, "datasets": datasets, "type": "mean" if centred else "nearest"}]
