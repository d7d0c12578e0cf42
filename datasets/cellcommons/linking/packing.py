"""Weighted set packing: the one optimisation behind assignment and the global program.

A hypothesis ("i becomes j", "i divides into j and k") has a weight, what it saves against leaving its cells unlinked,
and uses up to three slots (i's way out, j's and k's way in). Every slot serves one hypothesis at most; the best choice
has the largest total weight. With pairs only this is the linear assignment problem with births and deaths.

Most of a movie is unambiguous. A hypothesis that weighs at least as much as the best rivals in all of its slots
together belongs to some optimum (exchange: taking it instead of them loses nothing), so it is taken at once; what
remains falls into small connected components, solved exactly: the smallest by trying every choice, all components of a
size at once, the others by linear assignment or, where they hold divisions, by a linear program.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, linprog, milp
from scipy.sparse import bmat, coo_matrix, csr_matrix, diags
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

Slots = NDArray[np.int64]
Weights = NDArray[np.float64]
Chosen = NDArray[np.bool_]

DENSE = 160
"""Sides up to which a component is assigned as a dense matrix."""
TRIED = 12
"""Hypotheses up to which every choice of a component is tried."""
WHOLE, NODES = 20_000, 1000
"""Hypotheses of a component up to which it is solved in integers, and branches looked at; beyond, it is rounded."""
BATCH = 6000
"""Hypotheses that share one linear program."""


def best_packing(slots: Slots, weights: Weights, n_slots: int, *, whole: int = WHOLE) -> Chosen:
    """The choice of hypotheses of the largest total weight.

    Args:
        slots: int64, shape (m, 3); the slots a hypothesis uses, -1 in the third column where it uses two. The first
            column is a slot of one side (ways out), the others of the other (ways in).
        weights: shape (m,); hypotheses of weight <= 0 are never taken.
        whole: hypotheses of a component up to which a split linear program is solved in integers.

    Returns:
        bool, shape (m,).
    """
    chosen = np.zeros(weights.size, dtype=np.bool_)
    # Heaviest first, first ones first where tied: one sort serves every round.
    open_ = np.flatnonzero(weights > 0)
    open_ = open_[np.argsort(-weights[open_], kind="stable")]
    # Column by column: numpy reduces three columns many times faster than rows of three.
    columns = [np.ascontiguousarray(column) for column in slots[open_].T]
    mine = weights[open_]
    used = np.zeros(n_slots + 1, dtype=np.bool_)  # the last one stands for "no third slot" and stays free
    while open_.size:
        sure = _dominant(columns, mine, n_slots)
        if not sure.any():
            break
        chosen[open_[sure]] = True
        for column in columns:
            used[column[sure]] = True
        used[-1] = False
        left = np.flatnonzero(~(used[columns[0]] | used[columns[1]] | used[columns[2]]))
        open_, mine, columns = open_[left], mine[left], [column[left] for column in columns]
    if open_.size:
        chosen[open_[_by_component(np.column_stack(columns), mine, n_slots, whole)]] = True
    return chosen


def _dominant(columns: list[NDArray[np.int64]], weights: Weights, n_slots: int) -> Chosen:
    """Hypotheses (heaviest first) that weigh at least as much as the best rivals of their slots together."""
    best = np.full(n_slots + 1, weights.size, dtype=np.int64)  # the first use of each slot
    numbers = np.arange(weights.size)
    for column in columns:
        use = np.full(n_slots + 1, weights.size, dtype=np.int64)
        use[column[::-1]] = numbers[::-1]  # the last write stays, and that is the first use
        np.minimum(best, use, out=best)
    second = np.zeros(n_slots + 1)
    leads = np.ones(weights.size, dtype=np.bool_)
    for column in columns:
        # The best of a slot has every other use of it as rival; the heaviest of these is what counts.
        first = best[column] == numbers
        others = np.flatnonzero(~first)[::-1]
        rival = np.zeros(n_slots + 1)
        rival[column[others]] = weights[others]  # lightest first: the heaviest is written last
        np.maximum(second, rival, out=second)
        leads &= first | (column < 0)
    second[-1] = 0.0
    rivals = second[columns[0]] + second[columns[1]] + second[columns[2]]
    return np.asarray(leads & (weights >= rivals))


def _by_component(slots: Slots, weights: Weights, n_slots: int, whole: int) -> NDArray[np.int64]:
    """Indices of the best hypotheses, found component by component."""
    third = slots[:, 2] >= 0
    ends_a = np.concatenate([slots[:, 0], slots[third, 0]])
    ends_b = np.concatenate([slots[:, 1], slots[third, 2]])
    graph = coo_matrix((np.ones(ends_a.size, dtype=np.int8), (ends_a, ends_b)), shape=(n_slots, n_slots))
    name = connected_components(graph, directed=False)[1][slots[:, 0]]
    order = np.argsort(name, kind="stable")
    bounds = np.flatnonzero(np.concatenate([[True], np.diff(name[order]) != 0, [True]]))
    sizes = np.diff(bounds)
    chosen: list[NDArray[np.int64]] = []
    for size in range(1, TRIED + 1):
        begins = bounds[:-1][sizes == size]
        if begins.size:
            chosen.append(_tried(order[begins[:, None] + np.arange(size)], slots, weights))
    batch: list[NDArray[np.int64]] = []
    waiting = 0
    large = np.flatnonzero(sizes > TRIED)
    for begin, end in zip(bounds[large].tolist(), bounds[large + 1].tolist(), strict=True):
        members = order[begin:end]
        if not third[members].any():
            chosen.append(members[_assign(slots[members, 0], slots[members, 1], weights[members])])
            continue
        batch.append(members)
        waiting += members.size
        if waiting >= BATCH:
            chosen.append(_program(batch, slots, weights, whole))
            batch, waiting = [], 0
    if batch:
        chosen.append(_program(batch, slots, weights, whole))
    return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)


def _tried(members: NDArray[np.int64], slots: Slots, weights: Weights) -> NDArray[np.int64]:
    """Indices of the best hypotheses of components of one size; each row of ``members`` is one, heaviest first."""
    size = members.shape[1]
    # Every choice; those that hold the heavier hypotheses come first, so that they win where tied.
    choices = (np.arange(1 << size)[::-1, None] >> np.arange(size)[::-1]) & 1
    own = slots[members]
    one, two = np.triu_indices(size, k=1)
    way_in, other = own[:, one, 1:, None], own[:, two, None, 1:]
    clash = (own[:, one, 0] == own[:, two, 0]) | ((way_in == other) & (way_in >= 0)).any(axis=(2, 3))
    both = choices[:, one] & choices[:, two]
    total = weights[members] @ choices.T.astype(np.float64)
    total[clash.astype(np.float32) @ both.T.astype(np.float32) > 0] = -np.inf
    return np.asarray(members[choices[np.argmax(total, axis=1)] == 1])


def _assign(rows: Slots, cols: Slots, weights: Weights) -> NDArray[np.int64]:
    """Indices of the best pairs (heaviest first) of one component; every row and column may stay alone."""
    row_names, row = np.unique(rows, return_inverse=True)
    col_names, col = np.unique(cols, return_inverse=True)
    n, m = row_names.size, col_names.size
    # Of a pair given twice only the first, which is the heavier, counts.
    once = np.unique(row * m + col, return_index=True)[1]
    row, col, weights = row[once], col[once], weights[once]
    if max(n, m) <= DENSE:
        gain = np.zeros((n, m))
        gain[row, col] = weights
        taken_row, taken_col = linear_sum_assignment(gain, maximize=True)
        taken = np.zeros((n, m), dtype=np.bool_)
        taken[taken_row, taken_col] = gain[taken_row, taken_col] > 0
        return np.asarray(once[taken[row, col]])
    # Staying alone costs as much as the best weight anywhere; the transpose completes it to a full matching
    # (Jaqaman et al., Nature Methods 2008, fig. 1b), sparse. Zero costs would count as no edge.
    top = float(weights.max())
    cost = csr_matrix((2 * top - weights + 1e-9, (row, col)), shape=(n, m))
    corner = csr_matrix((np.full(row.size, 1e-9), (col, row)), shape=(m, n))
    full = bmat([[cost, diags(np.full(n, top))], [diags(np.full(m, top)), corner]], format="csr")
    ends, others = min_weight_full_bipartite_matching(full)
    partner = np.full(n + m, -1, dtype=np.int64)
    partner[ends] = others
    return np.asarray(once[partner[row] == col])


def _program(batch: list[NDArray[np.int64]], slots: Slots, weights: Weights, most: int) -> NDArray[np.int64]:
    """Indices of the best hypotheses of some components: the linear program, in integers where it is split."""
    members = np.concatenate(batch)
    constraint = _incidence(slots[members])
    relaxed = linprog(-weights[members], A_ub=constraint, b_ub=np.ones(constraint.shape[0]), bounds=(0, 1))
    if relaxed.x is None:
        raise RuntimeError(f"the linear program of {members.size} hypotheses failed: {relaxed.message}")
    whole = np.asarray(relaxed.x)
    taken: list[NDArray[np.int64]] = []
    begin = 0
    for part in batch:
        value = whole[begin : begin + part.size]
        begin += part.size
        if np.all(np.abs(value - np.rint(value)) < 1e-6):
            taken.append(part[value > 0.5])
            continue
        # Odd cycles of divisions can leave a vertex of halves: these few components are solved in integers. Where
        # nearly everything may be anything, as under a badly trained model, that would never end: the limit counts
        # nodes, not seconds, so that equal input gives equal links.
        found: NDArray[np.float64] | None = None
        if part.size <= most:
            limit = LinearConstraint(_incidence(slots[part]), ub=1)
            exact = milp(
                -weights[part],
                constraints=limit,
                integrality=np.ones(part.size),
                bounds=Bounds(0, 1),
                options={"node_limit": NODES},
            )
            found = exact.x
        taken.append(_rounded(part, value, slots, weights) if found is None else part[np.asarray(found) > 0.5])
    return np.concatenate(taken)


def _rounded(part: NDArray[np.int64], value: Weights, slots: Slots, weights: Weights) -> NDArray[np.int64]:
    """A choice near the linear program's: what it takes most of first, the heavier where tied."""
    used: set[int] = set()
    taken = []
    for place in np.lexsort((-weights[part], -np.round(value, 6))).tolist():
        wanted = {slot for slot in slots[part[place]].tolist() if slot >= 0}
        if not wanted & used:
            used |= wanted
            taken.append(part[place])
    return np.array(taken, dtype=np.int64)


def _incidence(slots: Slots) -> csr_matrix:
    """Which hypothesis (column) uses which slot (row)."""
    real = slots >= 0
    column = np.broadcast_to(np.arange(len(slots))[:, None], slots.shape)[real]
    names, row = np.unique(slots[real], return_inverse=True)
    return csr_matrix((np.ones(row.size), (row, column)), shape=(names.size, len(slots)))
