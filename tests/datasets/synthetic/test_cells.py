"""Generated cells: exact truth, plausible light, the same bytes from the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from cellcommons.canonical import sha256_hex
from cellcommons.errors import InvalidDocument
from cellcommons.labels import cells
from cellcommons.measures.overlap import pixel_iou
from cellcommons.synthetic.cells import MIN_AREA, SOURCES, generate_cells


@pytest.mark.parametrize("channels", [1, 2])
def test_shapes_axes_and_ids(channels: int) -> None:
    made = generate_cells(3, height=120, width=160, channels=channels)
    assert made.image.shape == (channels, 120, 160)
    assert made.image.dtype == np.uint16
    assert made.labels.shape == (120, 160)
    assert made.labels.dtype == np.uint32
    assert len(made.channels) == channels
    assert made.pixel_size.known
    ids = [cell.id for cell in cells(made.labels)]
    assert ids == list(range(1, len(ids) + 1))


def test_seeds_give_the_same_bytes_or_others() -> None:
    def digest(seed: int, channels: int = 1) -> str:
        made = generate_cells(seed, channels=channels)
        return sha256_hex(made.image.tobytes() + made.labels.tobytes())

    assert digest(1) == digest(1)
    assert len({digest(seed) for seed in range(5)}) == 5
    np.testing.assert_array_equal(generate_cells(1).labels, generate_cells(1, channels=2).labels)


def test_every_nucleus_is_one_piece_of_fair_size() -> None:
    for seed in range(8):
        for cell in cells(generate_cells(seed).labels):
            assert cell.area >= MIN_AREA
            assert ndimage.label(cell.mask)[1] == 1


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_nuclei_are_brighter_than_glass_and_nothing_saturates(source: object) -> None:
    made = generate_cells(5, source=source, channels=2)  # type: ignore[arg-type]
    nuclei, bodies = made.image.astype(float)
    inside, outside = nuclei[made.labels > 0], nuclei[ndimage.distance_transform_edt(made.labels == 0) > 6]
    assert np.median(inside) > 3 * np.median(outside)
    assert made.image.max() < 65535
    # The marker of cell bodies is around the nuclei, not in them.
    ring = ndimage.binary_dilation(made.labels > 0, iterations=3) & (made.labels == 0)
    assert bodies[ring].mean() > bodies[made.labels > 0].mean()


def test_truth_fits_the_light() -> None:
    made = generate_cells(0, source=SOURCES[0])
    smooth = ndimage.gaussian_filter(made.image[0].astype(float), 1)
    half = (np.percentile(smooth[made.labels > 0], 50) + np.median(smooth)) / 2.6
    assert pixel_iou(made.labels, smooth > half) > 0.75


def test_sources_differ_in_size_and_light() -> None:
    areas, light = [], []
    for source in SOURCES:
        made = [generate_cells(seed, source=source) for seed in range(3)]
        areas.append(np.median([cell.area for m in made for cell in cells(m.labels)]))
        light.append(np.median(np.concatenate([m.image[0][m.labels > 0] for m in made])))
        assert {m.source for m in made} == {source.name}
    assert max(areas) > 2 * min(areas)
    assert max(light) > 2 * min(light)
    assert {generate_cells(seed, height=32, width=32).source for seed in range(40)} == {s.name for s in SOURCES}


def test_count_is_an_upper_bound_and_mostly_met() -> None:
    assert generate_cells(1, count=0).labels.max() == 0
    assert generate_cells(1, count=12).labels.max() == 12
    assert 0 < generate_cells(1, height=40, width=40, count=500).labels.max() < 60


def test_bad_questions() -> None:
    for bad in ({"height": 8}, {"channels": 3}, {"count": -1}):
        with pytest.raises(InvalidDocument):
            generate_cells(0, **bad)  # type: ignore[arg-type]
