"""The Cell Tracking Challenge's measures: SEG, DET, TRA, LNK and BIO, computed by py-ctcmetrics.

Sources: Matula et al. 2015, "Cell tracking accuracy measurement based on comparison of acyclic oriented graphs",
https://doi.org/10.1371/journal.pone.0144959; Ulman et al. 2017, https://doi.org/10.1038/nmeth.4473.
Install ``cellcommons[tracking]``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, MismatchedShapes, NotFound
from cellcommons.matching import overlap_table
from cellcommons.tracks import LabelMovie, Lineage


@dataclass(frozen=True)
class CtcScores:
    """The challenge's measures of one movie, each 0 to 1; None where the truth gives nothing to measure.

    Attributes:
        seg: mean Jaccard index of the truth's cells. det, tra, lnk: detection, tracking and linking, from the cost of
            correcting the graph. ct: complete tracks. tf: track fractions. bc: branching correctness at ``tolerance``.
            cca: cell cycle accuracy. bio: mean of those of ct, tf, bc and cca that there are.
        tolerance: frames a division may be early or late.
    """

    seg: float
    det: float
    tra: float
    lnk: float | None
    ct: float
    tf: float
    bc: float | None
    cca: float | None
    bio: float
    tolerance: int

    def measures(self) -> dict[str, float | None]:
        """Name -> value, without the tolerance."""
        return {name: value for name, value in asdict(self).items() if name != "tolerance"}


def ctc_scores(truth: LabelMovie, prediction: LabelMovie, *, tolerance: int = 1) -> CtcScores:
    """Score one predicted movie; a cell is found where a predicted one covers more than half of it.

    Raises:
        MismatchedShapes: the movies differ in frames, rows or columns.
        InvalidDocument: the truth holds no cell, or the tolerance is negative.
        NotFound: py-ctcmetrics is not installed.
    """
    if truth.data.shape != prediction.data.shape:
        raise MismatchedShapes(f"movies of shapes {truth.data.shape} and {prediction.data.shape} cannot be compared")
    if not truth.lineage.tracks or tolerance < 0:
        raise InvalidDocument("these measures need a truth with cells and a tolerance of 0 frames or more")
    metrics, representations = _package()
    ref, comp = _rows(truth.lineage), _rows(prediction.lineage)
    labels_ref, labels_comp, mapped_ref, mapped_comp, ious = _matched(truth, prediction)
    if not prediction.lineage.tracks:
        links = len(truth.edges()) or None
        branches = 0.0 if truth.lineage.divisions else None
        cycles = None if metrics.cca(ref, ref) is None else 0.0
        return CtcScores(0.0, 0.0, 0.0, 0.0 if links else None, 0.0, 0.0, branches, cycles, 0.0, tolerance)
    work = representations.count_acyclic_graph_correction_operations(
        ref, comp, labels_ref, labels_comp, mapped_ref, mapped_comp
    )
    found = metrics.raw_division_metrics(comp, ref, mapped_ref, mapped_comp, i=tolerance)
    ct = metrics.ct(comp, ref, labels_ref, mapped_ref, mapped_comp)
    tf = metrics.tf(ref, labels_ref, mapped_ref, mapped_comp)
    bc, cca = metrics.bc(*found), metrics.cca(comp, ref)
    return CtcScores(
        seg=float(metrics.seg(labels_ref, ious)),
        det=float(metrics.det(**work)),
        tra=float(metrics.tra(**work)[0]),
        lnk=float(metrics.lnk(**work)) if work["num_edges"] else None,
        ct=float(ct),
        tf=float(tf),
        bc=None if bc is None else float(bc),
        cca=None if cca is None else float(cca),
        bio=float(metrics.bio(ct, tf, bc, cca)),
        tolerance=tolerance,
    )


def _package() -> tuple[Any, Any]:
    try:
        # Kept out of start-up: an extra that brings pandas and scikit-learn, which no other part needs.
        from ctc_metrics import metrics
        from ctc_metrics.utils import representations  # likewise
    except ImportError as error:
        raise NotFound(
            "py-ctcmetrics is not installed", where="ctc_scores", remedy="pip install 'cellcommons[tracking]'"
        ) from error
    return metrics, representations


def _rows(lineage: Lineage) -> NDArray[np.int64]:
    """Label, begin, end, parent or 0."""
    rows = [(t.id, t.begin, t.end, t.parent or 0) for t in lineage.tracks]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def _matched(truth: LabelMovie, prediction: LabelMovie) -> tuple[list[Any], list[Any], list[Any], list[Any], list[Any]]:
    """Per frame: ids of truth and prediction, ids of the found and of those that cover them, and their IoU."""
    labels_ref, labels_comp, mapped_ref, mapped_comp, ious = [], [], [], [], []
    for one, two in zip(truth.data, prediction.data, strict=True):
        table = overlap_table(one, two)
        covered = 2 * table.intersections > table.areas_a[table.rows]
        labels_ref.append(table.ids_a.tolist())
        labels_comp.append(table.ids_b.tolist())
        mapped_ref.append(table.ids_a[table.rows[covered]].tolist())
        mapped_comp.append(table.ids_b[table.cols[covered]].tolist())
        ious.append(table.iou[covered].tolist())
    return labels_ref, labels_comp, mapped_ref, mapped_comp, ious
