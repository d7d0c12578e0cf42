"""GEFF stores: ``NAME.zarr`` with a graph of tracks, the masks that its nodes name, and the image they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.geff_writing import write_geff
from cellcommons.layouts.geff_zarr import (
    TRACK,
    GeffGraph,
    frames_and_ids,
    graph_group,
    image_spacing,
    pixel_positions,
    read_geff,
    read_related,
    spacing,
)
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.linked import lineage_as_named, lineage_from_edges, relabelled
from cellcommons.points import PointTracks
from cellcommons.tracks import LabelMovie, Lineage, Movie, Track, movie_nodes, sorted_nodes


class Geff:
    """Lineages in the Graph Exchange File Format (see ``geff_zarr``), each store one movie and a source of its own.

    With masks in the store, what it links are cells (``LabelMovie``), else spots (``PointTracks``). A store without an
    image is labels alone.
    """

    name = "geff"
    title = "GEFF (NAME.zarr with a graph of tracks, masks and image)"
    task = "tracking"
    carries = Carries(
        truths=(LabelMovie, PointTracks),
        unlabelled=False,
        axes=("tcyx",),
        modes=("gray", "stains"),
        features=features(
            "source",
            "stratum",
            "split",
            "pixel_size",
            "channel_names",
            "seconds_per_frame",
            "thin_axes",
            "ids",
            "outlines",
            "holes",
            "pieces",
            "divisions",
            "gaps",
            "radii",
            "subpixel",
        ),
        note="zarr 2, specification 1.3; masks where cells have outlines, else spots",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        found = sum(_holds_graph(store) for store in _stores(path))
        return (0.95, f"{found} stores with a GEFF graph") if found else (0.0, "no .zarr store with a GEFF graph")

    def scan(self, path: Path) -> Scan:
        stores = _stores(path)
        if not stores:
            raise UnknownLayout("no .zarr store here, so this is not the geff layout", where=str(path))
        tables = read_tables(path if path.suffix != ".zarr" else path.parent)
        entries, skipped = [], []
        for store in stores:
            try:
                graph = read_geff(store)
            except CellCommonsError as error:
                skipped.append(Skipped(store, error.line()))
                continue
            metadata = {
                "source_known": True,
                "nodes": len(graph.ids),
                "masks": graph.related("labels") is not None,
                "image": graph.related("image") is not None,
            }
            entry = Entry(store.stem, (_largest_file(store), store), store.stem, "", metadata)
            entries.append(tables.applied(entry))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        path = entry.paths[-1]
        graph, group = read_geff(path), graph_group(path)
        labels, picture = graph.related("labels"), graph.related("image")
        image = None
        size, seconds = spacing(graph.metadata)
        if picture is not None:
            pixels, attributes = read_related(path, group, picture)
            image = _as_image(pixels, attributes, size, seconds, entry.name)
            size = size if size.known else image.pixel_size
        truth: LabelMovie | PointTracks
        if labels is not None:
            masks, _ = read_related(path, group, labels)
            truth = geff_movie(graph, _as_masks(masks, entry.name), where=entry.name)
            if image is not None and (image.axes != "tcyx" or (image.size("t"), *image.shape_yx) != truth.data.shape):
                raise MismatchedShapes(
                    f"an image {image.axes} of {image.data.shape}, masks of {truth.data.shape}", where=entry.name
                )
        else:
            truth = geff_points(graph, size, where=entry.name)
            last = max((track.end for track in truth.lineage.tracks), default=0)
            if image is not None and last >= image.size("t"):
                raise MismatchedShapes(f"a spot in frame {last} of {image.size('t')} frames", where=entry.name)
        return Record(entry, image, truth, entry.paths[0], (path,))

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write label movies or spots as stores ``NAME.zarr``, each with its masks, if it has any, and its image.

        Raises:
            InvalidDocument: a store that is there already.
        """
        entries: list[Entry] = []
        for record in records:
            assert isinstance(record.truth, LabelMovie | PointTracks)  # as ``carries`` says
            write_geff(record.truth, folder / f"{record.entry.name}.zarr", record.image)
            entries.append(record.entry)
        write_tables(folder, entries)


