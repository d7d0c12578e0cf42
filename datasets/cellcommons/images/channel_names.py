"""Names of channels, as a database and a page can hold them."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 100


def named_channels(names: Sequence[object], count: int) -> tuple[str, ...]:
    """One name for each of ``count`` channels.

    Control characters and lone surrogates are dropped. Where a file gives no name, channels are numbered from 1, and
    one that is alone is called ``intensity``.
    """
    plain = ["".join(ch for ch in str(name or "") if ch.isprintable()).strip()[:LONGEST] for name in names[:count]]
    plain += [""] * (count - len(plain))
    if count == 1 and not plain[0]:
        return ("intensity",)
    return tuple(name or f"channel {i + 1}" for i, name in enumerate(plain))
