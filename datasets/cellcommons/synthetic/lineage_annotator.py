"""Simulated people who link cells: how a reading of a lineage goes wrong.

All read the same masks. Links go wrong where cells move far compared with the distance to their neighbours, so that
people err in the same places, as real ones do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cellcommons.errors import InvalidDocument
from cellcommons.linked import edges_of, parents_of
from cellcommons.synthetic.annotator import Level
from cellcommons.tracks import Edges, LabelMovie, Nodes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LineageErrorModel:
    """How one person errs when linking, and how fast they work.

    Attributes:
        miss: probability of leaving out a link. false_link: of tying a cell that comes in to a neighbour in the frame
            before. swap: of confusing a cell with its nearest neighbour from one frame to the next. These hold for a
            link of ordinary difficulty, and are up to four times higher for a hard one.
        missed_division: of tying only one daughter to her mother.
        anchoring: of leaving a draft's wrong link as it is.
        seconds_per_frame, seconds_per_link: to look at a frame; to draw a link. check_seconds: to look at a draft's.
    """

    miss: float = 0.02
    false_link: float = 0.06
    swap: float = 0.01
    missed_division: float = 0.12
    anchoring: float = 0.15
    seconds_per_frame: float = 2.0
    seconds_per_link: float = 1.2
    check_seconds: float = 0.15

    def __post_init__(self) -> None:
        for name in ("miss", "false_link", "swap", "missed_division", "anchoring"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidDocument(f"{name} is a probability", where=f"LineageErrorModel.{name}")
        for name in ("seconds_per_frame", "seconds_per_link", "check_seconds"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InvalidDocument(f"{name} is a finite number >= 0", where=f"LineageErrorModel.{name}")


@dataclass(frozen=True)
class LineageActions:
    """What the person did, in numbers: errors made while linking, then what became of the draft."""

    linked: int = 0
    missed: int = 0
    false_links: int = 0
    swapped: int = 0
    missed_divisions: int = 0
    kept: int = 0
    corrected: int = 0
    left_wrong: int = 0


@dataclass(frozen=True)
class SimulatedLineage:
    """One reading. ``edges`` join cells of the truth's masks; ``seconds`` of simulated work; ``actions``: counts."""

    edges: Edges = field(repr=False)
    seconds: float
    actions: LineageActions


_LEVELS: dict[Level, LineageErrorModel] = {
    "novice": LineageErrorModel(miss=0.04, false_link=0.12, swap=0.02, missed_division=0.25, seconds_per_link=1.6),
    "practised": LineageErrorModel(),
    "expert": LineageErrorModel(
        miss=0.01, false_link=0.03, swap=0.004, missed_division=0.05, anchoring=0.08, seconds_per_link=1.0
    ),
}


def skilled_linker(seed: int, *, level: Level | None = None) -> LineageErrorModel:
    """A person drawn from a population: the level's preset, each rate and speed varied by about a quarter.

    Args:
        level: drawn too if None: a quarter novices, half practised, a quarter experts.
    """
    rng = np.random.default_rng(seed)
    drawn: Level = ("novice", "practised", "practised", "expert")[int(rng.integers(4))]
    preset = _LEVELS[level or drawn]
    varied = ("miss", "false_link", "swap", "missed_division", "anchoring", "seconds_per_link")
    factors = np.exp(rng.normal(0.0, 0.25, len(varied))).tolist()
    return replace(preset, **{n: min(1.0, getattr(preset, n) * f) for n, f in zip(varied, factors, strict=True)})


def simulate_linking(
    truth: LabelMovie, model: LineageErrorModel, rng: np.random.Generator, *, draft: Edges | None = None
) -> SimulatedLineage:
    """Link the cells of one movie as ``model`` would; deterministic given the state of ``rng``.

    From a draft the person keeps the links that are right and mends the wrong ones, except where the draft anchors
    them.

    Args:
        draft: links between cells of ``truth``'s masks to start from, or None.

    Raises:
        InvalidDocument: the draft links cells that are not there, or gives one two parents.
    """
    nodes = truth.nodes()
    right = parents_of(nodes, truth.edges())
    own, errors = _read(truth, nodes, right, model, rng)
    frames = len(truth.data)
    if draft is None:
        return SimulatedLineage(edges_of(nodes, own), _seconds(model, rng, frames, int((own >= 0).sum()), 0), errors)
    offered = parents_of(nodes, draft)
    good = offered == right
    anchored = ~good & (rng.random(len(nodes)) < model.anchoring)
    chosen = np.where(good | anchored, offered, own)
    # A wrong link that was left may have taken a cell's place; every cell has one parent, so nothing else breaks.
    mended = int((~good & ~anchored).sum())
    actions = replace(errors, kept=int(good.sum()), corrected=mended, left_wrong=int(anchored.sum()))
    seconds = _seconds(model, rng, frames, mended, int((offered >= 0).sum()))
    return SimulatedLineage(edges_of(nodes, chosen), seconds, actions)


