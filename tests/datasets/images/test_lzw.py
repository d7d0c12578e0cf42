"""LZW streams are checked before a decoder in C sees them."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.errors import UnreadableFile
from cellcommons.images.lzw import check_lzw


@given(st.integers(1, 30_000), st.sampled_from([1, 2, 9, 60, 256]), st.integers(0, 2**32 - 1))
def test_what_an_encoder_made_is_sound(size: int, values: int, seed: int) -> None:
    data = np.random.default_rng(seed).integers(0, values, size).astype(np.uint8).tobytes()
    check_lzw(imagecodecs.lzw_encode(data))


def test_codes_that_the_table_cannot_hold_are_refused() -> None:
    def stream(*codes: int) -> bytes:
        bits = "".join(f"{code:09b}" for code in codes)
        return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")

    check_lzw(stream(256, 65, 258, 257))  # the code that is just being made
    check_lzw(stream(256, 65, 66, 258, 256, 67, 257))
    for codes in ((256, 258, 257), (256, 65, 259, 257), (256, 65, 66, 256, 260, 257), (256, 65, 511)):
        with pytest.raises(UnreadableFile, match="slide 3: its LZW"):
            check_lzw(stream(*codes), where="slide 3")
    with pytest.raises(UnreadableFile, match="before TIFF"):
        check_lzw(b"\x00\x01\x05")


def test_a_stream_that_never_clears_its_table_is_refused() -> None:
    sound = imagecodecs.lzw_encode(np.random.default_rng(0).integers(0, 256, 60_000).astype(np.uint8).tobytes())
    check_lzw(sound)
    with pytest.raises(UnreadableFile):
        check_lzw(b"\x80" + b"\x00" * 8_000)  # zeros for ever


@given(st.binary(min_size=1, max_size=400))
def test_any_bytes_are_sound_or_refused(data: bytes) -> None:
    try:
        check_lzw(data)
    except UnreadableFile:
        return
