"""Which links and divisions of a movie are new, gone or different."""

from __future__ import annotations

from collections.abc import Mapping

from cellcommons.diff.cells import paired_ids
from cellcommons.diff.changes import (
    DIVISION_BORN,
    DIVISION_CHANGED,
    DIVISION_DIED,
    LINK_ADDED,
    LINK_REMOVED,
    TrackChange,
)
from cellcommons.links import node_key, parse_node
from cellcommons.matching import overlap_table
from cellcommons.tracks import Movie

Links = Mapping[str, object]


def same_cells(before: Movie, after: Movie) -> dict[str, str]:
    """Which detection of ``before`` (uint32, tyx) is which of ``after``, frame by frame, as ``frame:id``.

    Raises:
        MismatchedShapes: the movies differ in shape.
    """
    return {
        node_key(frame, one): node_key(frame, other)
        for frame, (a, b) in enumerate(zip(before, after, strict=True))
        for one, other in paired_ids(overlap_table(a, b)).items()
    }


def link_changes(image: str, before: Links, after: Links, names: Mapping[str, str] | None = None) -> list[TrackChange]:
    """Links that were added and removed, and what that makes of the divisions.

    Args:
        before, after: child -> parent, as ``frame:id``.
        names: detection of ``before`` -> the same of ``after``, where the detections differ; those without are gone.
    """
    forward = _Names(names)
    edges_before = {(str(parent), child) for child, parent in before.items()}
    edges_after = {(str(parent), child) for child, parent in after.items()}
    kept = {edge: moved for edge in edges_before if (moved := forward.edge(edge)) in edges_after}
    changes = [
        TrackChange(image, LINK_REMOVED, _frame(e[1]), e, ()) for e in sorted(edges_before - kept.keys(), key=_order)
    ]
    gone = edges_after - {moved for moved in kept.values() if moved}
    changes += [TrackChange(image, LINK_ADDED, _frame(e[1]), (), e) for e in sorted(gone, key=_order)]
    mothers_before, mothers_after = _divisions(before), _divisions(after)
    settled = set()
    for mother, daughters in mothers_before.items():
        now = forward.node(mother)
        if now is None or now not in mothers_after:
            changes.append(TrackChange(image, DIVISION_DIED, _frame(mother), (mother, *daughters), ()))
            continue
        settled.add(now)
        if {forward.node(one) for one in daughters} != set(mothers_after[now]):
            rows = (mother, *daughters), (now, *mothers_after[now])
            changes.append(TrackChange(image, DIVISION_CHANGED, _frame(mother), *rows))
    for mother, daughters in mothers_after.items():
        if mother not in settled:
            changes.append(TrackChange(image, DIVISION_BORN, _frame(mother), (), (mother, *daughters)))
    return changes


class _Names:
    """Names of the later release for cells of the earlier; the same where nothing was renamed."""

    def __init__(self, names: Mapping[str, str] | None) -> None:
        self._names = names

    def node(self, node: str) -> str | None:
        return node if self._names is None else self._names.get(node)

    def edge(self, edge: tuple[str, str]) -> tuple[str, str] | None:
        parent, child = self.node(edge[0]), self.node(edge[1])
        return None if parent is None or child is None else (parent, child)


def _divisions(links: Links) -> dict[str, tuple[str, ...]]:
    """Mother -> daughters, two or more, in order of frame and id."""
    children: dict[str, list[str]] = {}
    for child, parent in links.items():
        children.setdefault(str(parent), []).append(child)
    several = {mother: found for mother, found in children.items() if len(found) > 1}
    return {mother: tuple(sorted(several[mother], key=parse_node)) for mother in sorted(several, key=parse_node)}


def _frame(node: str) -> int:
    return parse_node(node)[0]


def _order(edge: tuple[str, str]) -> tuple[tuple[int, int], tuple[int, int]]:
    return parse_node(edge[1]), parse_node(edge[0])
