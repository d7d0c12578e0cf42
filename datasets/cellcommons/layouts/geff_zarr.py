"""Reading GEFF, the Graph Exchange File Format: a lineage as a graph in a zarr group, beside the masks of its nodes.

Specification: https://liveimagetrackingtools.org/geff (geff-spec 1.3). Written straight into zarr: the package ``geff``
pins numcodecs below what zarr asks for here. A store ``NAME.zarr`` holds the graph ``tracks`` and, as OME-Zarr 0.4
groups, ``segmentation`` (uint32, tyx; not where nodes are spots) and ``image`` (tcyx). zarr format 2, which every
reader of GEFF knows. ``geff_writing`` writes such stores.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, InvalidDocument, NotFound, UnreadableFile
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.tracks import Nodes

VERSION = "1.3"
GRAPH, MASKS, IMAGE = "tracks", "segmentation", "image"
TRACK = "track"
"""Of a spot written here, the number of its track."""
_LAST_FRAME = 1 << 31
# Lengths in pixels, or in micrometres a unit, as the specification names them.
_PIXELS = (None, "", "pixel", "pixels", "px")
_MICROMETRES = {"micrometer": 1.0, "micrometre": 1.0, "micron": 1.0, "um": 1.0, "nanometer": 1e-3, "millimeter": 1e3}


@dataclass(frozen=True, eq=False)
class GeffGraph:
    """A graph as it stands in a store; rows are nodes, in the order of the store.

    Attributes:
        ids: of nodes, int64, shape (n,). edges: pairs of ids, earlier first, int64, shape (m, 2).
        props: name -> numbers, first axis n; ``t`` is the time whatever the store calls it. Values that a store says
            are missing are NaN.
        space: names of the axes of space, x last. metadata: the ``geff`` object of the group.
    """

    ids: NDArray[np.int64] = field(repr=False)
    edges: NDArray[np.int64] = field(repr=False)
    props: dict[str, NDArray[Any]] = field(repr=False)
    metadata: dict[str, Any] = field(repr=False)
    space: tuple[str, ...] = ("y", "x")

    def related(self, kind: str) -> dict[str, Any] | None:
        """The first related object of a type (``labels``, ``image``), if there is any."""
        listed = self.metadata.get("related_objects") or []
        return next((one for one in listed if isinstance(one, dict) and one.get("type") == kind), None)


def read_geff(path: Path) -> GeffGraph:
    """Read a graph: the group ``path``, or the first graph in the store ``path``.

    Raises:
        NotFound: no graph.
        UnreadableFile: not zarr, or damaged.
        InvalidDocument: it breaks the specification: undirected, no ``t``, ids twice, edges to no node.
    """
    group = graph_group(path)
    where = f"{path.name}/{group.name.strip('/')}".rstrip("/")
    try:
        said = group.attrs.asdict()["geff"]
        metadata: dict[str, Any] = dict(said) if isinstance(said, dict) else {}
        ids, edges = _array(group, "nodes/ids"), _array(group, "edges/ids")
        props, missing = _props(group, metadata)
    except CellCommonsError:
        raise
    except Exception as error:  # zarr raises what its codecs and stores do
        raise UnreadableFile(f"the graph cannot be read ({_line(error)})", where=str(path)) from error
    if metadata.get("directed") is not True:
        raise InvalidDocument("the graph has no direction, so it says nothing of mothers and daughters", where=where)
    if ids.ndim != 1 or ids.dtype.kind not in "ui" or np.unique(ids).size != ids.size:
        raise InvalidDocument("nodes/ids are not whole numbers, each once", where=where)
    if edges.ndim != 2 or edges.shape[1] != 2 or not np.isin(edges, ids).all():
        raise InvalidDocument("edges/ids are not pairs of nodes", where=where)
    short = next((name for name, values in props.items() if len(values) != ids.size), None)
    if short is not None:
        raise InvalidDocument(f"{short} has another length than nodes/ids", where=where)
    time, space = _axes(metadata)
    if any(name in missing or name not in props or props[name].ndim != 1 for name in (time, *space)):
        raise InvalidDocument("an axis (t, y, x) is missing or has missing values", where=where)
    props["t"] = props[time]
    return GeffGraph(ids.astype(np.int64), edges.astype(np.int64), props, metadata, space)


def _props(group: zarr.Group, metadata: dict[str, Any]) -> tuple[dict[str, NDArray[Any]], set[str]]:
    """Properties that are numbers, one or more of each node, and the names of those that some node lacks."""
    props, missing = {}, set()
    for name in metadata.get("node_props_metadata") or {}:
        if not isinstance(name, str) or f"nodes/props/{name}/values" not in group:
            continue
        found = group[f"nodes/props/{name}/values"]
        if not isinstance(found, zarr.Array) or found.dtype.kind not in "buif" or f"nodes/props/{name}/data" in group:
            continue  # text, or values of various length: nothing that is needed here
        values = _array(group, f"nodes/props/{name}/values")
        if f"nodes/props/{name}/missing" in group:
            lacking = _array(group, f"nodes/props/{name}/missing").astype(np.bool_)
            if lacking.shape == values.shape[:1] and lacking.any():
                missing.add(name)
                values = values.astype(np.float64)
                values[lacking] = np.nan
        props[name] = values
    return props, missing


def _axes(metadata: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Names of the properties that are time and space."""
    listed = [one for one in metadata.get("axes") or [] if isinstance(one, dict) and isinstance(one.get("name"), str)]
    times = [one["name"] for one in listed if one.get("type") == "time" or one["name"] == "t"]
    space = [one["name"] for one in listed if one.get("type") == "space" or one["name"] in ("z", "y", "x")]
    if listed and not (len(times) == 1 and len(space) in (2, 3)):
        raise InvalidDocument("an axis is missing: one of time and two or three of space are needed")
    return (times[0], tuple(space)) if listed else ("t", ("y", "x"))


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
    time, space = _axes(metadata)
    said = {one.get("name"): one for one in metadata.get("axes") or [] if isinstance(one, dict)}

    def step(axis: str, units: tuple[str, ...]) -> float | None:
        one = said.get(axis) or {}
        scale = one.get("scale")
        right = one.get("scaled_unit") in units and isinstance(scale, int | float) and 0 < scale < np.inf
        return float(scale) if right and scale is not None else None

    sizes = [step(axis, ("micrometer", "micrometre", "micron", "um")) for axis in space]
    z, y, x = sizes if len(sizes) == 3 else (None, *sizes)
    return PixelSize(y, x, z), step(time, ("second", "seconds", "s"))


