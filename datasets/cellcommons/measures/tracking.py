"""Measures of links and divisions: what of the truth's lineage a prediction found.

Cells correspond one to one, frame by frame, at an IoU of at least 0.5. A link is right where it joins the cells that a
link of the truth joins (edge F1, as in Gallusser & Weigert, Trackastra, ECCV 2024). A division is right where mother
and two daughters are the truth's, up to some frames early or late (much as the branching correctness of Ulman et al.,
Nature Methods 2017).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import MismatchedShapes
from cellcommons.matching import matched_indices, overlap_table
from cellcommons.tracks import Division, Edges, LabelMovie, Lineage, sorted_edges


@dataclass(frozen=True)
class Counts:
    """Right ones, and how many there are. With neither truth nor prediction every ratio is 1, with one of them 0.

    Attributes:
        tp: found in both. truth, prediction: number in each.
    """

    tp: int
    truth: int
    prediction: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.truth + other.truth, self.prediction + other.prediction)

    def _ratio(self, part: int, whole: int) -> float:
        if self.truth == 0 and self.prediction == 0:
            return 1.0
        return part / whole if whole else 0.0

    @property
    def precision(self) -> float:
        """TP / prediction."""
        return self._ratio(self.tp, self.prediction)

    @property
    def recall(self) -> float:
        """TP / truth."""
        return self._ratio(self.tp, self.truth)

    @property
    def f1(self) -> float:
        """2 TP / (truth + prediction)."""
        return self._ratio(2 * self.tp, self.truth + self.prediction)


@dataclass(frozen=True)
class TrackingScores:
    """Counts of cells, links and divisions of one or more movies.

    Attributes:
        cells, edges, divisions: their counts. tolerance: frames a division may be early or late.
    """

    cells: Counts
    edges: Counts
    divisions: Counts
    tolerance: int

    def measures(self) -> dict[str, float]:
        """Name -> value: precision, recall and f1 of ``cell``, ``edge`` and ``division``."""
        named = {"cell": self.cells, "edge": self.edges, "division": self.divisions}
        return {
            f"{name}_{ratio}": float(getattr(counts, ratio))
            for name, counts in named.items()
            for ratio in ("precision", "recall", "f1")
        }


def tracking_scores(
    truth: LabelMovie, prediction: LabelMovie, *, tolerance: int = 1, threshold: float = 0.5
) -> TrackingScores:
    """Score one predicted movie. ``tolerance``: frames; ``threshold``: IoU from which cells correspond.

    Raises:
        MismatchedShapes: the movies differ in frames, rows or columns.
    """
    pairs = matched_cells(truth, prediction, threshold=threshold)
    cells = Counts(len(pairs), len(truth.nodes()), len(prediction.nodes()))
    return TrackingScores(
        cells,
        link_counts(truth.edges(), prediction.edges(), pairs),
        division_counts(truth.lineage, prediction.lineage, pairs, tolerance=tolerance),
        tolerance,
    )


def pooled(scores: Iterable[TrackingScores]) -> TrackingScores:
    """Counts of several movies together, so that every link weighs the same; none pool to empty counts."""
    total = TrackingScores(Counts(0, 0, 0), Counts(0, 0, 0), Counts(0, 0, 0), 0)
    for one in scores:
        total = TrackingScores(
            total.cells + one.cells, total.edges + one.edges, total.divisions + one.divisions, one.tolerance
        )
    return total


def matched_cells(truth: LabelMovie, prediction: LabelMovie, *, threshold: float = 0.5) -> NDArray[np.int64]:
    """Corresponding cells: frame, id in truth, id in prediction; shape (n, 3), in order. Raises MismatchedShapes."""
    if truth.data.shape != prediction.data.shape:
        raise MismatchedShapes(f"movies of shapes {truth.data.shape} and {prediction.data.shape} cannot be compared")
    found = [np.zeros((0, 3), dtype=np.int64)]
    for frame, (one, two) in enumerate(zip(truth.data, prediction.data, strict=True)):
        table = overlap_table(one, two)
        rows, cols, _ = matched_indices(table, threshold=threshold)
        ids = table.ids_a[rows].astype(np.int64), table.ids_b[cols].astype(np.int64)
        found.append(np.stack([np.full(rows.size, frame), *ids], axis=1))
    return np.concatenate(found)


def link_counts(truth: Edges, prediction: Edges, pairs: NDArray[np.int64] | None = None) -> Counts:
    """Links in both. ``pairs`` as ``matched_cells`` gives them; None where both name cells by the same ids."""
    truth, prediction = sorted_edges(truth), sorted_edges(prediction)
    if pairs is None:
        said = prediction
    else:
        source = _translated(prediction[:, :2], pairs)
        target = _translated(prediction[:, 2:], pairs)
        known = (source >= 0) & (target >= 0)
        said = np.column_stack([prediction[known, 0], source[known], prediction[known, 2], target[known]])
    both = np.concatenate([truth, sorted_edges(said)])
    tp = len(both) - len(sorted_edges(both))
    return Counts(tp, len(truth), len(prediction))


def division_counts(
    truth: Lineage, prediction: Lineage, pairs: NDArray[np.int64] | None = None, *, tolerance: int = 1
) -> Counts:
    """Divisions in both, one to one.

    The mothers must correspond in the last frame that both have, two daughters each in the first frame that both have,
    and mothers' ends lie at most ``tolerance`` frames apart.
    """
    if pairs is None:
        nodes = truth.nodes()
        pairs = np.column_stack([nodes, nodes[:, 1]])
    same = {(frame, one): two for frame, one, two in pairs.tolist()}
    by_frame: dict[int, list[Division]] = {}
    for division in prediction.divisions:
        by_frame.setdefault(division.frame, []).append(division)
    tp = 0
    taken: set[int] = set()
    # Nearest in time first, so that a late one is not given away to an early one.
    for distance in sorted(range(-tolerance, tolerance + 1), key=abs):
        for division in truth.divisions:
            if -division.mother in taken:
                continue
            for other in by_frame.get(division.frame + distance, ()):
                if other.mother not in taken and _same_division(truth, prediction, division, other, same):
                    # Truth's mothers are kept as negative numbers, prediction's as positive.
                    taken |= {-division.mother, other.mother}
                    tp += 1
                    break
    return Counts(tp, len(truth.divisions), len(prediction.divisions))


def _same_division(
    truth: Lineage, prediction: Lineage, one: Division, two: Division, same: dict[tuple[int, int], int]
) -> bool:
    if same.get((min(one.frame, two.frame), one.mother)) != two.mother:
        return False
    found = set()
    for daughter in one.daughters:
        for other in two.daughters:
            begin = max(truth.by_id[daughter].begin, prediction.by_id[other].begin)
            if same.get((begin, daughter)) == other:
                found.add(other)
    return len(found) >= 2


def _translated(cells: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The truth's id of each predicted (frame, id); -1 where none corresponds."""
    if not len(pairs):
        return np.full(len(cells), -1, dtype=np.int64)
    keys = pairs[:, 0] << 32 | pairs[:, 2]
    order = np.argsort(keys)
    wanted = cells[:, 0] << 32 | cells[:, 1]
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][place] == wanted, pairs[order, 1][place], -1).astype(np.int64)
