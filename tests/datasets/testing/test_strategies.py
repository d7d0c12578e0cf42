"""The strategies reach the cases they promise, and nothing outside ``testing`` needs hypothesis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given
from numpy.typing import NDArray

import cellcommons
from cellcommons.labels import Labels
from cellcommons.testing.strategies import images, label_map_lists, label_maps, trees
from cellcommons.tree import Tree


@pytest.mark.parametrize(
    "case",
    [
        lambda labels: labels.max() == 0,
        lambda labels: labels.min() > 0,
        lambda labels: labels.max() == 2**32 - 1,
        lambda labels: len(np.unique(labels)) > 3,
        lambda labels: bool(((labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] * labels[:, :-1] > 0)).any()),
    ],
    ids=["empty", "full", "large id", "several cells", "touching cells"],
)
def test_label_maps_reach(case: Any) -> None:
    assert case(find(label_maps(), case))


@given(label_map_lists(min_size=2, max_size=3))
def test_lists_share_a_shape(maps: list[Labels]) -> None:
    assert len({m.shape for m in maps}) == 1
    assert 2 <= len(maps) <= 3


@given(images(axes="tcyx"))
def test_images_have_the_axes_asked_for(image: NDArray[Any]) -> None:
    assert image.ndim == 4
    assert image.dtype in (np.uint8, np.uint16, np.float32)
    assert np.isfinite(image).all()


@given(trees())
def test_trees_are_valid(tree: Tree) -> None:
    assert tree.size == sum(entry.size for entry in tree.entries)


def test_the_library_does_not_import_hypothesis_or_pytest() -> None:
    root = Path(cellcommons.__file__).parent
    modules = [
        ".".join(("cellcommons", *path.relative_to(root).with_suffix("").parts))
        for path in root.rglob("*.py")
        if "testing" not in path.parts and path.stem not in ("__init__", "__main__")
    ]
    code = f"import sys, {', '.join(modules)}; sys.exit('hypothesis' in sys.modules or 'pytest' in sys.modules)"
    assert len(modules) > 10
    subprocess.run([sys.executable, "-c", code], check=True)
