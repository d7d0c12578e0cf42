"""A consensus of noisy readings is better than the best of its readers, on generated and on real cells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cellcommons.fusion.instances import Fusion, apply_settlement, fuse_instances
from cellcommons.labels import Labels
from cellcommons.measures.detection import detection_scores, summed
from cellcommons.synthetic.annotator import simulate_reading, skilled
from cellcommons.synthetic.cells import generate_cells

READERS = [skilled(100 + index) for index in range(3)]


def read_all(truths: list[Labels]) -> list[list[Labels]]:
    return [
        [
            simulate_reading(truth, reader, np.random.default_rng([index, number])).labels
            for number, reader in enumerate(READERS)
        ]
        for index, truth in enumerate(truths)
    ]


def pooled_f1(truths: list[Labels], found: list[Labels]) -> float:
    return summed(detection_scores(t, f) for t, f in zip(truths, found, strict=True)).f1_50


def settled(fusion: Fusion, truth: Labels) -> Labels:
    """What a faultless expert makes of the disagreements, choosing among the options only."""
    labels = fusion.labels
    for region in fusion.disagreements:
        y0, x0, y1, x1 = region.box
        seen = truth[y0:y1, x0:x1]
        best = max(region.options, key=lambda option: detection_scores(seen, option.labels).f1_50)
        labels = apply_settlement(labels, region.box, best.labels)
    return labels


def assert_consensus_beats_readers(truths: list[Labels]) -> None:
    readings = read_all(truths)
    fusions = [fuse_instances(maps) for maps in readings]
    best = max(pooled_f1(truths, [maps[number] for maps in readings]) for number in range(len(READERS)))
    consensus = pooled_f1(truths, [fusion.labels for fusion in fusions])
    final = pooled_f1(truths, [settled(fusion, truth) for fusion, truth in zip(fusions, truths, strict=True)])
    assert consensus > best
    assert final > consensus
    assert final > 0.97
    disputed = sum(len(fusion.disagreements) for fusion in fusions)
    assert disputed < 0.06 * sum(len(np.unique(truth)) - 1 for truth in truths)


def test_on_generated_cells() -> None:
    assert_consensus_beats_readers([generate_cells(seed).labels for seed in range(20)])


def real_truths(folder: Path, count: int) -> Iterator[Labels]:
    """Every k-th image of a DSB2018 folder: one PNG per nucleus."""
    images = sorted(folder.iterdir())
    for image in images[:: len(images) // count][:count]:
        masks = [np.asarray(Image.open(path).convert("L")) > 0 for path in sorted((image / "masks").glob("*.png"))]
        labels = np.zeros(masks[0].shape, dtype=np.uint32)
        for cell, mask in enumerate(masks, start=1):
            labels[mask] = cell
        yield labels


@pytest.mark.real_data
def test_on_real_nuclei(real_data: Path) -> None:
    assert_consensus_beats_readers(list(real_truths(real_data / "seg_dsb2018_fixes" / "stage1_train", 20)))
