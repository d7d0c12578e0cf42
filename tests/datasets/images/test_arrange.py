"""Every order of dimensions that a file may have becomes the one order of images, whole and by region."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.arrange import Arrangement, arranged_image
from cellcommons.images.lazy import LazyImage
from cellcommons.images.limits import DEFAULT_LIMITS

SIZES = {"t": 2, "c": 3, "z": 4, "y": 5, "x": 6, "s": 3}


@st.composite
def stored(draw: st.DrawFn) -> Arrangement:
    rest = draw(st.lists(st.sampled_from("tczs"), unique=True))
    letters = "".join(draw(st.permutations([*rest, "y", "x"])))
    return Arrangement(letters, tuple(SIZES[a] for a in letters))


def whole(array: np.ndarray, letters: str) -> np.ndarray:
    """By einsum, letter by letter, as the peer of what is tested."""
    full = np.einsum(f"{letters}->{''.join(a for a in 'tcszyx' if a in letters)}", array)
    if "s" in letters and "c" in letters:
        at = "tc".index("c") if "t" in letters else 0
        return full.reshape(*full.shape[:at], -1, *full.shape[at + 2 :])
    if "s" not in letters and "c" not in letters:
        return np.expand_dims(full, 1 if "t" in letters else 0)
    return full


@given(stored(), st.data())
@settings(max_examples=150)
def test_any_order_and_any_region(arrangement: Arrangement, data: st.DataObject) -> None:
    array = np.arange(np.prod(arrangement.shape), dtype=np.uint16).reshape(arrangement.shape)
    image = arranged_image(
        "",
        arrangement,
        array.dtype,
        lambda region: array[region],
        (1,) * array.ndim,
        DEFAULT_LIMITS,
        where="a",
        channels=tuple(map(str, range(arrangement.size("c") * arrangement.size("s")))),
    )
    expected = whole(array, arrangement.stored)
    assert image.shape == expected.shape
    assert np.array_equal(image.load().data, expected)
    region = []
    for size in image.shape:
        start = data.draw(st.integers(0, size - 1))
        region.append(slice(start, data.draw(st.integers(start + 1, size))))
    assert np.array_equal(image.region(tuple(region)), expected[tuple(region)])
    assert all(1 <= c <= n for c, n in zip(image.chunk, image.shape, strict=True))


@pytest.mark.parametrize("letters", ["", "y", "yx?", "yyx", "zyxq", "tz"])
def test_axes_that_name_no_image_are_refused(letters: str) -> None:
    with pytest.raises(WrongFormat, match="axes"):
        Arrangement(letters, (4,) * max(1, len(letters)))


@pytest.mark.parametrize(("stored_as", "kept"), [("bool", "uint8"), ("float16", "float32"), (">u2", "uint16")])
def test_kinds_of_pixel_are_kept_without_loss(stored_as: str, kept: str) -> None:
    array = np.arange(12).reshape(3, 4).astype(stored_as)
    image = _flat(array).load()
    assert image.data.dtype == kept
    assert np.array_equal(image.data[0], array)


def test_64_bit_integers_are_kept_where_they_fit() -> None:
    array = np.array([[0, 2**32 - 1]], np.uint64)
    assert _flat(array).load().data.dtype == np.uint32
    with pytest.raises(WrongFormat, match="64-bit"):
        _flat(array + 1).load()
    with pytest.raises(WrongFormat, match="complex"):
        _flat(array.astype(complex))


def test_nan_is_counted_and_nothing_but_nan_refused() -> None:
    array = np.full((2, 3), np.nan, np.float32)
    with pytest.raises(UnreadableFile, match="NaN"):
        _flat(array).load()
    array[0, 0] = 1
    assert _flat(array).load().metadata["nonfinite_pixels"] == 5


def _flat(array: np.ndarray) -> LazyImage:
    return arranged_image(
        "",
        Arrangement("yx", array.shape),
        array.dtype,
        lambda r: array[r],
        (1, 1),
        DEFAULT_LIMITS,
        where="a",
        channels=("a",),
    )


def test_orders_are_all_there() -> None:
    for n in range(5):
        for rest in itertools.combinations("tczs", n):
            for order in itertools.permutations((*rest, "y", "x")):
                made = Arrangement("".join(order), tuple(SIZES[a] for a in order))
                assert made.axes == "".join(a for a in "tczyx" if a in order or a == "c")
