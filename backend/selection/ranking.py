"""In which order to ask: pure functions over numbers, no database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence


def draw(seed: int, name: str) -> float:
    """A number in 0..1 that depends on seed and name alone, whatever else is in the pool."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def rank_by_uncertainty(
    names: Sequence[str], uncertainty: Mapping[str, float], *, seed: int
) -> list[tuple[str, float]]:
    """Names with their uncertainty, most uncertain first; equal ones in an order drawn from ``seed``.

    A name without a prediction counts as fully uncertain (1.0): nothing is known of it.
    """
    scores = [(name, float(uncertainty.get(name, 1.0))) for name in names]
    return sorted(scores, key=lambda pair: (-pair[1], draw(seed, pair[0]), pair[0]))


def rank_at_random(names: Sequence[str], *, seed: int) -> list[tuple[str, float]]:
    """Names in an order drawn from ``seed``, with the number drawn (higher first)."""
    return sorted(((name, draw(seed, name)) for name in names), key=lambda pair: (-pair[1], pair[0]))
