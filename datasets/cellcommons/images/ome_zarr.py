"""Images and label maps as sealed OME-Zarr 0.5 trees (https://ngff.openmicroscopy.org/0.5)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import zarr

from cellcommons.axes import PixelSize
from cellcommons.canonical import canonical_json
from cellcommons.errors import InvalidDocument, NotFound, UnreadableFile
from cellcommons.images.data import UNKNOWN_SIZE, ImageData, Pixels
from cellcommons.images.display import channel_window
from cellcommons.images.lazy import LazyImage, Region, declared
from cellcommons.images.pyramid import mean_levels, nearest_levels
from cellcommons.images.shards import array_metadata, encode_shard, shard_key
from cellcommons.images.tree_document import group_document, image_attributes, label_attributes, own_facts, scale_facts
from cellcommons.images.tree_store import TreeStore
from cellcommons.labels import Labels, as_labels
from cellcommons.store import ObjectStore
from cellcommons.tree import Tree, load_tree, seal_files


def write_image(store: ObjectStore, image: ImageData) -> Tree:
    """Seal ``image`` into ``store``: one shard a level, means of 2 x 2 pixels until a level has at most 256.

    Equal images give equal trees. A tree holds ``zarr.json`` and, for each level ``n``, ``n/zarr.json`` and one shard.
    """
    windows = [channel_window(image, c) for c in range(image.size("c"))]
    levels = mean_levels(image.data)
    return seal_files(store, _files(levels, image.axes, image_attributes(image, windows, len(levels))))


def read_image_tree(store: ObjectStore, digest: str, level: int = 0) -> ImageData:
    """Read one level of an image tree back; ``pixel_size`` is that level's.

    Raises:
        NotFound: no such tree or level.
        DigestMismatch: an object is damaged.
        InvalidDocument: the tree is not an OME-Zarr image, or its axes lack a channel.
    """
    attributes, array, axes, size, seconds = _level(store, digest, level)
    pixels = np.ascontiguousarray(array[...])
    return _described(attributes, pixels, axes, size, seconds)


def open_image_tree(store: ObjectStore, digest: str, level: int = 0) -> LazyImage:
    """One level of an image tree, to be read region by region; bytes of regions are not checked against their sha256.

    Raises:
        NotFound, DigestMismatch, InvalidDocument: as ``read_image_tree``.
    """
    attributes, array, axes, size, seconds = _level(store, digest, level)
    facts = _described(attributes, declared(array.shape, np.dtype(array.dtype)), axes, size, seconds)

    def fetch(region: Region) -> Pixels:
        try:
            return np.asarray(array[region])
        except (ValueError, RuntimeError, OSError) as error:
            raise UnreadableFile(f"the tree's pixels are damaged ({error})", where=digest) from error

    return LazyImage("", facts, fetch, tuple(array.chunks))


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
    return _files(list(levels), axes, label_attributes(axes, len(levels), pixel_size, metadata=metadata))


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
    attributes, array, axes, _, _ = _level(store, digest, 0)
    if "image-label" not in attributes["ome"] or axes not in ("yx", "tyx"):
        raise InvalidDocument("the tree holds no label map with axes yx or tyx", where=digest)
    labels = np.ascontiguousarray(array[...])
    return as_labels(labels, where=digest) if axes == "yx" else labels.astype(np.uint32, copy=False)


def _files(levels: list[Pixels], axes: str, attributes: dict[str, Any]) -> dict[str, bytes]:
    files = {"zarr.json": group_document(attributes)}
    for number, level in enumerate(levels):
        files[f"{number}/zarr.json"] = canonical_json(array_metadata(level.shape, level.dtype, axes))
        files[f"{number}/{shard_key(level.ndim)}"] = encode_shard(level)
    return files


def _described(
    attributes: dict[str, Any], pixels: Pixels, axes: str, size: PixelSize, seconds: float | None
) -> ImageData:
    count = pixels.shape[axes.index("c")] if "c" in axes else 0
    channels = attributes["ome"].get("omero", {}).get("channels", [])
    names = tuple(str(c.get("label", f"channel {i + 1}")) for i, c in enumerate(channels))
    names = names if len(names) == count else tuple(f"channel {i + 1}" for i in range(count))
    return ImageData(pixels, axes, names, size, seconds_per_frame=seconds, **own_facts(attributes, count))


def _level(
    store: ObjectStore, digest: str, level: int
) -> tuple[dict[str, Any], zarr.Array[Any], str, PixelSize, float | None]:
    """(root attributes, array, axes, pixel size, seconds a frame) of one level."""
    reader = TreeStore(store, load_tree(store, digest))
    try:
        attributes = json.loads(reader.read("zarr.json") or b"")["attributes"]
        scales = attributes["ome"]["multiscales"][0]
        datasets = scales["datasets"]
        axes, size, seconds = scale_facts(scales, level if 0 <= level < len(datasets) else 0)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InvalidDocument(f"the tree is not an OME-Zarr 0.5 image ({error!r})", where=digest) from error
    if not 0 <= level < len(datasets):
        raise NotFound(f"the image has levels 0..{len(datasets) - 1}, not {level}", where=digest)
    return attributes, zarr.open_array(reader, path=str(datasets[level]["path"]), mode="r"), axes, size, seconds
