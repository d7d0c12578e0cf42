"""Links to be looked at one by one: what one linker makes of some frames, and whether a second one agrees."""

from __future__ import annotations

from collections.abc import Sequence

from cellcommons.labels import Labels
from cellcommons.linking.contract import Linker, links_to_edges
from cellcommons.linking.features import measure_cells
from cellcommons.linking.registry import DEFAULT, get_linker
from cellcommons.links import links_of

Proposed = dict[str, list[str | bool]]
"""Child -> [parent, whether the second linker gives it the same parent], as ``"frame:id"``."""

SECOND = {DEFAULT: "assignment"}
"""Linkers differ where a movie is hard; the default is the second opinion on all others."""


def propose_links(frames: Sequence[Labels], *, linker: str = DEFAULT, first: int = 0) -> Proposed:
    """Link consecutive frames (uint32, yx); keys count frames from ``first``.

    Raises:
        NotFound: no such linker. InvalidDocument, MismatchedShapes: the frames are none.
    """
    cells = measure_cells(frames)

    def linked(with_linker: Linker) -> dict[str, str]:
        edges = links_to_edges(cells, with_linker.link(cells)).copy()
        edges[:, [0, 2]] += first
        return links_of(edges)

    found, other = linked(get_linker(linker)), linked(get_linker(SECOND.get(linker, DEFAULT)))
    return {child: [parent, other.get(child) == parent] for child, parent in found.items()}
