"""Label maps: ids, boxes and outlines, for any ids a file may hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from cellcommons.errors import InvalidDocument
from cellcommons.labels import LabelMap, Labels, as_labels, cells, outlines, relabel
from cellcommons.testing.strategies import label_maps


@given(label_maps())
def test_cells_paint_the_map_again(labels: Labels) -> None:
    painted = np.zeros_like(labels)
    found = list(cells(labels))
    for cell in found:
        y0, x0, y1, x1 = cell.box
        window = painted[y0:y1, x0:x1]
        assert cell.mask.shape == window.shape
        assert cell.area == cell.mask.sum()
        # The box is tight.
        assert cell.mask.any(axis=0)[[0, -1]].all()
        assert cell.mask.any(axis=1)[[0, -1]].all()
        window[cell.mask] = cell.id
    np.testing.assert_array_equal(painted, labels)
    assert [cell.id for cell in found] == sorted(set(labels.ravel().tolist()) - {0})
    assert LabelMap(labels).ids.tolist() == [cell.id for cell in found]


@given(label_maps())
def test_relabel_keeps_the_partition_and_the_order(labels: Labels) -> None:
    dense = relabel(labels)
    assert dense.dtype == np.uint32
    pairs = sorted(set(zip(labels.ravel().tolist(), dense.ravel().tolist(), strict=True)))
    pairs = [pair for pair in pairs if pair != (0, 0)]
    assert [new for _, new in pairs] == list(range(1, len(pairs) + 1))
    np.testing.assert_array_equal(relabel(dense), dense)


@given(label_maps())
def test_outlines_are_the_pixels_with_a_foreign_neighbour(labels: Labels) -> None:
    edge = outlines(labels)
    padded = np.pad(labels.astype(np.int64), 1, constant_values=-1)
    for y, x in np.ndindex(labels.shape):
        around = [padded[y, x + 1], padded[y + 2, x + 1], padded[y + 1, x], padded[y + 1, x + 2]]
        foreign = any(value not in (-1, labels[y, x]) for value in around)
        assert edge[y, x] == (foreign and labels[y, x] != 0)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_frames_without_pixels(shape: tuple[int, int]) -> None:
    labels = np.zeros(shape, dtype=np.uint32)
    assert list(cells(labels)) == []
    assert relabel(labels).shape == shape
    assert outlines(labels).shape == shape


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.int64, np.uint64])
def test_integers_become_labels(dtype: type) -> None:
    labels = as_labels(np.eye(3, dtype=dtype))
    assert labels.dtype == np.uint32
    assert labels.flags.c_contiguous
    np.testing.assert_array_equal(labels, np.eye(3))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 2), np.uint8),
        np.zeros((2, 2)),
        np.full((2, 2), -1),
        np.full((2, 2), 2**32),
        np.zeros(4, np.uint8),
    ],
)
def test_what_cannot_be_labels_is_refused(array: np.ndarray) -> None:
    with pytest.raises(InvalidDocument):
        as_labels(array, where="mask.png")


def test_a_label_map_is_uint32() -> None:
    with pytest.raises(InvalidDocument, match="as_labels"):
        LabelMap(np.zeros((2, 2), dtype=np.int32))  # type: ignore[arg-type]
