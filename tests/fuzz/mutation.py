"""One small damage to a file: what disks, networks, other programs and ill will do."""

from __future__ import annotations

import random
import re
import struct

_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 60_000, 1 << 20]
_TEXTS = [
    b"-1",
    b"0",
    b"1e999",
    b"nan",
    b"99999999999999999999",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"../../../etc/passwd",
    b"\x00",
]
_DIGITS = re.compile(rb"-?\d+(?:\.\d+)?")
_QUOTED = re.compile(rb'"[^"\n]{0,40}"')


def mutated(data: bytes, rng: random.Random) -> bytes:
    """``data`` with one to four damages; never the same bytes, but for an empty file."""
    broken = data
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        broken = rng.choice(_DAMAGES)(broken, rng)
    return broken if broken != data else data[: len(data) // 2]


def _flip(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return b"\x00"
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _drop(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randrange(1, 64) :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    part = data[at : at + rng.randrange(1, 64)]
    return data[:at] + part * rng.randrange(2, 6) + data[at:]


def _number(data: bytes, rng: random.Random) -> bytes:
    """A word of 1 to 8 bytes becomes a number that programs get wrong; mostly near the beginning, where headers are."""
    width = rng.choice((1, 2, 4, 8))
    reach = len(data) if rng.random() < 0.5 else min(len(data), 512)
    at = rng.randrange(max(1, reach - width + 1))
    value = rng.choice(_NUMBERS) & ((1 << 8 * width) - 1)
    return data[:at] + value.to_bytes(width, rng.choice(("little", "big"))) + data[at + width :]


def _text(data: bytes, rng: random.Random) -> bytes:
    """A number or a quoted text of a text file becomes another."""
    found = list((_DIGITS if rng.random() < 0.7 else _QUOTED).finditer(data[: 1 << 16]))
    if not found:
        return _flip(data, rng)
    one = rng.choice(found)
    return data[: one.start()] + rng.choice(_TEXTS) + data[one.end() :]


def _float(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(max(1, len(data) - 7))
    return (
        data[:at]
        + struct.pack(rng.choice("<>") + "d", rng.choice((float("nan"), float("inf"), -1e308)))
        + data[at + 8 :]
    )


_DAMAGES = (_flip, _flip, _cut, _drop, _repeat, _number, _number, _text, _text, _float)
