"""GEFF, the Graph Exchange File Format: a lineage as a graph in a zarr group, beside the masks that its nodes name.

Specification: https://liveimagetrackingtools.org/geff (geff-spec 1.3). Written straight into zarr: the package ``geff``
pins numcodecs below what zarr asks for here. A store ``NAME.zarr`` holds the graph ``tracks`` and, as OME-Zarr 0.4
groups, ``segmentation`` (uint32, tyx) and ``image`` (tcyx). zarr format 2, which every reader of GEFF knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, InvalidDocument, NotFound, UnreadableFile
from cellcommons.images.data import ImageData
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.linking.features import measure_cells
from cellcommons.tracks import LabelMovie, Nodes

VERSION = "1.3"
GRAPH, MASKS, IMAGE = "tracks", "segmentation", "image"
_CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class GeffGraph:
    """A graph as it stands in a store; rows are nodes, in the order of the store.

    Attributes:
        ids: of nodes, int64, shape (n,). edges: pairs of ids, earlier first, int64, shape (m, 2).
        props: name -> values, first axis n. metadata: the ``geff`` object of the group.
    """

    ids: NDArray[np.int64] = field(repr=False)
    edges: NDArray[np.int64] = field(repr=False)
    props: dict[str, NDArray[Any]] = field(repr=False)
    metadata: dict[str, Any] = field(repr=False)

    def related(self, kind: str) -> dict[str, Any] | None:
        """The first related object of a type (``labels``, ``image``), if there is any."""
        listed = self.metadata.get("related_objects") or []
        return next((one for one in listed if isinstance(one, dict) and one.get("type") == kind), None)


def write_geff(movie: LabelMovie, path: Path, image: ImageData | None = None) -> None:
    """Write a movie as a new store ``path``; ``image``: its pixels, axes tcyx.

    Nodes carry ``t`` (frame), ``y`` and ``x`` (centroid, pixels), ``area``, ``seg_id`` (the track, which is the value
    of the mask), ``tracklet`` (a path without branches, gaps included) and ``lineage`` (all that has one ancestor).

    Raises:
        InvalidDocument: ``path`` is there already.
    """
    if path.exists():
        raise InvalidDocument("there is something of that name already", where=str(path))
    cells = measure_cells(list(movie.data))
    nodes, edges = movie.nodes(), movie.edges()
    # The table of cells and the lineage's nodes are both in order of frame, then id.
    place = {(frame, cell): row for row, (frame, cell) in enumerate(nodes.tolist())}
    pairs = np.array([(place[a, i], place[b, j]) for a, i, b, j in edges.tolist()], dtype=np.int64).reshape(-1, 2)
    tracklet, lineage = _paths(pairs, len(nodes))
    props: dict[str, NDArray[Any]] = {
        "t": nodes[:, 0].astype(np.uint32),
        "y": cells.y,
        "x": cells.x,
        "area": cells.area.astype(np.uint32),
        "seg_id": nodes[:, 1].astype(np.uint32),
        "tracklet": tracklet,
        "lineage": lineage,
    }
    store = zarr.open_group(path, mode="w-", zarr_format=2)
    graph = store.create_group(GRAPH)
    graph.attrs["geff"] = _metadata(movie, props, image)
    ids = np.arange(1, len(nodes) + 1, dtype=np.uint64)
    _write(graph, "nodes/ids", ids)
    for name, values in props.items():
        _write(graph, f"nodes/props/{name}/values", values)
    _write(graph, "edges/ids", ids[pairs] if len(pairs) else np.zeros((0, 2), dtype=np.uint64))
    graph.require_group("edges/props")
    _write_pixels(store, MASKS, movie.data, "tyx", movie, {"image-label": {"version": "0.4"}})
    if image is not None:
        _write_pixels(store, IMAGE, image.data, image.axes, movie, {})


def read_geff(path: Path) -> GeffGraph:
    """Read a graph: the group ``path``, or the first graph in the store ``path``.

    Raises:
        NotFound: no graph.
        UnreadableFile: not zarr, or damaged.
        InvalidDocument: it breaks the specification: undirected, no ``t``, ids twice, edges to no node.
    """
    group = graph_group(path)
    try:
        metadata: dict[str, Any] = dict(group.attrs.asdict()["geff"])  # type: ignore[arg-type]
        ids, edges = _array(group, "nodes/ids"), _array(group, "edges/ids")
        props = {
            name: _array(group, f"nodes/props/{name}/values") for name in metadata.get("node_props_metadata") or {}
        }
        missing = [name for name in props if f"nodes/props/{name}/missing" in group]
    except CellCommonsError:
        raise
    except Exception as error:  # zarr raises what its codecs and stores do
        raise UnreadableFile(f"the graph cannot be read ({_line(error)})", where=str(path)) from error
    where = f"{path.name}/{group.name.strip('/')}".rstrip("/")
    if metadata.get("directed") is not True:
        raise InvalidDocument("the graph has no direction, so it says nothing of mothers and daughters", where=where)
    if ids.ndim != 1 or ids.dtype.kind not in "ui" or np.unique(ids).size != ids.size:
        raise InvalidDocument("nodes/ids are not whole numbers, each once", where=where)
    if edges.ndim != 2 or edges.shape[1] != 2 or not np.isin(edges, ids).all():
        raise InvalidDocument("edges/ids are not pairs of nodes", where=where)
    short = next((name for name, values in props.items() if len(values) != ids.size), None)
    if short is not None:
        raise InvalidDocument(f"{short} has another length than nodes/ids", where=where)
    needed = [one["name"] for one in metadata.get("axes") or [] if isinstance(one, dict) and "name" in one]
    if "t" not in props or any(name in missing or name not in props for name in needed):
        raise InvalidDocument("an axis (t, y, x) is missing or has missing values", where=where)
    return GeffGraph(ids.astype(np.int64), edges.astype(np.int64), props, metadata)


def graph_group(path: Path) -> zarr.Group:
    """The graph at or just below ``path``. Raises NotFound, UnreadableFile."""
    try:
        store = zarr.open_group(path, mode="r")
        if "geff" in store.attrs:
            return store
        for _, group in sorted(store.groups(), key=lambda found: found[0]):
            if "geff" in group.attrs:
                return group
    except Exception as error:
        raise UnreadableFile(f"it is no zarr store ({_line(error)})", where=str(path)) from error
    raise NotFound("no group of this store holds a GEFF graph", where=str(path))


def read_related(path: Path, group: zarr.Group, said: dict[str, Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    """Pixels of a related object and the attributes of its group (empty for a bare array).

    Raises:
        InvalidDocument: its path leaves the store. NotFound, UnreadableFile, TooLarge: as for images.
    """
    parts: list[str] = [part for part in group.path.split("/") if part]
    for part in str(said.get("path", "")).strip("/").split("/"):
        if part == "..":
            if not parts:
                raise InvalidDocument("a related object lies outside the store", where=str(path))
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    try:
        found = zarr.open_group(path, mode="r")["/".join(parts)]
        attributes: dict[str, Any] = {}
        if isinstance(found, zarr.Group):
            attributes = dict(found.attrs)
            found = found[attributes["multiscales"][0]["datasets"][0]["path"]]
        if not isinstance(found, zarr.Array):
            raise NotFound("a related object is no array", where=f"{path}, {'/'.join(parts)}")
        axes = "tczyx"[-found.ndim :]
        DEFAULT_LIMITS.check_declared(axes, found.shape, found.dtype.itemsize, where=str(path))
        return np.asarray(found[...]), attributes
    except CellCommonsError:
        raise
    except Exception as error:
        raise UnreadableFile(f"{'/'.join(parts)} cannot be read ({_line(error)})", where=str(path)) from error


def _metadata(movie: LabelMovie, props: dict[str, NDArray[Any]], image: ImageData | None) -> dict[str, Any]:
    seconds, size = movie.seconds_per_frame, movie.pixel_size
    time = {"scale": seconds, "scaled_unit": "second"} if seconds else {}
    axes = [{"name": "t", "type": "time", "unit": "frame", **_range(props["t"]), **time}]
    for name, step in (("y", size.y), ("x", size.x)):
        known = {"scale": step, "scaled_unit": "micrometer"} if step else {}
        axes.append({"name": name, "type": "space", "unit": "pixel", **_range(props[name]), **known})
    related = [{"type": "labels", "path": f"../{MASKS}", "node_prop": "seg_id"}]
    if image is not None:
        related.append({"type": "image", "path": f"../{IMAGE}"})
    return {
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
    store: zarr.Group, name: str, data: NDArray[Any], axes: str, movie: LabelMovie, more: dict[str, Any]
) -> None:
    kinds = {
        "t": ("time", "second"),
        "c": ("channel", None),
        "y": ("space", "micrometer"),
        "x": ("space", "micrometer"),
    }
    steps = {"t": movie.seconds_per_frame, "y": movie.pixel_size.y, "x": movie.pixel_size.x}
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


def _array(group: zarr.Group, name: str) -> NDArray[Any]:
    found = group[name]
    if not isinstance(found, zarr.Array):
        raise InvalidDocument(f"{name} is no array", where=str(group.name))
    DEFAULT_LIMITS.check_declared("yx", (max(found.size, 1), 1), found.dtype.itemsize, where=name)
    return np.asarray(found[...])


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]


def spacing(metadata: dict[str, Any]) -> tuple[PixelSize, float | None]:
    """Micrometres a pixel and seconds a frame, where the axes say so."""
    said = {one.get("name"): one for one in metadata.get("axes") or [] if isinstance(one, dict)}

    def step(axis: str, unit: str) -> float | None:
        one = said.get(axis) or {}
        scale = one.get("scale")
        right = one.get("scaled_unit") == unit and isinstance(scale, int | float) and scale > 0
        return float(scale) if right and scale is not None else None

    return PixelSize(step("y", "micrometer"), step("x", "micrometer")), step("t", "second")


def frames_and_ids(graph: GeffGraph, prop: str) -> tuple[Nodes, NDArray[np.int64]]:
    """(frame, value of ``prop``) of every node, shape (n, 2), and the edges as (m, 4) of the same.

    Raises:
        InvalidDocument: no such property, or frames and values that are not whole numbers from 0 and 1.
    """
    for name, least in (("t", 0), (prop, 1)):
        values = graph.props.get(name)
        if values is None or values.ndim != 1 or (values.size and (values < least).any()):
            raise InvalidDocument(f"{name} is no number from {least} of every node", where="nodes/props")
        if values.dtype.kind == "f" and (values != np.rint(values)).any():
            raise InvalidDocument(f"{name} is not a whole number", where="nodes/props")
    nodes = np.column_stack([graph.props["t"], graph.props[prop]]).astype(np.int64)
    order = np.argsort(graph.ids)
    rows = order[np.searchsorted(graph.ids[order], graph.edges)]
    return nodes, np.concatenate([nodes[rows[:, 0]], nodes[rows[:, 1]]], axis=1)
