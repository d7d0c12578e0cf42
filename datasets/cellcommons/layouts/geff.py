"""GEFF stores: ``NAME.zarr`` with a graph of tracks, the masks that its nodes name, and the image they come from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes, NotFound, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.geff_zarr import (
    GeffGraph,
    frames_and_ids,
    graph_group,
    read_geff,
    read_related,
    spacing,
    write_geff,
)
from cellcommons.linked import lineage_from_edges, relabelled
from cellcommons.tracks import LabelMovie, Lineage, Movie, Track, movie_nodes, sorted_nodes


class Geff:
    """Lineages in the Graph Exchange File Format (see ``geff_zarr``), each store one movie and a source of its own.

    Read where the store holds masks as well: what it links are then cells, not points.
    """

    name = "geff"
    title = "GEFF (NAME.zarr with a graph of tracks, masks and image)"
    task = "tracking"

    def guess(self, path: Path) -> tuple[float, str]:
        found = sum(_holds_graph(store) for store in _stores(path))
        return (0.95, f"{found} stores with a GEFF graph") if found else (0.0, "no .zarr store with a GEFF graph")

    def scan(self, path: Path) -> Scan:
        stores = _stores(path)
        if not stores:
            raise UnknownLayout("no .zarr store here, so this is not the geff layout", where=str(path))
        entries, skipped = [], []
        for store in stores:
            try:
                graph = read_geff(store)
                for kind in ("labels", "image"):
                    if graph.related(kind) is None:
                        raise NotFound(
                            f"the graph names no {kind}",
                            where=store.name,
                            remedy="Store masks and image in the same zarr, as related_objects of the graph.",
                        )
            except CellCommonsError as error:
                skipped.append(Skipped(store, error.line()))
                continue
            entries.append(Entry(store.stem, (_largest_file(store), store), store.stem, "", {"source_known": True}))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        path = entry.paths[-1]
        graph, group = read_geff(path), graph_group(path)
        labels, image = graph.related("labels"), graph.related("image")
        if labels is None or image is None:
            raise NotFound("the graph names no labels or no image", where=entry.name)
        masks, _ = read_related(path, group, labels)
        pixels, _ = read_related(path, group, image)
        movie = geff_movie(graph, _as_masks(masks, entry.name), where=entry.name)
        if pixels.ndim == 3:
            pixels = pixels[:, None]
        if pixels.ndim != 4 or (pixels.shape[0], *pixels.shape[2:]) != movie.data.shape:
            raise MismatchedShapes(f"an image of {pixels.shape}, masks of {movie.data.shape}", where=entry.name)
        channels = tuple(f"channel {number + 1}" for number in range(pixels.shape[1]))
        return Record(entry, ImageData(pixels, "tcyx", channels, movie.pixel_size), movie, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write label movies as stores ``NAME.zarr``, each with its masks and its image.

        Raises:
            InvalidDocument: an image that is no movie, no label movie, or a store that is there already.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for record in records:
            if record.image.axes != "tcyx" or not isinstance(record.truth, LabelMovie):
                raise InvalidDocument("needs a movie with a label movie", where=record.entry.name)
            write_geff(record.truth, folder / f"{record.entry.name}.zarr", record.image)


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
    size, seconds = spacing(graph.metadata)
    return LabelMovie(relabelled(masks, seen, track), lineage, size, seconds)


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
