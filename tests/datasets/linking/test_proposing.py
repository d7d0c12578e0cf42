"""Links proposed to a person: by one method, checked by another."""

from __future__ import annotations

import numpy as np
import pytest

from cellcommons.errors import NotFound
from cellcommons.linking.proposing import propose_links
from cellcommons.linking.registry import all_linkers


def frames(step: int) -> list[np.ndarray]:
    """Two cells side by side that go to the right by ``step`` pixels a frame; ids change with every frame."""
    stack = np.zeros((4, 40, 80), np.uint32)
    for time in range(4):
        for row in (0, 1):
            x = 5 + step * time
            stack[time, 4 + 20 * row : 14 + 20 * row, x : x + 10] = 1 + (row + time) % 2
    return list(stack)


@pytest.mark.parametrize("linker", [linker.name for linker in all_linkers()])
def test_every_method_links_what_is_plain_and_the_check_agrees(linker: str) -> None:
    found = propose_links(frames(2), linker=linker, first=7)
    wanted = {
        f"{7 + time}:{1 + (row + time) % 2}": f"{6 + time}:{1 + (row + time - 1) % 2}"
        for time in (1, 2, 3)
        for row in (0, 1)
    }
    assert found == {child: [parent, True] for child, parent in wanted.items()}


def test_where_the_methods_differ_it_says_so() -> None:
    # Between two cells a third appears, which covers a part of one and is as near to the other.
    pair = np.zeros((2, 40, 80), np.uint32)
    for time, places in enumerate(((10, 30), (12, 20, 40))):
        for cell, x in enumerate(places, start=1):
            pair[time, 10:20, x : x + 10] = cell
    assert propose_links(list(pair), linker="overlap") == {"1:1": ["0:1", True]}
    nearest = propose_links(list(pair), linker="nearest")
    assert nearest["1:1"] == ["0:1", True]
    assert nearest["1:2"] == ["0:2", False]


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(NotFound):
        propose_links(frames(1), linker="wish")
