"""Images and label maps as sealed OME-Zarr 0.5 trees (https://ngff.openmicroscopy.org/0.5)."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import zarr

from cellcommons.axes import PixelSize
from cellcommons.canonical import canonical_json
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.images.data import UNKNOWN_SIZE, ImageData, Pixels
from cellcommons.images.display import channel_colours, channel_window, hex_colour
from cellcommons.images.pyramid import mean_levels, nearest_levels
from cellcommons.images.shards import array_metadata, encode_shard, shard_key
from cellcommons.images.tree_store import TreeStore
from cellcommons.labels import Labels, as_labels
from cellcommons.store import ObjectStore
from cellcommons.tree import Tree, load_tree, seal_files

VERSION = "0.5"
_KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def write_image(store: ObjectStore, image: ImageData) -> Tree:
    """Seal ``image`` into ``store``: one shard a level, means of 2 x 2 pixels until a level has at most 256.

    Equal images give equal trees. A tree holds ``zarr.json`` and, for each level ``n``, ``n/zarr.json`` and one shard.
    """
    windows = [channel_window(image, c) for c in range(image.size("c"))]
    omero = {
        "channels": [
            {
                "label": name,
                "color": hex_colour(colour),
                "active": True,
                "window": {"start": w.start, "end": w.end, "min": w.low, "max": w.high},
            }
            for name, colour, w in zip(image.channels, channel_colours(image), windows, strict=True)
        ],
        "rdefs": {"model": "color" if len(windows) > 1 else "greyscale"},
    }
    levels = mean_levels(image.data)
    # A mean of 2 x 2 lies half a pixel off the corner it came from; the translation says so.
    multiscales = _multiscales(image.axes, image.pixel_size, len(levels), centred=True)
    attributes = {
        "ome": {"version": VERSION, "multiscales": multiscales, "omero": omero},
        "cellcommons": {"rgb": image.rgb, "metadata": image.metadata},
    }
    return _seal(store, levels, image.axes, attributes)


def read_image_tree(store: ObjectStore, digest: str, level: int = 0) -> ImageData:
    """Read one level of an image tree back; ``pixel_size`` is that level's.

    Raises:
        NotFound: no such tree or level.
        DigestMismatch: an object is damaged.
        InvalidDocument: the tree is not an OME-Zarr image, or its axes lack a channel.
    """
    attributes, array, axes, size = _read_level(store, digest, level)
    channels = attributes["ome"].get("omero", {}).get("channels", [])
    own = attributes.get("cellcommons", {})
    count = array.shape[axes.index("c")] if "c" in axes else 0
    names = tuple(str(c.get("label", f"channel {i + 1}")) for i, c in enumerate(channels))
    return ImageData(
        array,
        axes,
        names if len(names) == count else tuple(f"channel {i + 1}" for i in range(count)),
        size,
        rgb=bool(own.get("rgb", False)),
        metadata=dict(own.get("metadata", {})),
    )


def write_labels(
    store: ObjectStore, labels: Labels, pixel_size: PixelSize = UNKNOWN_SIZE, *, metadata: dict[str, Any] | None = None
) -> Tree:
    """Seal a label map (uint32, yx) as a tree of its own, so that relabelling moves no pixels.

    Raises:
        InvalidDocument: ``labels`` is not a 2-D map of ids that fit uint32.
    """
    return seal_files(store, label_files(as_labels(labels), pixel_size, metadata=metadata))


def label_files(
    labels: Labels, pixel_size: PixelSize = UNKNOWN_SIZE, *, metadata: dict[str, Any] | None = None
) -> dict[str, bytes]:
    """The files of a label tree: path -> bytes.

    Args:
        labels: uint32, axes yx, or tyx for the masks of a movie.

    Raises:
        InvalidDocument: other axes, or no pixels.
    """
    if labels.ndim not in (2, 3) or 0 in labels.shape or labels.dtype != np.uint32:
        raise InvalidDocument(f"a label map of {labels.dtype} and shape {labels.shape} cannot be kept")
    axes = "tyx"[-labels.ndim :]
    levels = nearest_levels(labels)
    attributes = {
        "ome": {
            "version": VERSION,
            "multiscales": _multiscales(axes, pixel_size, len(levels), centred=False),
            "image-label": {"version": VERSION},
        },
        "cellcommons": {"metadata": metadata or {}},
    }
    return _files(list(levels), axes, attributes)


def read_labels(store: ObjectStore, digest: str) -> Labels:
    """Read a label tree's full resolution: uint32, yx.

    Raises:
        NotFound, DigestMismatch: as for images.
        InvalidDocument: the tree holds no label map.
    """
    labels = read_label_stack(store, digest)
    if labels.ndim != 2:
        raise InvalidDocument("the tree holds no label map with axes yx", where=digest)
    return labels


def read_label_stack(store: ObjectStore, digest: str) -> Labels:
    """Read a label tree's full resolution: uint32, yx, or tyx for the masks of a movie. Raises as ``read_labels``."""
    attributes, array, axes, _ = _read_level(store, digest, 0)
    if "image-label" not in attributes["ome"] or axes not in ("yx", "tyx"):
        raise InvalidDocument("the tree holds no label map with axes yx or tyx", where=digest)
    return as_labels(array, where=digest) if axes == "yx" else np.ascontiguousarray(array, dtype=np.uint32)


