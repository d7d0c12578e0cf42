"""Measures of several held-out images together, in the form that reports keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from cellcommons.measures.bootstrap import bootstrap_interval

Outcome = TypeVar("Outcome")


def headline_interval(
    name: str, outcomes: Sequence[Outcome], measure: Callable[[Sequence[Outcome]], float | None], *, seed: int
) -> dict[str, Any]:
    """``images``, and from two images on ``<name>_low`` and ``<name>_high``: the 95 % bootstrap interval over images.

    Args:
        measure: pools outcomes into the headline ``name``; a draw in which it is undefined counts 0.
    """
    found: dict[str, Any] = {"images": len(outcomes)}
    if len(outcomes) > 1 and measure(outcomes) is not None:
        interval = bootstrap_interval(outcomes, lambda drawn: measure(drawn) or 0.0, seed=seed)
        found |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
    return found


def reported(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Measures as a report keeps them: six digits, and nothing where a measure is undefined (None or not finite)."""
    kept: dict[str, Any] = {}
    for name, value in measures.items():
        if isinstance(value, Mapping):
            kept[name] = reported(value)
        elif isinstance(value, float):
            if math.isfinite(value):
                kept[name] = round(value, 6)
        elif value is not None:
            kept[name] = value
    return kept
