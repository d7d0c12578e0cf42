"""Tracking: fuse the links that several readers drew between the same cells, and say what they could not settle.

A cell has at most one parent, so a reading is one answer per cell: this parent, that one, or none. Answers are voted
cell by cell, then whether a mother divides is voted too, because two daughters, each with a majority, may come from
different readers none of whom saw a division.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument
from cellcommons.fusion.link_skill import link_skill
from cellcommons.linked import edges_of, lineage_from_edges, parents_of
from cellcommons.measures.tracking import link_counts
from cellcommons.tracks import Edges, Lineage, Nodes, sorted_nodes

EventKind = Literal["link", "division"]
Method = Literal["vote", "em"]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LineageOption:
    """One answer that readers gave.

    Attributes:
        readings: indices of the readings that gave it. weight: their share of all weight, 0..1; of a link under ``em``
            its probability.
        cells: (frame, id) of the parent, or of the daughters; empty for none.
    """

    readings: tuple[int, ...]
    weight: float
    cells: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class DisputedEvent:
    """An event for an expert to settle.

    Attributes:
        kind: ``link`` (where does this cell come from) or ``division`` (what becomes of this cell).
        frame, cell: the cell asked about.
        options: the distinct answers, the one with most weight first.
    """

    kind: EventKind
    frame: int
    cell: int
    options: tuple[LineageOption, ...]


@dataclass(frozen=True)
class LineageFusion:
    """The consensus of several lineages over the same cells.

    Attributes:
        nodes: every cell, (n, 2) frame, id. edges: the settled links, (m, 4). support: share of the weight that drew
            each, (m,); of ``em`` the probability that it is right.
        disagreements: what was not settled, in order of frame, then cell.
        dissents: links of each reading that the settled majority overruled, one count a reading.
        agreement: mean edge F1 over all pairs of readings; 1.0 for a single reading.
        weights: share of all weight that each reading had, (readings,).
    """

    nodes: Nodes = field(repr=False)
    edges: Edges = field(repr=False)
    support: Floats = field(repr=False)
    disagreements: tuple[DisputedEvent, ...]
    dissents: tuple[int, ...]
    agreement: float
    weights: tuple[float, ...] = ()

    def lineage(self) -> tuple[Lineage, Ints]:
        """Tracks of the settled links, and the track of each node, as ``lineage_from_edges``."""
        return lineage_from_edges(self.nodes, self.edges)


def fuse_lineages(
    nodes: Nodes,
    readings: Sequence[Edges],
    *,
    weights: Sequence[float] | None = None,
    quorum: float = 0.5,
    method: Method = "vote",
) -> LineageFusion:
    """Fuse readings of one movie.

    Args:
        nodes: the cells that all readings link, (n, 2) frame, id. readings: links of each, (m, 4).
        weights: of each reading, > 0; equal if None.
        quorum: an answer is settled if its share of the weight, of ``em`` its probability, is above this; 0.5 to 1.
        method: ``vote``, or ``em``: answers are as likely as the readers' rates of error make them, which are estimated
            from these readings (see ``link_skill``); a division is then one if at least one reader saw it.

    Raises:
        InvalidDocument: no readings, weights or quorum out of range, or a reading that is no lineage of these cells.
    """
    nodes = sorted_nodes(nodes)
    share = _shares(readings, weights, quorum)
    parents = np.stack([_checked(nodes, edges, index) for index, edges in enumerate(readings)])
    if method == "em":
        if weights is not None:
            raise InvalidDocument("em finds the weights of the readings itself", remedy="Give none.")
        skill = link_skill(parents, nodes[:, 0] > nodes[:, 0].min(initial=0))
        support, share = skill.posterior, np.asarray(skill.weights()) / sum(skill.weights())
    else:
        support = np.stack([((parents == own) * share[:, None]).sum(axis=0) for own in parents])
    best = support.argmax(axis=0)
    at = np.arange(len(nodes))
    top, winner = support[best, at], parents[best, at]
    # Rounded, because three times a third must not be more than one.
    open_links = np.round(top, 9) <= quorum
    settled, ruled = np.where(open_links, -1, winner), ~open_links
    divides = _division_share(parents, share, len(nodes))
    seen = np.round(divides, 9) > (0.0 if method == "em" else quorum)
    events = [
        _link_event(nodes, parents, None if method == "vote" else support, share, cell)
        for cell in np.flatnonzero(open_links).tolist()
    ]
    children = np.bincount(settled[settled >= 0], minlength=len(nodes))
    many = np.round(divides, 9) > quorum
    doubtful = np.flatnonzero(np.where(children > 1, ~seen, many)).tolist()
    asked = {(event.frame, event.cell) for event in events}
    for mother in doubtful:
        event = _division_event(nodes, parents, share, mother)
        voted = {cell for option in event.options for cell in option.cells}
        if children[mother] <= 1 and voted & asked:
            continue  # the daughter in doubt is asked about already
        events.append(event)
        if children[mother] > 1:
            ruled[settled == mother] = False
            settled[settled == mother] = -1
    kept = settled >= 0
    edges = np.column_stack([nodes[settled[kept]], nodes[kept]])
    order = np.lexsort(edges.T[::-1])
    agreement = [link_counts(edges_of(nodes, a), edges_of(nodes, b)).f1 for a, b in combinations(parents, 2)]
    return LineageFusion(
        nodes=nodes,
        edges=edges_of(nodes, settled),
        support=top[kept][order],
        disagreements=tuple(sorted(events, key=lambda event: (event.frame, event.cell, event.kind))),
        dissents=tuple(int(((own >= 0) & (own != settled) & ruled).sum()) for own in parents),
        agreement=float(np.mean(agreement)) if agreement else 1.0,
        weights=tuple(share.tolist()),
    )


def resolve(fusion: LineageFusion, choices: Mapping[int, int]) -> Edges:
    """The links once an expert has chosen: index of a disagreement -> index of the option.

    A choice about a division replaces what became of the mother, and frees the chosen daughters from other mothers.

    Raises:
        InvalidDocument: no such disagreement or option.
    """
    parents = parents_of(fusion.nodes, fusion.edges)
    index = {(frame, cell): row for row, (frame, cell) in enumerate(fusion.nodes.tolist())}
    for number, choice in sorted(choices.items()):
        if not 0 <= number < len(fusion.disagreements) or not (0 <= choice < len(fusion.disagreements[number].options)):
            raise InvalidDocument(f"there is no option {choice} of disagreement {number}")
        event = fusion.disagreements[number]
        asked, chosen = index[event.frame, event.cell], [index[cell] for cell in event.options[choice].cells]
        if event.kind == "link":
            parents[asked] = chosen[0] if chosen else -1
        else:
            parents[parents == asked] = -1
            parents[chosen] = asked
    return edges_of(fusion.nodes, parents)


def _shares(readings: Sequence[Edges], weights: Sequence[float] | None, quorum: float) -> Floats:
    given = np.ones(len(readings)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not readings or given.shape != (len(readings),) or not (np.isfinite(given) & (given > 0)).all():
        raise InvalidDocument(f"{len(readings)} readings need as many weights above 0, and one reading at least")
    if not 0.5 <= quorum < 1:
        raise InvalidDocument(f"a quorum lies within 0.5 and 1, got {quorum}")
    return np.asarray(given / given.sum())


def _checked(nodes: Nodes, edges: Edges, index: int) -> Ints:
    try:
        return parents_of(nodes, edges)
    except InvalidDocument as error:
        raise InvalidDocument(error.what, where=f"reading {index}, {error.where}", remedy=error.remedy) from error


def _division_share(parents: Ints, share: Floats, n: int) -> Floats:
    """Share of the weight that saw each cell divide."""
    saw = [np.bincount(own[own >= 0], minlength=n) > 1 for own in parents]
    return np.asarray((np.stack(saw) * share[:, None]).sum(axis=0))


def _link_event(nodes: Nodes, parents: Ints, likely: Floats | None, share: Floats, cell: int) -> DisputedEvent:
    answers: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for reading, parent in enumerate(parents[:, cell].tolist()):
        answers.setdefault(() if parent < 0 else (_cell(nodes, parent),), []).append(reading)
    options = _options(answers, share)
    if likely is not None:
        options = tuple(replace(option, weight=float(likely[option.readings[0], cell])) for option in options)
    return DisputedEvent("link", *_cell(nodes, cell), _ranked(options))


def _division_event(nodes: Nodes, parents: Ints, share: Floats, mother: int) -> DisputedEvent:
    answers: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for reading, own in enumerate(parents):
        daughters = tuple(_cell(nodes, row) for row in np.flatnonzero(own == mother).tolist())
        answers.setdefault(daughters, []).append(reading)
    return DisputedEvent("division", *_cell(nodes, mother), _options(answers, share))


def _options(answers: dict[tuple[tuple[int, int], ...], list[int]], share: Floats) -> tuple[LineageOption, ...]:
    options = [
        LineageOption(tuple(given), float(share[given].sum()), cells) for cells, given in sorted(answers.items())
    ]
    return _ranked(options)


def _ranked(options: Sequence[LineageOption]) -> tuple[LineageOption, ...]:
    return tuple(sorted(options, key=lambda option: -round(option.weight, 9)))


def _cell(nodes: Nodes, row: int) -> tuple[int, int]:
    return int(nodes[row, 0]), int(nodes[row, 1])
