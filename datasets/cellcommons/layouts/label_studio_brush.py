"""Label Studio's brush: run lengths packed into bits, of the four colour samples of every pixel, row by row.

The packing is that of https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack: 32 bits for how many values
there are, 5 for the bits of a value less 1, four times 4 for the bits of a run's length less 1; then packets. A packet
begins with 1 (one value, repeated) or 0 (that many values), then 2 bits that choose one of the four sizes, the length
less 1, and the value or values. A pixel belongs to the mask where its fourth sample, alpha, is not 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cellcommons.errors import InvalidDocument
from cellcommons.labels import Mask
from cellcommons.layouts.run_lengths import counts_of

_SIZES = (3, 4, 8, 16)
_REMEDY = "Export it again."


def decode_brush(said: Any, shape: tuple[int, int], *, where: str) -> Mask:
    """The mask, bool, axes yx, of ``rle``: a list of bytes. Raises InvalidDocument."""
    height, width = shape
    try:
        packed = np.array(said, dtype=np.int64) if isinstance(said, list) else np.array([-1])
    except (TypeError, ValueError, OverflowError):
        packed = np.array([-1])
    if packed.ndim != 1 or packed.size < 7 or packed.min() < 0 or packed.max() > 255:
        raise InvalidDocument("the run lengths of a brush are a list of bytes", where=where, remedy=_REMEDY)
    bits = np.unpackbits(packed.astype(np.uint8))
    text = (bits + 48).tobytes().decode("ascii")
    count, word = int(text[:32], 2), int(text[32:37], 2) + 1
    sizes = [int(text[37 + 4 * n : 41 + 4 * n], 2) + 1 for n in range(4)]
    if count != 4 * height * width or word != 8:
        raise InvalidDocument(
            f"the brush holds {count:,} values of {word} bits, its image of {width} x {height} pixels needs 4 x 8",
            where=where,
            remedy=_REMEDY,
        )
    values = np.zeros(count, dtype=np.uint8)
    done, at = 0, 53
    while done < count:
        size = sizes[int(text[at + 1 : at + 3] or "0", 2)]
        start = at + 3 + size
        if start + word > len(text):
            raise InvalidDocument("the run lengths of a brush end too early", where=where, remedy=_REMEDY)
        length = int(text[at + 3 : start], 2) + 1
        repeated = text[at] == "1"
        stop = start + (word if repeated else word * length)
        if done + length > count or stop > len(text):
            raise InvalidDocument("the run lengths of a brush go beyond their image", where=where, remedy=_REMEDY)
        values[done : done + length] = int(text[start:stop], 2) if repeated else np.packbits(bits[start:stop])
        done, at = done + length, stop
    return np.asarray(values.reshape(height, width, 4)[..., 3] != 0)


def encode_brush(mask: Mask) -> list[int]:
    """``rle`` of a mask, bool, axes yx, of the whole image."""
    parts = [f"{4 * mask.size:032b}", f"{7:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    value = "00000000"
    for run in (4 * counts_of(mask)).tolist():
        while run:
            length = min(run, 1 << _SIZES[-1])
            place = next(n for n, size in enumerate(_SIZES) if length <= 1 << size)
            parts.append(f"1{place:02b}{length - 1:0{_SIZES[place]}b}{value}")
            run -= length
        value = "11111111" if value[0] == "0" else "00000000"
    bits = np.frombuffer("".join(parts).encode("ascii"), dtype=np.uint8) - 48
    packed: list[int] = np.packbits(bits).tolist()
    return packed
