"""Edits fold back to what was drawn, and hostile ones are refused."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.edits import TILE, check_tiles, deflate, encode_tiles, fold_edits, inflate, pixels_sha256
from cellcommons.errors import InvalidDocument


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**31), st.integers(1, 5))
def test_a_chain_of_edits_folds_to_the_last_map(height: int, width: int, seed: int, strokes: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 4, (height, width), dtype=np.uint32)
    current, edits, versions = base, [], {}
    for cell in range(1, strokes + 1):
        new = current.copy()
        y, x = int(rng.integers(height)), int(rng.integers(width))
        new[y : y + 40, x : x + 40] = cell * 1_000_003
        tiles = encode_tiles(current, new, versions)
        check_tiles(tiles, (height, width))
        for tile in tiles:
            versions[f"{tile['y']},{tile['x']}"] = tile["version"] + 1
        edits.append(tiles)
        current = new
    folded = fold_edits(base, edits)
    assert np.array_equal(folded, current)
    assert pixels_sha256(folded) == pixels_sha256(current)
    assert np.array_equal(fold_edits(folded, edits), base), "an edit is its own inverse"


def test_equal_maps_make_no_tiles() -> None:
    labels = np.ones((200, 130), dtype=np.uint32)
    assert encode_tiles(labels, labels, {}) == []


@pytest.mark.parametrize("text", ["", "!!", base64.b64encode(b"plain").decode(), deflate(np.zeros((4, 4), np.uint32))])
def test_pixels_that_do_not_fill_the_shape_are_refused(text: str) -> None:
    with pytest.raises(InvalidDocument):
        inflate(text, (TILE, TILE))


def test_a_bomb_is_not_inflated() -> None:
    packer = zlib.compressobj(level=9, wbits=-15)
    bomb = base64.b64encode(packer.compress(bytes(200_000_000)) + packer.flush()).decode()
    with pytest.raises(InvalidDocument, match="do not fill"):
        inflate(bomb, (TILE, TILE))


def test_tiles_outside_or_twice_are_refused() -> None:
    xor = deflate(np.zeros((TILE, TILE), np.uint32))
    with pytest.raises(InvalidDocument, match="outside"):
        check_tiles([{"y": 1, "x": 0, "version": 0, "xor": xor}], (100, 100))
    with pytest.raises(InvalidDocument, match="twice"):
        check_tiles([{"y": 0, "x": 0, "version": 0, "xor": xor}] * 2, (100, 100))