def _read(
    truth: LabelMovie, nodes: Nodes, right: Ints, model: LineageErrorModel, rng: np.random.Generator
) -> tuple[Ints, LineageActions]:
    """Parents as the person sees them, from scratch."""
    centres = _centres(truth, nodes)
    near, distance = _neighbours(nodes, centres)
    own = right.copy()
    linked = np.flatnonzero(right >= 0)
    moved = np.hypot(*(centres[linked] - centres[right[linked]]).T)
    hard = np.ones(len(nodes))
    hard[linked] = np.clip(2 * moved / np.maximum(distance[right[linked]], 1.0), 0.25, 4.0)
    swapped = _swap(own, right, near, rng.random(len(nodes)) < model.swap * hard)
    children = np.bincount(right[linked], minlength=len(nodes))
    daughters = linked[children[right[linked]] > 1]
    missed_divisions = 0
    for mother in np.unique(right[daughters]).tolist():
        if rng.random() < model.missed_division:
            hers = np.flatnonzero(own == mother)
            if hers.size > 1:
                own[rng.choice(hers, hers.size - 1, replace=False)] = -1
                missed_divisions += 1
    lost = (own >= 0) & (rng.random(len(nodes)) < model.miss * hard)
    own[lost] = -1
    false = _tie_newcomers(nodes, centres, right, own, rng, model.false_link)
    made = int((own >= 0).sum())
    return own, LineageActions(made, int(lost.sum()), false, swapped, missed_divisions)


def _swap(own: Ints, right: Ints, near: Ints, wanted: NDArray[np.bool_]) -> int:
    """Exchange the parents of a cell and of its nearest neighbour in the frame."""
    count = 0
    touched: set[int] = set()
    for cell in np.flatnonzero(wanted & (right >= 0)).tolist():
        other = int(near[cell])
        if other < 0 or right[other] < 0 or right[other] == right[cell] or touched & {cell, other}:
            continue
        own[cell], own[other] = right[other], right[cell]
        touched |= {cell, other}
        count += 1
    return count


def _tie_newcomers(nodes: Nodes, centres: Floats, right: Ints, own: Ints, rng: np.random.Generator, rate: float) -> int:
    """Tie some cells that truly come from nowhere to the nearest cell of the frame before."""
    count = 0
    for cell in np.flatnonzero((right < 0) & (nodes[:, 0] > 0)).tolist():
        if rng.random() >= rate:
            continue
        before = np.flatnonzero(nodes[:, 0] == nodes[cell, 0] - 1)
        if before.size:
            own[cell] = before[int(np.argmin(np.hypot(*(centres[before] - centres[cell]).T)))]
            count += 1
    return count


def _centres(truth: LabelMovie, nodes: Nodes) -> Floats:
    """Centre of each node, (n, 2) row and column."""
    centres = np.zeros((len(nodes), 2))
    starts = np.searchsorted(nodes[:, 0], np.arange(len(truth.data) + 1))
    for frame, labels in enumerate(truth.data):
        here = slice(int(starts[frame]), int(starts[frame + 1]))
        ids = nodes[here, 1]
        rows, cols = np.nonzero(labels)
        place = np.searchsorted(ids, labels[rows, cols])
        area = np.maximum(np.bincount(place, minlength=ids.size), 1)
        for axis, values in enumerate((rows, cols)):
            centres[here, axis] = np.bincount(place, weights=values, minlength=ids.size) / area
    return centres


def _neighbours(nodes: Nodes, centres: Floats) -> tuple[Ints, Floats]:
    """Index of the nearest other cell of each cell's frame (-1 where it is alone), and its distance in pixels."""
    near, distance = np.full(len(nodes), -1, dtype=np.int64), np.full(len(nodes), np.inf)
    for frame in np.unique(nodes[:, 0]).tolist():
        here = np.flatnonzero(nodes[:, 0] == frame)
        if here.size > 1:
            found, order = cKDTree(centres[here]).query(centres[here], k=2)
            near[here], distance[here] = here[order[:, 1]], found[:, 1]
    return near, distance


def _seconds(model: LineageErrorModel, rng: np.random.Generator, frames: int, links: int, checked: int) -> float:
    work = model.seconds_per_frame * frames + model.seconds_per_link * links + model.check_seconds * checked
    return float(work * np.exp(rng.normal(0.0, 0.1)))
