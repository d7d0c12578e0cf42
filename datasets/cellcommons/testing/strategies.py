"""Hypothesis strategies for the library's own kinds of value."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import DTypeLike, NDArray

from cellcommons.canonical import sha256_hex
from cellcommons.labels import Labels
from cellcommons.tree import Tree, TreeEntry

_NAME = st.text("abcxyz0129._-", min_size=1, max_size=8).filter(lambda name: name not in (".", ".."))
_IDS = st.one_of(st.integers(1, 12), st.sampled_from([255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1]))


@st.composite
def label_maps(draw: st.DrawFn, *, shape: tuple[int, int] | None = None, max_cells: int = 6) -> Labels:
    """Small label maps: uint32, axes yx, up to 12 x 12 pixels unless ``shape`` is given.

    Cells are rectangles painted over one another, so they touch, fall apart, cover the whole frame or vanish; ids are
    neither dense nor small.
    """
    height, width = shape or (draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    labels = np.zeros((height, width), dtype=np.uint32)
    for cell in draw(st.lists(_IDS, max_size=max_cells, unique=True)):
        y0, x0 = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        y1, x1 = draw(st.integers(y0 + 1, height)), draw(st.integers(x0 + 1, width))
        labels[y0:y1, x0:x1] = cell
    return labels


@st.composite
def label_map_lists(draw: st.DrawFn, *, min_size: int = 1, max_size: int = 4, max_cells: int = 4) -> list[Labels]:
    """Several label maps of one shape, as several readers of one image would give."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    return draw(st.lists(label_maps(shape=shape, max_cells=max_cells), min_size=min_size, max_size=max_size))


@st.composite
def images(
    draw: st.DrawFn, *, axes: str = "cyx", dtypes: tuple[DTypeLike, ...] = (np.uint8, np.uint16, np.float32)
) -> NDArray[Any]:
    """Small images of up to 3 channels, planes or frames and 24 x 24 pixels, one axis per letter of ``axes``.

    Integer images use the whole range of their dtype; float images are finite and lie in 0..1.
    """
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = tuple(draw(st.integers(1, 24 if axis in "yx" else 3)) for axis in axes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.kind == "f":
        return rng.random(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, size=shape, dtype=dtype, endpoint=True)


@st.composite
def trees(draw: st.DrawFn, *, max_files: int = 8) -> Tree:
    """Sealed listings; the files themselves are kept nowhere."""
    paths = draw(st.lists(st.lists(_NAME, min_size=1, max_size=3).map("/".join), max_size=max_files, unique=True))
    folders = {"/".join(path.split("/")[:depth]) for path in paths for depth in range(1, path.count("/") + 1)}
    sizes = st.integers(0, 2**40)
    return Tree(
        tuple(
            TreeEntry(path, sha256_hex(draw(st.binary(max_size=4))), draw(sizes))
            for path in sorted(paths)
            if path not in folders
        )
    )
