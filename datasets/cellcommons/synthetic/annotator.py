"""A simulated annotator: a stated, seeded error model in place of eyes and a hand.

The model is simple on purpose, and says so: each error strikes cells independently, except that small cells are missed
more often, by everyone. Real people agree in their errors more than that, so a consensus of simulated readings is an
upper bound for real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.labels import Labels, cells, relabel
from cellcommons.matching import matched_indices, overlap_table

Level = Literal["novice", "practised", "expert"]
SPLIT_AREA = 30
"""Pixels below which no one takes a cell for two."""
WOBBLE_PX = 6.0
"""Correlation length of the boundary error along the outline, pixels."""


@dataclass(frozen=True)
class ErrorModel:
    """How one person errs and how fast they work.

    Attributes:
        miss: probability of overlooking a cell of median size; smaller cells up to twice as often, larger ones down
            to half.
        merge: probability of drawing two touching cells as one, per touching pair.
        split: probability of drawing one cell as two.
        spurious: invented cells per true cell.
        boundary_px: standard deviation of the drawn boundary about the true one, pixels.
        anchoring: probability of leaving a wrong draft cell, or a cell that the draft lacks, as the draft has it.
        accept_iou: IoU with the truth from which a draft cell looks right.
        seconds_per_image, seconds_per_cell: to open an image; to draw a cell.
        correction_seconds: to redraw a wrong draft cell.
        check_seconds: to look at a draft cell and keep or delete it.
    """

    miss: float = 0.06
    merge: float = 0.03
    split: float = 0.03
    spurious: float = 0.01
    boundary_px: float = 1.0
    anchoring: float = 0.15
    accept_iou: float = 0.7
    seconds_per_image: float = 8.0
    seconds_per_cell: float = 6.0
    correction_seconds: float = 4.5
    check_seconds: float = 0.7

    def __post_init__(self) -> None:
        for name in ("miss", "merge", "split", "spurious", "anchoring", "accept_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidDocument(f"{name} is a probability", where=f"ErrorModel.{name}")
        for name in ("boundary_px", "seconds_per_image", "seconds_per_cell", "correction_seconds", "check_seconds"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InvalidDocument(f"{name} is a finite number >= 0", where=f"ErrorModel.{name}")


@dataclass(frozen=True)
class Actions:
    """What the person did, in numbers: errors made while drawing, then what became of the draft."""

    drawn: int = 0
    missed: int = 0
    merged: int = 0
    split: int = 0
    spurious: int = 0
    kept: int = 0
    left_wrong: int = 0
    corrected: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class SimulatedReading:
    """One reading of one image.

    Attributes:
        labels: what was drawn, uint32, axes yx, ids 1..n. seconds: simulated working time. actions: counts.
    """

    labels: Labels = field(repr=False)
    seconds: float
    actions: Actions


_LEVELS: dict[Level, ErrorModel] = {
    "novice": ErrorModel(miss=0.12, merge=0.06, split=0.05, spurious=0.03, boundary_px=1.5, seconds_per_cell=8.0),
    "practised": ErrorModel(),
    "expert": ErrorModel(
        miss=0.03, merge=0.015, split=0.015, spurious=0.005, boundary_px=0.7, anchoring=0.08, seconds_per_cell=5.0
    ),
}


def skilled(seed: int, *, level: Level | None = None) -> ErrorModel:
    """A person drawn from a population: the level's preset, each rate and speed varied by about a quarter.

    Args:
        level: drawn too if None: a quarter novices, half practised, a quarter experts.
    """
    rng = np.random.default_rng(seed)
    drawn: Level = ("novice", "practised", "practised", "expert")[int(rng.integers(4))]
    preset = _LEVELS[level or drawn]
    varied = ("miss", "merge", "split", "spurious", "boundary_px", "anchoring", "seconds_per_cell")
    factors = np.exp(rng.normal(0.0, 0.25, len(varied))).tolist()
    values = {name: getattr(preset, name) * factor for name, factor in zip(varied, factors, strict=True)}
    return replace(preset, **values)


def simulate_reading(
    truth: Labels, model: ErrorModel, rng: np.random.Generator, *, draft: Labels | None = None
) -> SimulatedReading:
    """Read one image as ``model`` would; deterministic given the state of ``rng``.

    From scratch the person draws what they see. From a draft they keep the cells that look right as they are, redraw
    or delete the wrong ones and add the missing ones, except where the draft anchors them.

    Args:
        truth: uint32, axes yx.
        draft: a model's label map of the same shape to start from, or None.

    Raises:
        MismatchedShapes: ``draft`` and ``truth`` differ in shape.
    """
    if draft is not None and draft.shape != truth.shape:
        raise MismatchedShapes(f"a draft of shape {draft.shape} does not fit an image of shape {truth.shape}")
    own, errors = _draw(truth, model, rng)
    if draft is None:
        return SimulatedReading(own, _seconds(model, rng, own_cells=errors.drawn), errors)
    return _correct(truth, relabel(draft), own, errors, model, rng)


def _draw(truth: Labels, model: ErrorModel, rng: np.random.Generator) -> tuple[Labels, Actions]:
    labels = relabel(truth)
    areas = np.bincount(labels.ravel())[1:]
    if areas.size == 0:
        return labels, Actions()
    ease = np.clip(np.sqrt(np.median(areas) / areas), 0.5, 2.0)
    missed = rng.random(areas.size) < np.minimum(1.0, model.miss * ease)
    labels[np.concatenate([[False], missed])[labels]] = 0
    before = areas.size - int(missed.sum())
    labels = _merged(labels, areas.size, model.merge, rng)
    after = np.unique(labels[labels != 0]).size
    labels, split = _split(labels, model.split, rng)
    labels = wobbled(labels, model.boundary_px, rng)
    spurious = int(rng.binomial(areas.size, model.spurious))
    labels = relabel(_invented(labels, spurious, float(np.median(areas)), rng))
    drawn = int(labels.max(initial=0))
    return labels, Actions(drawn=drawn, missed=int(missed.sum()), merged=before - after, split=split, spurious=spurious)


def _merged(labels: Labels, count: int, chance: float, rng: np.random.Generator) -> Labels:
    """Give some pairs of cells at most one pixel apart a common id."""
    pairs = []
    for step in (1, 2):
        pairs += [
            np.stack([labels[step:].ravel(), labels[:-step].ravel()]),
            np.stack([labels[:, step:].ravel(), labels[:, :-step].ravel()]),
        ]
    touching = np.concatenate(pairs, axis=1)
    touching = np.sort(touching[:, (touching[0] != touching[1]) & (touching != 0).all(axis=0)], axis=0)
    touching = np.unique(touching, axis=1).astype(np.int64)
    a, b = touching[:, rng.random(touching.shape[1]) < chance]
    graph = coo_matrix((np.ones(a.size), (a, b)), shape=(count + 1, count + 1))
    joined = connected_components(graph, directed=False)[1].astype(np.uint32)
    return np.asarray(joined[labels])


def _split(labels: Labels, chance: float, rng: np.random.Generator) -> tuple[Labels, int]:
    """Cut some cells across their long axis, at 35 to 65 % of it."""
    divided = labels.copy()
    next_id, cuts = int(labels.max(initial=0)) + 1, 0
    for cell in cells(labels):
        strikes, at = rng.random() < chance, rng.uniform(0.35, 0.65)
        if not strikes or cell.area < SPLIT_AREA:
            continue
        points = np.argwhere(cell.mask)
        centred = points - points.mean(axis=0)
        along = centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1]
        far = points[along > np.quantile(along, at)]
        divided[far[:, 0] + cell.box[0], far[:, 1] + cell.box[1]] = next_id
        next_id, cuts = next_id + 1, cuts + 1
    return divided, cuts


def wobbled(labels: Labels, sigma: float, rng: np.random.Generator) -> Labels:
    """Move every boundary by a smooth random displacement of standard deviation ``sigma`` pixels."""
    height, width = labels.shape
    at = np.indices(labels.shape, dtype=np.float64)
    for axis in (0, 1):
        noise: NDArray[np.float64] = ndimage.gaussian_filter(rng.normal(size=labels.shape), WOBBLE_PX / 2)
        at[axis] += noise * (sigma / max(float(noise.std()), 1e-12))
    rows = np.clip(np.rint(at[0]), 0, height - 1).astype(np.int64)
    cols = np.clip(np.rint(at[1]), 0, width - 1).astype(np.int64)
    return np.asarray(labels[rows, cols])


def _invented(labels: Labels, count: int, area: float, rng: np.random.Generator) -> Labels:
    """Add ``count`` ellipses of about ``area`` pixels on background, where there is any."""
    rows, cols = np.indices(labels.shape)
    for _ in range(count):
        y, x = rng.uniform(0, labels.shape[0]), rng.uniform(0, labels.shape[1])
        size, stretch = np.sqrt(area / np.pi) * rng.uniform(0.6, 1.1), rng.uniform(0.7, 1.4)
        blob = ((rows - y) / stretch) ** 2 + ((cols - x) * stretch) ** 2 <= size**2
        labels = np.where(blob & (labels == 0), np.uint32(int(labels.max()) + 1), labels)
    return labels


def _correct(
    truth: Labels, draft: Labels, own: Labels, errors: Actions, model: ErrorModel, rng: np.random.Generator
) -> SimulatedReading:
    """Start from ``draft``; where it is wrong or empty, and the person notices, put what they would have drawn."""
    table = overlap_table(draft, truth)
    right = np.zeros(table.ids_a.size, dtype=np.bool_)
    right[matched_indices(table, threshold=model.accept_iou)[0]] = True
    anchored = ~right & (rng.random(right.size) < model.anchoring)
    stays = right | anchored
    labels = np.where(np.isin(draft, table.ids_a[stays]), draft, 0).astype(np.uint32)
    redrawn = overlap_table(own, draft)
    share = redrawn.intersections / redrawn.areas_a[redrawn.rows]
    on_kept = np.bincount(redrawn.rows, share * stays[redrawn.cols], minlength=redrawn.ids_a.size)
    on_wrong = np.bincount(redrawn.rows, share * ~stays[redrawn.cols], minlength=redrawn.ids_a.size)
    # Where the draft is empty it says "nothing here", and that anchors too.
    unseen = (on_wrong < 0.1) & (rng.random(on_wrong.size) < model.anchoring)
    wanted = (on_kept < 0.5) & ~unseen
    corrected = int((wanted & (on_wrong >= 0.1)).sum())
    drawn = int(wanted.sum()) - corrected
    free = labels == 0
    fresh = np.isin(own, redrawn.ids_a[wanted]) & free
    labels[fresh] = own[fresh] + int(draft.max(initial=0))
    deleted = max(0, int((~stays).sum()) - corrected)
    actions = replace(
        errors,
        drawn=drawn,
        kept=int(right.sum()),
        left_wrong=int(anchored.sum()),
        corrected=corrected,
        deleted=deleted,
    )
    checked = int(table.ids_a.size)
    seconds = _seconds(model, rng, own_cells=drawn, corrected=corrected, checked=checked)
    return SimulatedReading(relabel(labels), seconds, actions)


def _seconds(
    model: ErrorModel, rng: np.random.Generator, *, own_cells: int, corrected: int = 0, checked: int = 0
) -> float:
    work = model.seconds_per_cell * own_cells + model.correction_seconds * corrected + model.check_seconds * checked
    return float((model.seconds_per_image + work) * np.exp(rng.normal(0.0, 0.1)))
