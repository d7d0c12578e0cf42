"""Tracking: how far each reader's links are to be believed, told from the readings of one movie themselves.

Source: Dawid & Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied
Statistics 28:20-28, 1979. Their confusion matrix has a row a class; parents are no classes, each cell has candidates of
its own. So a reader has three rates: a link left out, a link to another cell, a link where there is none. Where leaving
out is common and inventing rare, one good reader's link may outweigh two who drew none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ALTERNATIVES = 2.0
"""Cells that a wrong link is shared among: few, since people who err tie a cell to its nearest neighbour."""
LINK_PRIOR = (18.0, 1.0, 1.0)
"""Pseudo-cells of a reader nobody knows: linked right, left out, linked wrong."""
NONE_PRIOR = (8.0, 2.0)
"""Pseudo-cells that come from nowhere: left so, tied to something."""
_ITERATIONS = 50
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class LinkSkill:
    """What the readings say of each other.

    Attributes:
        posterior: of each reader's answer for each cell, (readers, cells); equal answers have equal entries.
        linked: of each reader the rates right, left out, wrong, where there is a link, (readers, 3).
        invented: rate at which each reader ties a cell that comes from nowhere, (readers,).
    """

    posterior: Floats = field(repr=False)
    linked: Floats
    invented: Floats

    def weights(self) -> tuple[float, ...]:
        """Log odds of a right link, bounded to 0.1..6: what a reader's word weighs in a vote."""
        right = self.linked[:, 0]
        return tuple(np.clip(np.log(right / (1 - right)), 0.1, 6.0).tolist())


def link_skill(parents: Ints, asked: NDArray[np.bool_]) -> LinkSkill:
    """Maximum a posteriori EM over the cells of one movie.

    Args:
        parents: the parent that each reader gives each cell, -1 for none; (readers, cells).
        asked: cells that could have a parent, (cells,): those of the first frame cannot, and tell nothing.
    """
    readers, cells = parents.shape
    same = parents[:, None] == parents[None]
    # Readers that give one answer share it: the first of them stands for it.
    first = np.ones((readers, cells), dtype=np.bool_)
    for reader in range(1, readers):
        first[reader] = ~same[reader, :reader].any(axis=0)
    drawn = parents >= 0
    votes = same.sum(axis=0) / readers
    posterior = votes
    linked, invented = np.zeros((readers, 3)), np.zeros(readers)
    for _ in range(_ITERATIONS):
        truth = np.where(first & asked, posterior, 0.0)
        with_link, without = truth * drawn, truth * ~drawn
        left_out = (with_link.sum(axis=0) * ~drawn).sum(axis=1)
        right = (with_link[None] * same).sum(axis=(1, 2))
        wrong = (with_link.sum(axis=0) * drawn).sum(axis=1) - right
        counts = np.stack([right, left_out, wrong], axis=1) + LINK_PRIOR
        linked = counts / counts.sum(axis=1, keepdims=True)
        tied, kept = ((without.sum(axis=0) * chosen).sum(axis=1) for chosen in (drawn, ~drawn))
        invented = (tied + NONE_PRIOR[1]) / (tied + kept + sum(NONE_PRIOR))
        none = (without.sum() + 1) / (truth.sum() + 2)
        log_right, log_missed, log_wrong = np.log(linked).T[:, :, None]
        log_wrong = log_wrong - np.log(ALTERNATIVES)
        if_linked = np.where(same, log_right, np.where(drawn, log_wrong, log_missed)[None])
        if_none = np.where(drawn, np.log(invented / ALTERNATIVES)[:, None], np.log1p(-invented)[:, None])
        joint = np.where(drawn, np.log1p(-none) + if_linked.sum(axis=1), np.log(none) + if_none.sum(axis=0))
        joint -= joint.max(axis=0)
        mass = np.exp(joint)
        new = mass / (mass * first).sum(axis=0)
        change = float(np.abs(new - posterior)[:, asked].max(initial=0.0))
        posterior = new
        if change < _TOLERANCE:
            break
    return LinkSkill(posterior, linked, invented)
