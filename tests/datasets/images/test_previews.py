"""Pictures for pages: right size, right colours, outlines where the cells are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cellcommons.errors import MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.images.display import channel_window
from cellcommons.images.previews import PREDICTION, TRUTH, overlay_png, preview_png, side_by_side_png, thumbnail_png


def opened(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
        assert picture.mode == "RGB"
        return np.asarray(picture)


def image(data: np.ndarray, rgb: bool = False) -> ImageData:
    return ImageData(data, "cyx", tuple(f"c{i}" for i in range(len(data))), rgb=rgb)


def square() -> np.ndarray:
    labels = np.zeros((64, 64), np.uint32)
    labels[16:48, 16:48] = 7
    return labels


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((1, 512, 1024), (128, 256)), ((2, 4000, 300), (256, 19)), ((1, 10, 10), (40, 40)), ((1, 1, 900), (1, 256))],
)
def test_a_preview_fits_its_size(shape: tuple[int, ...], wanted: tuple[int, int]) -> None:
    data = np.random.default_rng(0).integers(0, 4000, shape).astype(np.uint16)
    assert opened(preview_png(image(data))).shape == (*wanted, 3)


def test_a_thumbnail_shows_the_same_without_enlarging() -> None:
    data = np.random.default_rng(0).integers(0, 4000, (1, 300, 512)).astype(np.uint16)
    small = np.asarray(Image.open(io.BytesIO(thumbnail_png(image(data)))))
    np.testing.assert_array_equal(small, opened(preview_png(image(data)))[..., 0])
    assert np.asarray(Image.open(io.BytesIO(thumbnail_png(image(data[:, :20, :30]))))).shape == (20, 30)
    stains = thumbnail_png(image(np.repeat(data, 2, axis=0)))
    np.testing.assert_array_equal(opened(stains), opened(preview_png(image(np.repeat(data, 2, axis=0)))))
    colours = image(np.repeat(data, 3, axis=0).astype(np.uint8), rgb=True)
    np.testing.assert_array_equal(opened(thumbnail_png(colours)), opened(preview_png(colours)))


def test_contrast_is_stretched_whatever_the_depth() -> None:
    ramp = np.linspace(0, 1, 256 * 256).reshape(1, 256, 256)
    for dtype, low, high in (("uint16", 100, 140), ("float32", -0.002, 0.003), ("int16", -300, -200)):
        shown = opened(preview_png(image((low + ramp * (high - low)).astype(dtype))))
        assert shown.min() < 5
        assert shown.max() > 250
        assert (shown[..., 0] == shown[..., 1]).all()


def test_a_colour_picture_keeps_its_colours() -> None:
    data = np.zeros((3, 256, 256), np.uint8)
    data[0, :, :128], data[2, :, 128:] = 200, 90
    shown = opened(preview_png(image(data, rgb=True)))
    assert np.abs(shown[10, 10].astype(int) - (200, 0, 0)).max() <= 1
    assert np.abs(shown[10, 250].astype(int) - (0, 0, 90)).max() <= 1


def test_each_channel_has_its_own_colour() -> None:
    data = np.zeros((3, 90, 90), np.uint16)
    for channel in range(3):
        data[channel, 30 * channel : 30 * channel + 30] = 1000
    shown = opened(preview_png(image(data), size=90))
    seen = {tuple(shown[15 + 30 * channel, 45] // 16) for channel in range(3)}
    assert len(seen) == 3


@pytest.mark.parametrize("value", [0, 5, 65535])
def test_a_flat_image_is_shown_without_an_error(value: int) -> None:
    assert opened(preview_png(image(np.full((1, 20, 20), value, np.uint16)))).shape == (80, 80, 3)


def test_nan_and_infinity_do_not_spoil_the_picture() -> None:
    data = np.random.default_rng(0).random((1, 64, 64)).astype(np.float32)
    data[0, 0, :3] = np.nan, np.inf, -np.inf
    window = channel_window(image(data), 0)
    assert 0 <= window.start < window.end <= 1
    assert opened(preview_png(image(data))).max() > 200
    assert not opened(preview_png(image(np.full((1, 8, 8), np.nan, np.float32)))).any()


def test_a_stack_shows_its_middle() -> None:
    data = np.zeros((1, 5, 32, 32), np.uint8)
    data[0, 2, 8:24, 8:24] = 200
    shown = opened(preview_png(ImageData(data, "czyx", ("a",))))
    assert shown.max() > 190


def test_outlines_lie_on_the_rim_of_the_cells() -> None:
    shown = opened(overlay_png(image(np.zeros((1, 64, 64), np.uint8)), [(square(), TRUTH)], size=128))
    drawn = (shown == TRUTH).all(axis=-1)
    assert drawn[32, 32:96].all()
    assert drawn[95, 32:96].all()
    assert not drawn[40:90, 40:90].any()
    assert not drawn[:31].any()


def test_three_panels_side_by_side() -> None:
    truth, predicted = square(), np.zeros((64, 64), np.uint32)
    shown = opened(side_by_side_png(image(np.zeros((1, 64, 64), np.uint8)), truth, predicted, size=128))
    width = (shown.shape[1] - 12) // 3
    assert (shown.shape[0], width) == (128, 128)
    panels = [shown[:, i * (width + 6) : i * (width + 6) + width] for i in range(3)]
    assert not panels[0].any()
    assert (panels[1] == TRUTH).all(axis=-1).any()
    assert not (panels[2] == PREDICTION).all(axis=-1).any()


def test_labels_of_another_shape_are_refused() -> None:
    with pytest.raises(MismatchedShapes, match="64 x 64"):
        overlay_png(image(np.zeros((1, 32, 64), np.uint8)), [(square(), TRUTH)])