def _seal(store: ObjectStore, levels: list[Pixels], axes: str, attributes: dict[str, Any]) -> Tree:
    return seal_files(store, _files(levels, axes, attributes))


def _files(levels: list[Pixels], axes: str, attributes: dict[str, Any]) -> dict[str, bytes]:
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    files = {"zarr.json": canonical_json(group)}
    for number, level in enumerate(levels):
        files[f"{number}/zarr.json"] = canonical_json(array_metadata(level.shape, level.dtype, axes))
        files[f"{number}/{shard_key(level.ndim)}"] = encode_shard(level)
    return files


def _multiscales(axes: str, size: PixelSize, levels: int, *, centred: bool) -> list[dict[str, Any]]:
    """The multiscales block. Only a known size carries a unit, so that 1.0 never poses as a measurement."""
    named: list[dict[str, str]] = [{"name": a, "type": _KINDS[a]} for a in axes]
    for axis in named:
        if axis["type"] == "space" and getattr(size, axis["name"]) is not None:
            axis["unit"] = "micrometer"
    base = size.scale(axes)
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


def _read_level(store: ObjectStore, digest: str, level: int) -> tuple[dict[str, Any], Pixels, str, PixelSize]:
    """(root attributes, array, axes, pixel size) of one level."""
    tree = load_tree(store, digest)
    reader = TreeStore(store, tree)
    try:
        attributes = json.loads(reader.read("zarr.json") or b"")["attributes"]
        scales = attributes["ome"]["multiscales"][0]
        axes = "".join(str(axis["name"]) for axis in scales["axes"])
        units = [axis.get("unit") for axis in scales["axes"]]
        datasets = scales["datasets"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InvalidDocument(f"the tree is not an OME-Zarr 0.5 image ({error!r})", where=digest) from error
    if not 0 <= level < len(datasets):
        raise NotFound(f"the image has levels 0..{len(datasets) - 1}, not {level}", where=digest)
    known = {
        a: float(s)
        for a, s, unit in zip(axes, datasets[level]["coordinateTransformations"][0]["scale"], units, strict=True)
        if unit == "micrometer" and math.isfinite(float(s))
    }
    size = PixelSize(**{a: known.get(a) for a in "yxz"})
    array = zarr.open_array(reader, path=str(datasets[level]["path"]), mode="r", zarr_format=3)
    return attributes, np.ascontiguousarray(array[...]), axes, size
