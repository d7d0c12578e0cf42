"""Units of length and time, and names that files give channels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.images.channel_names import LONGEST, named_channels
from cellcommons.images.units import micrometres, seconds


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (2e-7, "m", 0.2),
        (0.2, "µm", 0.2),
        (0.2, "μm", 0.2),  # the Greek letter, beside the micro sign above
        (0.2, "\\u00b5m", 0.2),
        (200, "nm", 0.2),
        (200, "nanometer", 0.2),
        (1, "Micron", 1.0),
        (2, "angstrom", 2e-4),
        (1, "inch", 25400.0),
        (1, "pixel", None),
        (1, None, None),
        (1, "", None),
        (0, "um", None),
        (-1, "um", None),
        (math.nan, "um", None),
        (math.inf, "um", None),
        ("1", "um", None),
        (True, "um", None),
    ],
)
def test_lengths(value: object, unit: object, expected: float | None) -> None:
    assert micrometres(value, unit) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(4, "seconds", 4.0), (500, "ms", 0.5), (2, "min", 120.0), (1, "hours", 3600.0), (1, "um", None), (0, "s", None)],
)
def test_times(value: object, unit: object, expected: float | None) -> None:
    assert seconds(value, unit) == expected


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=4), st.integers(1, 5))
def test_names_are_as_many_as_channels_and_can_be_kept(names: list[str], count: int) -> None:
    given_names = named_channels(names, count)
    assert len(given_names) == count
    for name in given_names:
        assert 0 < len(name) <= LONGEST
        assert name.isprintable()
        assert name.encode()


def test_unnamed_channels_are_numbered() -> None:
    assert named_channels((), 1) == ("intensity",)
    assert named_channels(("", None, "GFP"), 3) == ("channel 1", "channel 2", "GFP")
