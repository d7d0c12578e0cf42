"""Writing GEFF, the Graph Exchange File Format: see ``geff_zarr`` for what a store holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.layouts.geff_zarr import GRAPH, IMAGE, MASKS, TRACK, VERSION
from cellcommons.linking.features import measure_cells
from cellcommons.points import PointTracks
from cellcommons.tracks import LabelMovie

_CHUNK = 1 << 16
_RADIUS = "radius"


def write_geff(truth: LabelMovie | PointTracks, path: Path, image: ImageData | None = None) -> None:
    """Write tracks as a new store ``path``; ``image``: its pixels, axes tcyx (tczyx for spots in volumes).

    Nodes carry ``t`` (frame), ``y`` and ``x`` (pixels; of a cell its centroid), ``tracklet`` (a path without branches,
    gaps included) and ``lineage`` (all that has one ancestor). A cell also has ``area`` and ``seg_id`` (the track,
    which is the value of the mask); a spot has ``track``, ``z`` in a volume, and ``radius`` where that is known.

    Raises:
        InvalidDocument: ``path`` is there already.
    """
    if path.exists():
        raise InvalidDocument("there is something of that name already", where=str(path))
    nodes, edges = truth.lineage.nodes(), truth.lineage.edges()
    props = _cells(truth) if isinstance(truth, LabelMovie) else _spots(truth)
    missing: dict[str, NDArray[np.bool_]] = {}
    if _RADIUS in props:
        unknown = np.isnan(props[_RADIUS])
        props[_RADIUS] = np.where(unknown, 0.0, props[_RADIUS])
        missing = {_RADIUS: unknown} if unknown.any() else {}
    place = {(frame, cell): row for row, (frame, cell) in enumerate(nodes.tolist())}
    pairs = np.array([(place[a, i], place[b, j]) for a, i, b, j in edges.tolist()], dtype=np.int64).reshape(-1, 2)
    props["tracklet"], props["lineage"] = _paths(pairs, len(nodes))
    store = zarr.open_group(path, mode="w-", zarr_format=2)
    graph = store.create_group(GRAPH)
    graph.attrs["geff"] = _metadata(truth, props, image)
    ids = np.arange(1, len(nodes) + 1, dtype=np.uint64)
    _write(graph, "nodes/ids", ids)
    for name, values in props.items():
        _write(graph, f"nodes/props/{name}/values", values)
        if name in missing:
            _write(graph, f"nodes/props/{name}/missing", missing[name])
    _write(graph, "edges/ids", ids[pairs] if len(pairs) else np.zeros((0, 2), dtype=np.uint64))
    graph.require_group("edges/props")
    if isinstance(truth, LabelMovie):
        _write_pixels(store, MASKS, truth.data, "tyx", truth, {"image-label": {"version": "0.4"}})
    if image is not None:
        names = {"omero": {"channels": [{"label": name} for name in image.channels]}}
        _write_pixels(store, IMAGE, image.data, image.axes, truth, names)


def _cells(movie: LabelMovie) -> dict[str, NDArray[Any]]:
    # The table of cells and the lineage's nodes are both in order of frame, then id.
    cells, nodes = measure_cells(list(movie.data)), movie.nodes()
    return {
        "t": nodes[:, 0].astype(np.uint32),
        "y": cells.y,
        "x": cells.x,
        "area": cells.area.astype(np.uint32),
        "seg_id": nodes[:, 1].astype(np.uint32),
    }


def _spots(points: PointTracks) -> dict[str, NDArray[Any]]:
    nodes, axes = points.lineage.nodes(), "zyx"[-points.positions.shape[1] :]
    props: dict[str, NDArray[Any]] = {"t": nodes[:, 0].astype(np.uint32)}
    props |= {axis: np.ascontiguousarray(points.positions[:, column]) for column, axis in enumerate(axes)}
    if not np.isnan(points.radii).all():
        props[_RADIUS] = points.radii
    return {**props, TRACK: nodes[:, 1].astype(np.uint32)}


def _metadata(
    truth: LabelMovie | PointTracks, props: dict[str, NDArray[Any]], image: ImageData | None
) -> dict[str, Any]:
    seconds, size = truth.seconds_per_frame, truth.pixel_size
    time = {"scale": seconds, "scaled_unit": "second"} if seconds else {}
    axes = [{"name": "t", "type": "time", "unit": "frame", **_range(props["t"]), **time}]
    for name, step in (("z", size.z), ("y", size.y), ("x", size.x)):
        if name not in props:
            continue
        known = {"scale": step, "scaled_unit": "micrometer"} if step else {}
        axes.append({"name": name, "type": "space", "unit": "pixel", **_range(props[name]), **known})
    related = []
    if isinstance(truth, LabelMovie):
        related.append({"type": "labels", "path": f"../{MASKS}", "node_prop": "seg_id"})
    if image is not None:
        related.append({"type": "image", "path": f"../{IMAGE}"})
    return {
        **({"sphere": _RADIUS} if _RADIUS in props else {}),
        "geff_version": VERSION,
        "directed": True,
        "axes": axes,
        "node_props_metadata": {
            name: {"identifier": name, "dtype": values.dtype.name, "varlength": False} for name, values in props.items()
        },
        "edge_props_metadata": {},
        "track_node_props": {"tracklet": "tracklet", "lineage": "lineage"},
        "related_objects": related,
        "display_hints": {"display_horizontal": "x", "display_vertical": "y", "display_time": "t"},
        "extra": {"software": "cellcommons"},
    }


def _range(values: NDArray[Any]) -> dict[str, float]:
    return {"min": float(values.min()), "max": float(values.max())} if values.size else {}


def _paths(pairs: NDArray[np.int64], n: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Of each node: its path without branches, and its connected component; both from 1."""
    single = np.bincount(pairs[:, 0], minlength=n)[pairs[:, 0]] == 1

    def named(edges: NDArray[np.int64]) -> NDArray[np.uint32]:
        joined = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
        return np.asarray(connected_components(joined, directed=False)[1] + 1, dtype=np.uint32)

    if not n:
        return np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.uint32)
    return named(pairs[single]), named(pairs)


def _write(group: zarr.Group, name: str, values: NDArray[Any]) -> None:
    chunks = (max(1, min(len(values), _CHUNK)), *values.shape[1:])
    array = group.create_array(name, shape=values.shape, dtype=values.dtype, chunks=chunks)
    if values.size:
        array[...] = values


def _write_pixels(
    store: zarr.Group,
    name: str,
    data: NDArray[Any],
    axes: str,
    truth: LabelMovie | PointTracks,
    more: dict[str, Any],
) -> None:
    kinds = {
        "t": ("time", "second"),
        "c": ("channel", None),
        "z": ("space", "micrometer"),
        "y": ("space", "micrometer"),
        "x": ("space", "micrometer"),
    }
    size = truth.pixel_size
    steps = {"t": truth.seconds_per_frame, "z": size.z, "y": size.y, "x": size.x}
    listed = []
    for axis in axes:
        kind, unit = kinds[axis]
        listed.append({"name": axis, "type": kind, **({"unit": unit} if unit and steps.get(axis) else {})})
    scale = [{"type": "scale", "scale": [steps.get(axis) or 1.0 for axis in axes]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group = store.create_group(name)
    scales: list[Any] = [{"version": "0.4", "axes": listed, "datasets": datasets}]
    group.attrs["multiscales"] = scales
    for key, value in more.items():
        group.attrs[key] = value
    array = group.create_array("0", shape=data.shape, dtype=data.dtype, chunks=(1,) * (data.ndim - 2) + data.shape[-2:])
    array[...] = data