def image_spacing(attributes: dict[str, Any]) -> tuple[PixelSize, float | None]:
    """Micrometres a pixel and seconds a frame as the OME-Zarr attributes of an image say; unknown where they do not."""
    try:
        scales = attributes["multiscales"][0]
        steps = scales["datasets"][0]["coordinateTransformations"][0]["scale"]
        units = {one["name"]: (one.get("unit"), float(step)) for one, step in zip(scales["axes"], steps, strict=True)}
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return PixelSize(), None

    def step(axis: str, units_of: dict[str, float]) -> float | None:
        unit, value = units.get(axis, (None, 0.0))
        return value * units_of[unit] if unit in units_of and 0 < value < np.inf else None

    z, y, x = (step(axis, _MICROMETRES) for axis in "zyx")
    return PixelSize(y, x, z), step("t", {"second": 1.0, "minute": 60.0, "millisecond": 1e-3})


def pixel_positions(graph: GeffGraph, size: PixelSize, *, where: str) -> NDArray[np.float64]:
    """Positions in pixels, float64, (n, 2) or (n, 3), z first; ``size`` of a pixel where they are lengths.

    Raises:
        InvalidDocument: lengths, and nothing says how large a pixel is; or a unit that is none of length.
    """
    said = {one.get("name"): one for one in graph.metadata.get("axes") or [] if isinstance(one, dict)}
    columns = []
    for axis, step in zip(graph.space, (size.z, size.y, size.x)[-len(graph.space) :], strict=True):
        unit, values = (said.get(axis) or {}).get("unit"), graph.props[axis].astype(np.float64)
        if unit not in _PIXELS:
            if unit not in _MICROMETRES or step is None:
                raise InvalidDocument(
                    f"positions along {axis} are in {unit!r}, and nothing says how large a pixel is",
                    where=where,
                    remedy="Store the image with its pixel size in the same zarr, or positions in pixels.",
                )
            values = values * _MICROMETRES[unit] / step
        columns.append(values)
    return np.stack(columns, axis=1)


def frames_and_ids(graph: GeffGraph, prop: str) -> tuple[Nodes, NDArray[np.int64]]:
    """(frame, value of ``prop``) of every node, shape (n, 2), and the edges as (m, 4) of the same.

    Raises:
        InvalidDocument: no such property, or frames and values that are not whole numbers from 0 and 1.
    """
    for name, least in (("t", 0), (prop, 1)):
        values = graph.props.get(name)
        if name == "t" and values is not None and values.size and not (values < _LAST_FRAME).all():
            raise InvalidDocument("a frame beyond 2^31, or none at all", where="nodes/props")
        if values is None or values.ndim != 1 or (values.size and (values < least).any()):
            raise InvalidDocument(f"{name} is no number from {least} of every node", where="nodes/props")
        if values.dtype.kind == "f" and (values != np.rint(values)).any():
            raise InvalidDocument(f"{name} is not a whole number", where="nodes/props")
    nodes = np.column_stack([graph.props["t"], graph.props[prop]]).astype(np.int64)
    order = np.argsort(graph.ids)
    rows = order[np.searchsorted(graph.ids[order], graph.edges)]
    return nodes, np.concatenate([nodes[rows[:, 0]], nodes[rows[:, 1]]], axis=1)
