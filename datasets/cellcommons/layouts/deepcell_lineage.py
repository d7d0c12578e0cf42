"""Lineages between DeepCell's form (labels with frames, a parent and daughters) and tracks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.labels import Labels
from cellcommons.linked import relabelled
from cellcommons.tracks import LabelMovie, Lineage, Movie, Track, movie_nodes

# The tracks that one label stands for, (id, begin, end): without it, ids are given anew after gaps.
OWN = "cellcommons_tracks"
Stretch = tuple[int, int, int]


def movie_of(
    tracked: NDArray[Any], lineage: dict[str, Any], image: ImageData, *, where: str
) -> tuple[LabelMovie, dict[str, int]]:
    """Masks and lineage as a label movie, and counts of what the masks set right.

    Args:
        tracked: whole numbers, axes tyx. lineage: label -> what is known of it.

    Raises:
        WrongFormat: negative ids, fractions. InvalidDocument: two parents, a daughter before her mother has gone.
    """
    data = _movie(tracked, where)
    nodes = movie_nodes(data)
    frames: dict[int, list[int]] = {}
    for frame, cell in nodes.tolist():
        frames.setdefault(cell, []).append(frame)
    cells = {number: cell for key, cell in lineage.items() if (number := _label(key)) and isinstance(cell, dict)}
    faults: dict[str, int] = {}
    _count(faults, "cells_without_masks", set(cells) - set(frames))
    _count(faults, "masks_without_lineage", set(frames) - set(cells))
    _count(faults, "other_frames", {n for n in set(cells) & set(frames) if not _same_frames(cells[n], frames[n])})
    stretches = _stretches(frames, cells)
    parents = _parents(cells, set(frames), faults, where)
    tracks = []
    for cell, parts in stretches.items():
        before = stretches[parents[cell]][-1][0] if cell in parents else None
        for number, begin, end in parts:
            tracks.append(Track(number, begin, end, before))
            before = number
    ids = np.array([_track_at(stretches[cell], frame) for frame, cell in nodes.tolist()], dtype=np.int64)
    try:
        movie = LabelMovie(
            relabelled(data, nodes, ids), Lineage(tuple(tracks)), image.pixel_size, image.seconds_per_frame
        )
    except InvalidDocument as error:
        raise InvalidDocument(error.what, where=f"{where}, {error.where}", remedy=error.remedy) from error
    return movie, faults


def trk_lineage(movie: LabelMovie) -> tuple[Labels, dict[str, Any]]:
    """Masks (uint32, tyx) and lineage as DeepCell keeps them: a cell after a gap has the label it had before."""
    tracks, children = movie.lineage.by_id, movie.lineage.daughters
    first: dict[int, int] = {}
    for track in sorted(movie.lineage.tracks, key=lambda one: one.begin):
        alone = track.parent is not None and len(children[track.parent]) == 1
        first[track.id] = first[track.parent] if alone and track.parent is not None else track.id
    chains: dict[int, list[Track]] = {}
    for track in sorted(movie.lineage.tracks, key=lambda one: one.begin):
        chains.setdefault(first[track.id], []).append(track)
    lineage: dict[str, Any] = {}
    for label, chain in sorted(chains.items()):
        last = chain[-1]
        daughters = [first[child] for child in children.get(last.id, ())]
        parent = chain[0].parent
        lineage[str(label)] = {
            "label": label,
            "frames": [frame for track in chain for frame in range(track.begin, track.end + 1)],
            "daughters": daughters,
            "capped": bool(daughters),
            "frame_div": min(tracks[child].begin for child in children[last.id]) if daughters else None,
            "parent": None if parent is None else first[parent],
            **({OWN: [[t.id, t.begin, t.end] for t in chain]} if len(chain) > 1 else {}),
        }
    nodes = movie.nodes()
    ids = np.array([first[cell] for cell in nodes[:, 1].tolist()], dtype=np.int64)
    return relabelled(movie.data, nodes, ids), lineage


def _movie(tracked: NDArray[Any], where: str) -> Movie:
    if tracked.dtype.kind == "f":
        whole = np.nan_to_num(tracked, nan=-1.0).astype(np.int64)
        if not np.array_equal(whole, tracked):
            raise WrongFormat("tracks that are no whole numbers", where=where)
        tracked = whole
    if tracked.dtype.kind not in "biu" or not 0 <= int(tracked.min(initial=0)) <= int(tracked.max(initial=0)) < 2**32:
        raise WrongFormat(f"tracks of {tracked.dtype} beyond 0..2^32-1", where=where, remedy="Number the cells from 1.")
    return np.ascontiguousarray(tracked, dtype=np.uint32)


def _label(key: object) -> int:
    return int(key) if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 11 else 0


def _count(faults: dict[str, int], name: str, cells: set[int]) -> None:
    if cells:
        faults[name] = len(cells)


def _same_frames(cell: dict[str, Any], frames: list[int]) -> bool:
    said = cell.get("frames")
    return isinstance(said, list) and len(said) == len(frames) and said == frames


def _stretches(frames: dict[int, list[int]], cells: dict[int, dict[str, Any]]) -> dict[int, list[Stretch]]:
    """The tracks of each label: as noted when written here, else cut at gaps, later stretches under new ids."""
    taken = set(frames)
    found: dict[int, list[Stretch]] = {}
    for cell, there in sorted(frames.items()):
        noted = _noted(cells.get(cell, {}).get(OWN), there)
        others = {number for number, _, _ in noted} - {cell}
        if noted and not others & taken and len({number for number, _, _ in noted}) == len(noted):
            found[cell] = noted
            taken |= others
    fresh = max(taken, default=0) + 1
    for cell, there in sorted(frames.items()):
        if cell in found:
            continue
        cuts = [0, *(n for n in range(1, len(there)) if there[n] != there[n - 1] + 1), len(there)]
        parts = []
        for number, (start, stop) in enumerate(pairwise(cuts)):
            parts.append((cell if not number else fresh, there[start], there[stop - 1]))
            fresh += bool(number)
        found[cell] = parts
    return found


def _noted(said: Any, frames: list[int]) -> list[Stretch]:
    """Tracks as written here, if they cover exactly ``frames`` in order; else none."""
    if not isinstance(said, list) or len(said) > len(frames):
        return []
    parts: list[Stretch] = []
    covered: list[int] = []
    for part in said:
        if not isinstance(part, list) or len(part) != 3 or not all(type(n) is int and 0 <= n < 2**32 for n in part):
            return []
        number, begin, end = part
        if not number or not begin <= end <= frames[-1]:
            return []
        covered += range(begin, end + 1)
        if len(covered) > len(frames):
            return []
        parts.append((number, begin, end))
    return parts if covered == frames else []


def _parents(cells: dict[int, dict[str, Any]], there: set[int], faults: dict[str, int], where: str) -> dict[int, int]:
    """Mother of each daughter: from her own entry and from her mother's, which must agree."""
    found: dict[int, int] = {}
    lost = set()
    for cell, said in cells.items():
        parent = said.get("parent")
        daughters = said.get("daughters")
        pairs = [(cell, parent)] if type(parent) is int and parent else []
        pairs += [(child, cell) for child in (daughters if isinstance(daughters, list) else []) if type(child) is int]
        for child, mother in pairs:
            if child not in there or mother not in there:
                lost.add((child, mother))
            elif found.setdefault(child, mother) != mother:
                raise InvalidDocument(
                    f"cell {child} has two parents, {found[child]} and {mother}",
                    where=where,
                    remedy="Keep one parent in lineage.json.",
                )
    if lost:
        faults["links_to_absent_cells"] = len(lost)
    return found


def _track_at(parts: list[Stretch], frame: int) -> int:
    return next(number for number, begin, end in parts if begin <= frame <= end)
