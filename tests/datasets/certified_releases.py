"""Small releases with certified splits: fields of cells, two of them cut into crops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import ndimage

from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.near_duplicates.descriptors import describe
from cellcommons.near_duplicates.planes import stored_plane
from cellcommons.near_duplicates.search import Pair, find_pairs
from cellcommons.release import Release, ReleaseItem, open_release
from cellcommons.sealing import seal_release
from cellcommons.split_certificate import certified_split
from cellcommons.store import ObjectStore

SIDE = 128


def texture(seed: int, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Blobs of two sizes, uint8."""
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    plane = ndimage.gaussian_filter(noise, 2) * 12 + ndimage.gaussian_filter(noise[::-1], 5) * 20
    return np.clip(100 + 40 * plane, 0, 255).astype(np.uint8)


def crops() -> dict[str, np.ndarray]:
    """Ten images: ``o1`` and ``o2`` overlap, ``s1`` and ``s2`` lie side by side, ``c2`` is ``c1`` brighter."""
    over, side, copied = texture(1, SIDE, 200), texture(2, SIDE, 2 * SIDE), texture(3)
    made = {"o1": over[:, :SIDE], "o2": over[:, 200 - SIDE :], "s1": side[:, :SIDE], "s2": side[:, SIDE:]}
    made |= {"c1": copied, "c2": (copied // 2 + 60).astype(np.uint8)}
    return made | {f"x{n}": texture(10 + n) for n in range(4)}


def item(store: ObjectStore, image: str, plane: np.ndarray, **changes: object) -> ReleaseItem:
    tree = write_image(store, ImageData(np.ascontiguousarray(plane)[None], "cyx", ("DNA",))).digest
    labels = write_labels(store, np.zeros(plane.shape, np.uint32)).digest
    made = ReleaseItem(image, image, tree, labels, "train", f"slide {image}", "cells", ("DNA",), *plane.shape)
    return replace(made, **changes)  # type: ignore[arg-type]


def pairs_in(store: ObjectStore, items: Iterable[ReleaseItem]) -> list[Pair]:
    planes = {one.image: stored_plane(store, one.tree) for one in items}
    known = {image: describe(plane) for image, plane in planes.items()}
    return find_pairs(known, known, planes.__getitem__)


def sealed(
    store: ObjectStore,
    items: list[ReleaseItem],
    pairs: list[Pair],
    *,
    parent: Release | None = None,
    locked: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Release:
    nodes = [(one.image, one.source, one.stratum) for one in items]
    digest = parent.digest if parent else None
    certified = certified_split(nodes, pairs, seed=seed, locked=locked, parent=digest)
    placed = [replace(one, split=certified.split.assignment[one.image]) for one in items]
    return resealed(store, placed, certified.sealed, digest)


def resealed(
    store: ObjectStore,
    items: list[ReleaseItem],
    certificate: Mapping[str, Any] | Callable[[str], Mapping[str, Any]],
    parent: str | None,
) -> Release:
    """A release of just these items and this certificate, whether or not they belong together."""
    facts: dict[str, Any] = {
        "dataset": "lab/crops",
        "title": "Crops",
        "licence": "CC0-1.0",
        "task": "instance_segmentation",
    }
    _, sha256 = seal_release(
        store, **facts, parent=parent, created="2026-11-20T08:00:00Z", items=items, card_text="# Crops\n",
        split_certificate=certificate,
    )  # fmt: skip
    return open_release(store, sha256)
