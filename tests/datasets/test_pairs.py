"""A pair is two images of one field: same pixels, same pixel size, lying on one another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.layouts.paired import Paired
from cellcommons.pairs import ImagePair
from cellcommons.registration import Misregistered, check_registration, register_pair
from cellcommons.synthetic.pairs import generate_pair


def image(shape: tuple[int, ...] = (1, 20, 30), size: float | None = None) -> ImageData:
    return ImageData(np.zeros(shape, np.uint16), "cyx", tuple("abc"[: shape[0]]), PixelSize(size, size))


def test_a_target_has_its_sources_size() -> None:
    pair = ImagePair.of(image(), image((2, 20, 30)))
    assert pair.channels == ("a", "b")
    with pytest.raises(MismatchedShapes, match=r"\(20, 31\).*\(20, 30\)"):
        ImagePair.of(image(), image((1, 20, 31)))


def test_pixel_sizes_agree_where_both_are_known() -> None:
    assert ImagePair.of(image(size=0.5), image()).pixel_size.x == 0.5
    assert ImagePair.of(image(size=0.5), image(size=0.5002)).pixel_size.x == 0.5002
    with pytest.raises(MismatchedShapes, match=r"0\.65 micrometres along y.*0\.5"):
        ImagePair.of(image(size=0.5), image(size=0.65))


def test_a_shift_between_different_contrasts_is_found_to_the_pixel() -> None:
    made = generate_pair(3)
    phase, bodies = made.source.plane(), made.pair.target.plane(1)
    as_made = check_registration(phase, bodies)
    assert as_made.status == "registered"
    moved = np.roll(bodies, (6, -9), (0, 1))
    found = register_pair(phase, moved)
    assert found.status == "shifted"
    assert np.hypot(found.shift[0] + 6, found.shift[1] - 9) < 1.6
    assert found.after > found.before
    with pytest.raises(Misregistered, match="field 7: the target lies"):
        check_registration(phase, moved, where="field 7")


def test_all_planes_and_markers_together_tell_a_shift_to_the_pixel_and_the_same_from_chance() -> None:
    for seed in range(3):
        made, other = generate_pair(seed, planes=3), generate_pair(seed + 50, planes=3)
        stack, markers = made.source.data[0], made.pair.target.data
        assert check_registration(stack, markers).status == "registered"
        found = register_pair(stack, np.roll(markers, (9, -4), (1, 2)))
        assert found.status == "shifted"
        assert np.hypot(found.shift[0] + 9, found.shift[1] - 4) < 1.2
        assert register_pair(stack, other.pair.target.data).status == "unclear"
    assert check_registration(np.full((64, 64), 7), np.full((2, 64, 64), 3)).status == "unclear"


def test_a_turned_target_is_distorted() -> None:
    plane = generate_pair(4, height=384, width=384).pair.target.plane(1).astype(float)
    turned = ndimage.rotate(plane, 5, reshape=False, mode="reflect")
    assert register_pair(plane, turned, same_kind=True).status == "distorted"
    with pytest.raises(Misregistered, match="rotation and scale"):
        check_registration(plane, turned, same_kind=True)


def test_what_shares_nothing_is_unclear_and_not_refused() -> None:
    random = np.random.default_rng(0)
    assert check_registration(random.normal(size=(128, 128)), random.normal(size=(128, 128))).status == "unclear"
    with pytest.raises(InvalidDocument, match="at least 64 pixels"):
        register_pair(np.zeros((20, 20)), np.zeros((20, 20)))
    with pytest.raises(MismatchedShapes):
        register_pair(np.zeros((64, 64)), np.zeros((64, 65)))


@pytest.mark.real_data
def test_the_confocal_pairs_are_off_by_most_of_a_pixel(real_data: Path) -> None:
    layout = Paired()
    for entry in layout.scan(real_data / "aug_denoise_fmd_confocal").entries:
        record = layout.read(entry)
        assert isinstance(record.truth, ImagePair)
        found = register_pair(record.image.plane(), record.truth.target.plane(), same_kind=True)
        assert found.status == "registered"
        assert found.shift == pytest.approx((-0.7, 0.0), abs=0.21)
