"""How sure a share is: x of n were right."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import norm

from cellcommons.errors import InvalidDocument


@dataclass(frozen=True)
class Share:
    """``value`` of ``count`` with the ends of its interval; value None and 0..1 where nothing was counted."""

    value: float | None
    low: float
    high: float
    count: int


def wilson_share(right: int, count: int, *, level: float = 0.95) -> Share:
    """Share of ``right`` in ``count`` with the score interval, which also holds for few and for all or none right.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22:209-212, 1927.

    Raises:
        InvalidDocument: counts that cannot be, or a level outside 0..1.
    """
    if not 0 <= right <= count or not 0 < level < 1:
        raise InvalidDocument(f"{right} of {count} at level {level} is no share")
    if count == 0:
        return Share(None, 0.0, 1.0, 0)
    z, share = float(norm.ppf(0.5 + level / 2)), right / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return Share(share, max(0.0, centre - half), min(1.0, centre + half), count)