def geff_points(graph: GeffGraph, size: PixelSize, *, where: str = "") -> PointTracks:
    """The graph's nodes as spots, in pixels. Tracks keep the numbers they have under ``track``, where links agree.

    Args:
        size: of a pixel, where positions are lengths.

    Raises:
        InvalidDocument: positions that are no numbers or lengths of unknown pixels, two parents, or a link that does
            not lead forward in time.
    """
    order = np.argsort(graph.ids)
    numbered = replace(graph, props={**graph.props, "": np.empty(len(graph.ids), dtype=np.int64)})
    numbered.props[""][order] = np.arange(1, len(graph.ids) + 1)  # ids may be beyond 32 bits
    nodes, edges = frames_and_ids(numbered, "")
    rows = np.lexsort((nodes[:, 1], nodes[:, 0]))
    lineage, track = None, np.zeros(0, dtype=np.int64)
    names = graph.props.get(TRACK)
    if names is not None and names.ndim == 1 and names.dtype.kind in "ui":
        track = names[rows].astype(np.int64)
        lineage = lineage_as_named(nodes, edges, track)
    if lineage is None:
        lineage, track = lineage_from_edges(nodes, edges)
    seen = nodes[rows]
    rows = rows[np.lexsort((track, seen[:, 0]))]
    radii = graph.props.get(str(graph.metadata.get("sphere") or ""))
    known = radii is not None and radii.ndim == 1
    said, seconds = spacing(graph.metadata)
    return PointTracks(
        positions=np.ascontiguousarray(pixel_positions(graph, size, where=where)[rows]),
        radii=np.asarray(radii, dtype=np.float64)[rows] if known else np.full(len(rows), np.nan),
        lineage=lineage,
        pixel_size=said if said.known else size,
        seconds_per_frame=seconds,
    )


def geff_movie(graph: GeffGraph, masks: Movie, *, where: str = "") -> LabelMovie:
    """The graph's lineage over its masks (uint32, tyx). A track keeps the id its masks have, where that is one id.

    Raises:
        InvalidDocument: the property that names masks is not told, masks and nodes disagree, two parents, or a link
            that does not lead forward in time.
    """
    said = graph.related("labels") or {}
    prop = said.get("node_prop") or said.get("label_prop") or "seg_id"
    nodes, edges = frames_and_ids(graph, str(prop))
    seen = movie_nodes(masks)
    if len(sorted_nodes(nodes)) != len(nodes) or not np.array_equal(sorted_nodes(nodes), seen):
        raise InvalidDocument("the graph's nodes are not the cells of the masks", where=where)
    size, seconds = spacing(graph.metadata)
    named = lineage_as_named(nodes, edges, seen[:, 1])
    if named is not None:
        return LabelMovie(masks, named, size, seconds)
    lineage, track = lineage_from_edges(nodes, edges)
    names: dict[int, set[int]] = {}
    for number, cell in zip(track.tolist(), seen[:, 1].tolist(), strict=True):
        names.setdefault(number, set()).add(cell)
    kept = {number: min(cells) for number, cells in names.items()}
    if all(len(cells) == 1 for cells in names.values()) and len(set(kept.values())) == len(kept):
        tracks = tuple(
            Track(kept[one.id], one.begin, one.end, None if one.parent is None else kept[one.parent])
            for one in lineage.tracks
        )
        lineage, track = Lineage(tracks), np.array([kept[number] for number in track.tolist()], dtype=np.int64)
    return LabelMovie(relabelled(masks, seen, track), lineage, size, seconds)


def _as_image(
    pixels: NDArray[Any], attributes: dict[str, Any], size: PixelSize, seconds: float | None, where: str
) -> ImageData:
    """A movie, tcyx or tczyx; channels by the names that the store's ``omero`` gives them."""
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    if pixels.ndim not in (4, 5):
        raise MismatchedShapes(f"an image of shape {pixels.shape} is no movie", where=where)
    listed = (attributes.get("omero") or {}).get("channels") if isinstance(attributes.get("omero"), dict) else None
    names = tuple(str(one.get("label", "")) for one in listed or [] if isinstance(one, dict))
    if len(names) != pixels.shape[1] or not all(names):
        names = tuple(f"channel {number + 1}" for number in range(pixels.shape[1]))
    own, step = image_spacing(attributes)
    axes = "tcyx" if pixels.ndim == 4 else "tczyx"
    return ImageData(pixels, axes, names, own if own.known else size, seconds_per_frame=seconds or step)


def _as_masks(masks: NDArray[Any], where: str) -> Movie:
    if masks.ndim == 4 and masks.shape[1] == 1:
        masks = masks[:, 0]
    if masks.ndim != 3 or masks.dtype.kind not in "ui" or (masks.size and int(masks.min()) < 0):
        raise InvalidDocument(f"masks are whole numbers with axes tyx, got {masks.dtype} {masks.shape}", where=where)
    return np.ascontiguousarray(masks.astype(np.uint32))


def _stores(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    if path.suffix == ".zarr":
        return [path]
    return sorted(store for store in path.iterdir() if store.is_dir() and store.suffix == ".zarr")


def _largest_file(store: Path) -> Path:
    """What stands for the original of a store of many files: the largest, which is a chunk of the image."""
    return min((path for path in store.rglob("*") if path.is_file()), key=lambda path: (-path.stat().st_size, path))


def _holds_graph(store: Path) -> bool:
    try:
        graph_group(store)
    except CellCommonsError:
        return False
    return True
