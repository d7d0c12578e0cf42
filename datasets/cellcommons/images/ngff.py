"""What OME-Zarr metadata (https://ngff.openmicroscopy.org, versions 0.1 to 0.5) says of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cellcommons.axes import ORDER, PixelSize
from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.channel_names import named_channels
from cellcommons.images.units import micrometres, seconds

_AGAIN = "Export the folder again with a current writer of OME-Zarr."
_TYPES = {"time": "t", "channel": "c"}


@dataclass(frozen=True)
class Multiscale:
    """One image at several resolutions.

    Attributes:
        letters: one a dimension, out of ``tczyx``, in the file's order.
        paths: of the arrays, the finest first.
        pixel_size, seconds_per_frame: of the finest; None where no unit says what the scale means.
        notes: for the image's metadata.
    """

    letters: str
    paths: tuple[str, ...]
    pixel_size: PixelSize
    seconds_per_frame: float | None
    notes: dict[str, Any]


def ome_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes that OME-Zarr defines: under ``ome`` from version 0.5 on, at the top before."""
    inner = attributes.get("ome")
    return inner if isinstance(inner, dict) else attributes


def multiscale_of(attributes: dict[str, Any], *, where: str) -> Multiscale:
    """The first multiscale image of a group's attributes.

    Raises:
        UnreadableFile: the metadata lacks what the specification requires. WrongFormat: axes that no image here has.
    """
    try:
        entries = ome_attributes(attributes)["multiscales"]
        entry = entries[0]
        datasets = [(str(d["path"]), d.get("coordinateTransformations") or []) for d in entry["datasets"]]
        if not datasets:
            raise ValueError("it lists no array")
        letters, units = _axes(entry.get("axes"), where)
        scale = [1.0] * len(letters)
        for transforms in (datasets[0][1], entry.get("coordinateTransformations") or []):
            for step in transforms:
                if step["type"] == "scale" and "scale" in step:
                    scale = [a * float(b) for a, b in zip(scale, step["scale"], strict=True)]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableFile(f"its OME-Zarr metadata is damaged ({error!r})", where=where, remedy=_AGAIN) from error
    sizes = {a: micrometres(s, u) for a, s, u in zip(letters, scale, units, strict=True) if a in "zyx"}
    interval = next((seconds(s, u) for a, s, u in zip(letters, scale, units, strict=True) if a == "t"), None)
    notes: dict[str, Any] = {}
    unsized = [a for a, s in zip(letters, scale, strict=True) if a in sizes and sizes[a] is None and s != 1]
    if unsized:
        notes["scale_without_unit"] = {a: s for a, s in zip(letters, scale, strict=True) if a in unsized}
    if len(entries) > 1:
        notes["multiscales_read"] = f"the first of {len(entries)}"
    if len(datasets) > 1:
        notes["pyramid_levels"] = len(datasets)
    return Multiscale(letters, tuple(path for path, _ in datasets), PixelSize(**sizes), interval, notes)


def _axes(found: Any, where: str) -> tuple[str, list[object]]:
    """(letter, unit) of each axis. Versions 0.1 and 0.2 had no axes: always tczyx; 0.3 had bare names."""
    if found is None:
        return ORDER, [None] * 5
    axes = [a if isinstance(a, dict) else {"name": str(a)} for a in found]
    names = [str(axis["name"]).strip().lower() for axis in axes]
    letters = [
        _TYPES.get(str(axis.get("type"))) or (name if name in tuple(ORDER) else "")
        for axis, name in zip(axes, names, strict=True)
    ]
    space = [i for i, axis in enumerate(axes) if axis.get("type") == "space"]
    if any(letters[i] not in ("z", "y", "x") for i in space) and len(space) in (2, 3):
        for place, letter in zip(space, "zyx"[-len(space) :], strict=True):
            letters[place] = letter
    if "" in letters or len(set(letters)) != len(letters) or not {"y", "x"} <= set(letters):
        raise WrongFormat(
            f"its axes {', '.join(names)[:200]} are not time, channel and space",
            where=where,
            remedy="Give each axis the type time, channel or space.",
        )
    return "".join(letters), [axis.get("unit") for axis in axes]


def channel_facts(attributes: dict[str, Any], count: int) -> tuple[tuple[str, ...], dict[str, Any]]:
    """(names of ``count`` channels, notes) from ``omero``."""
    omero = ome_attributes(attributes).get("omero")
    listed = omero.get("channels") if isinstance(omero, dict) else None
    channels = [c if isinstance(c, dict) else {} for c in listed] if isinstance(listed, list) else []
    notes: dict[str, Any] = {}
    if channels and len(channels) != count:
        notes["omero_ignored"] = f"it describes {len(channels)} channels, the array holds {count}"
        channels = []
    colours = [str(c.get("color", ""))[:8].lstrip("#").upper() for c in channels]
    if any(colours):
        notes["channel_colours"] = colours
    return named_channels([str(c.get("label") or "") for c in channels], count), notes
