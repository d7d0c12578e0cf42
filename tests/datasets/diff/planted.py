"""Changes planted into generated cells, and what a comparison must say of them; and releases of label maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from cellcommons.diff.changes import BORN, DIED, MERGED, RESHAPED, SPLIT, CellChange, TrackChange
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.indexes import CellRow, ReleaseItem
from cellcommons.labels import Labels, cells
from cellcommons.release import Release, open_release
from cellcommons.sealing import seal_release
from cellcommons.store import ObjectStore

CREATED = "2026-11-20T08:00:00Z"
OPPOSITE = {BORN: DIED, DIED: BORN, SPLIT: MERGED, MERGED: SPLIT}
WORDS = {"link added": "link removed", "division born": "division died"}
OPPOSITE_WORDS = WORDS | {b: a for a, b in WORDS.items()}


def rows(labels: Labels, classes: Mapping[int, str] | None = None) -> dict[int, CellRow]:
    named = classes or {}
    return {c.id: CellRow(c.id, c.box, c.area, classes=(named[c.id],) if c.id in named else ()) for c in cells(labels)}


def mirrored(change: CellChange) -> CellChange:
    """The same change, seen from the other release."""
    return replace(
        change,
        kind=OPPOSITE.get(change.kind, change.kind),
        before=change.after,
        after=change.before,
        area_before=change.area_after,
        area_after=change.area_before,
        classes_before=change.classes_after,
        classes_after=change.classes_before,
    )


def mirrored_track(change: TrackChange) -> TrackChange:
    kind = OPPOSITE_WORDS.get(change.kind, change.kind)
    return replace(change, kind=kind, before=change.after, after=change.before)


@dataclass(frozen=True)
class Planted:
    """A label map changed on purpose; ``expected``: (kind, ids before, ids after)."""

    labels: Labels
    expected: set[tuple[str, tuple[int, ...], tuple[int, ...]]]


def plant(labels: Labels, rng: np.random.Generator, *, most: int = 2) -> Planted:
    """Remove, grow, split, add and merge up to ``most`` cells each, every cell at most once, under new ids."""
    after = labels.copy()
    found = {cell.id: cell for cell in cells(labels)}
    order = [int(i) for i in rng.permutation(sorted(found))]
    expected: set[tuple[str, tuple[int, ...], tuple[int, ...]]] = set()
    top = int(labels.max()) + 1

    def take(count: int, least: int = 60) -> list[int]:
        chosen = [i for i in order if found[i].area >= least][:count]
        for i in chosen:
            order.remove(i)
        return chosen

    for cell in take(most):
        after[labels == cell] = 0
        expected.add((DIED, (cell,), ()))
    for cell in take(most):
        rows_, cols = np.nonzero(labels == cell)
        tall = np.ptp(rows_) >= np.ptp(cols)
        along = rows_ if tall else cols
        second = along > np.median(along)
        after[rows_[second], cols[second]] = top
        expected.add((SPLIT, (cell,), (cell, top)))
        top += 1
    for cell in take(most):
        # Shrunk by two pixels all around: less than half of a cell of this size is lost only if it is not tiny.
        inside = labels == cell
        core = inside.copy()
        core[1:] &= inside[:-1]
        core[:-1] &= inside[1:]
        core[:, 1:] &= inside[:, :-1]
        core[:, :-1] &= inside[:, 1:]
        after[inside & ~core] = 0
        expected.add((RESHAPED, (cell,), (cell,)))
    for first, second in _neighbours(labels, found, order)[:most]:
        order.remove(first)
        order.remove(second)
        after[labels == second] = first
        expected.add((MERGED, tuple(sorted((first, second))), (first,)))
    for _ in range(most):
        empty = _empty_square(after, labels, rng)
        if empty is not None:
            after[empty] = top
            expected.add((BORN, (), (top,)))
            top += 1
    # All ids are others now, which is no change.
    ids = np.unique(after[after > 0])
    fresh = dict(zip(ids.tolist(), (rng.permutation(ids.size) + 1000).tolist(), strict=True))
    renamed = np.zeros_like(after)
    for old, new in fresh.items():
        renamed[after == old] = new
    said = {(k, b, tuple(sorted(fresh[i] for i in a))) for k, b, a in expected}
    return Planted(renamed, said)


def _neighbours(labels: Labels, found: Mapping[int, object], order: list[int]) -> list[tuple[int, int]]:
    """Pairs of the cells still free, of comparable size, no cell twice. They need not touch: ids decide."""
    pairs, used = [], set()
    for i in order:
        for j in order:
            size, other = found[i].area, found[j].area  # type: ignore[attr-defined]
            if i < j and not used & {i, j} and min(size, other) * 5 > size + other:
                pairs.append((i, j))
                used |= {i, j}
    return pairs


def _empty_square(after: Labels, before: Labels, rng: np.random.Generator, side: int = 6):
    free = (after == 0) & (before == 0)
    for _ in range(200):
        y, x = (int(rng.integers(0, n - side)) for n in free.shape)
        if free[y : y + side, x : x + side].all():
            return slice(y, y + side), slice(x, x + side)
    return None


def release_of(store: ObjectStore, maps: Mapping[str, Labels], **changes: object) -> Release:
    """A release of instance segmentation: image id -> label map; the pixels follow from the id."""
    items = [item_of(store, image, labels) for image, labels in maps.items()]
    return sealed(store, items, **changes)


def item_of(store: ObjectStore, image: str, labels: Labels, **changes: object) -> ReleaseItem:
    rng = np.random.default_rng(sum(image.encode()))
    pixels = rng.integers(0, 60_000, (1, *labels.shape), dtype=np.uint16)
    item = ReleaseItem(
        image=image,
        name=f"{image}.tif",
        tree=write_image(store, ImageData(pixels, "cyx", ("DNA",))).digest,
        labels=write_labels(store, labels).digest,
        split="train",
        source=image,
        stratum="",
        channels=("DNA",),
        height=labels.shape[0],
        width=labels.shape[1],
        cells=tuple(rows(labels).values()),
    )
    return replace(item, **changes)  # type: ignore[arg-type]


def sealed(store: ObjectStore, items: list[ReleaseItem], **changes: object) -> Release:
    fields: dict = {"dataset": "lab/cells", "title": "Cells", "parent": None, "created": CREATED, "licence": "CC0-1.0"}
    fields |= {"task": "instance_segmentation", "card_text": "# Cells\n", "split_certificate": {"seed": 0}}
    _, digest = seal_release(store, items=items, **{**fields, **changes})
    return open_release(store, digest)
