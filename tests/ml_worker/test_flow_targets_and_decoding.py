"""Labels -> tensors -> labels gives the same cells, also where they touch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.io import imread

from cellcommons.errors import InvalidDocument
from cellcommons.measures.detection import detection_scores, summed
from ml_worker.decoding.flows import DecodeConfig, decode_flows, tidy_cells
from ml_worker.targets.flows import cell_centres, flow_targets


def touching(size: int = 120, step: int = 12) -> np.ndarray:
    """A brick wall: every cell touches its neighbours."""
    rows, columns = np.indices((size, size))
    shifted = columns + (rows // step % 2) * (step // 2)
    labels = rows // step * 100 + shifted // step + 1
    labels[:6] = 0
    return labels.astype(np.uint32)


def decoded(labels: np.ndarray) -> np.ndarray:
    targets = flow_targets(labels)
    return decode_flows(targets[0], targets[2:4])


def test_touching_cells_come_back() -> None:
    truth = touching()
    assert detection_scores(truth, decoded(truth)).f1(0.9) > 0.97


def test_real_truth_comes_back(real_data: Path) -> None:
    scores = []
    for folder in sorted((real_data / "seg_dsb2018_fixes" / "stage1_train").iterdir())[::40]:
        labels = None
        for number, path in enumerate(sorted((folder / "masks").glob("*.png")), start=1):
            mask = np.atleast_3d(imread(path))[..., 0] > 0
            labels = np.zeros(mask.shape, np.uint32) if labels is None else labels
            labels[mask] = number
        scores.append(detection_scores(labels, decoded(labels)))
    assert summed(scores).f1(0.8) > 0.97


def test_targets_say_where_the_centre_is() -> None:
    labels = np.zeros((20, 30), np.uint32)
    labels[4:9, 10:21] = 7
    targets = flow_targets(labels)
    assert targets.shape == (5, 20, 30)
    assert targets.dtype == np.float32
    assert (targets[2][6, 12], targets[3][6, 12]) == (0, 3)
    assert targets[1].max() == 1
    assert (targets[:4, labels == 0] == 0).all()
    assert targets[4][6, 15] == pytest.approx(np.sqrt(55 / np.pi))


def test_the_centre_lies_inside_a_bent_cell() -> None:
    labels = np.zeros((40, 40), np.uint32)
    labels[5:35, 5:10] = labels[30:35, 5:35] = 1
    y, x = cell_centres(labels)[1].astype(int)
    assert labels[y, x] == 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (16, 16)])
def test_no_cells_give_no_cells(shape: tuple[int, int]) -> None:
    assert not decoded(np.zeros(shape, np.uint32)).any()


def test_one_cell_that_fills_the_image_comes_back() -> None:
    assert (decoded(np.ones((32, 32), np.uint32)) == 1).all()


def test_tidying_keeps_the_largest_piece_and_fills_holes() -> None:
    labels = np.zeros((30, 30), np.int64)
    labels[2:12, 2:12] = 5
    labels[5, 5] = 0
    labels[25:27, 25:27] = 5
    tidy = tidy_cells(labels, labels > 0, min_area=8)
    assert tidy.dtype == np.uint32
    assert (tidy[2:12, 2:12] == 1).all()
    assert not tidy[25:27, 25:27].any()


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="threshold"):
        DecodeConfig(threshold=1.5)
