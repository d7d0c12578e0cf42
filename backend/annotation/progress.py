"""How far campaigns are. What became of the readings is known further up; those apps say it here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable

# campaign ids -> campaign id -> (items settled, items disputed)
Outcomes = Callable[[list[uuid.UUID]], dict[uuid.UUID, tuple[int, int]]]
_SOURCES: list[Outcomes] = []


def register_outcomes(source: Outcomes) -> None:
    """Let ``source`` count settled and disputed items of campaigns. Called in ``AppConfig.ready``, since imports only
    descend and consensus lies above."""
    _SOURCES.append(source)


def count_outcomes(campaigns: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """Settled and disputed items of each campaign that has any."""
    wanted = list(campaigns)
    totals: dict[uuid.UUID, tuple[int, int]] = {}
    for source in _SOURCES:
        for campaign, (settled, disputed) in source(wanted).items():
            before = totals.get(campaign, (0, 0))
            totals[campaign] = (before[0] + settled, before[1] + disputed)
    return totals
