"""Whether an LZW stream is one that an encoder can have made: decoders in C follow damaged ones out of their tables.

Source: TIFF 6.0, section 13. Codes are 9 to 12 bits, most significant bit first; 256 clears the table, 257 ends it. The
width grows one code early, when the table holds 511, 1023 and 2047 entries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import UnreadableFile

CLEAR, END, FIRST = 256, 257, 258
# The table is full with 4,096 entries, so that a decoder adds none after code number 3,838 of a run.
_RUN = 3840
_NUMBER = np.arange(_RUN, dtype=np.int64)
_ENTRIES = FIRST - 1 + _NUMBER  # in the table before code n of a run is read; code 0 adds none
_WIDTHS = np.select([_ENTRIES <= 510, _ENTRIES <= 1022, _ENTRIES <= 2046], [9, 10, 11], 12).astype(np.int64)
_STARTS = np.concatenate([[0], np.cumsum(_WIDTHS)[:-1]])
_HIGHEST = np.where(_NUMBER == 0, 255, _ENTRIES)


def check_lzw(data: bytes, *, where: str = "") -> None:
    """Raises UnreadableFile where a code names an entry that the table cannot hold yet, or the stream has no end."""
    if data[:1] == b"\0" and data[1:2] and data[1] & 1:
        raise UnreadableFile(
            "LZW of before TIFF 5.0 is not read", where=where, remedy="Save it again by a newer program."
        )
    # Four bytes beyond the end let every code be cut from four.
    padded = np.frombuffer(data + b"\0\0\0\0", dtype=np.uint8).astype(np.int64)
    bits, at = len(data) * 8, 0
    while at + 9 <= bits:
        codes = _codes(padded, at, bits)
        stops = np.flatnonzero((codes == CLEAR) | (codes == END))
        run = codes[: stops[0]] if stops.size else codes
        if (run > _HIGHEST[: len(run)]).any() or (stops.size == 0 and len(run) == _RUN):
            raise UnreadableFile("its LZW stream is damaged", where=where, remedy="Copy, export or upload it again.")
        if not stops.size or codes[stops[0]] == END:
            return
        at += int(_STARTS[stops[0]] + _WIDTHS[stops[0]])


def _codes(padded: NDArray[np.int64], at: int, bits: int) -> NDArray[np.int64]:
    """The codes from bit ``at`` on as far as one run can reach."""
    starts = at + _STARTS
    here = starts[starts + _WIDTHS <= bits]
    byte = here >> 3
    widths = _WIDTHS[: len(here)]
    word = padded[byte] << 24 | padded[byte + 1] << 16 | padded[byte + 2] << 8 | padded[byte + 3]
    return np.asarray((word >> (32 - (here & 7) - widths)) & ((1 << widths) - 1))
