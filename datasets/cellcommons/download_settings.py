"""How a download is to be done: one value, for ``download``, ``sync`` and ``plan`` alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cellcommons.selection import Selection


@dataclass(frozen=True)
class Progress:
    """How far a download is: objects and bytes in place, of all; ``fetched`` bytes came over the wire this time."""

    objects: int
    objects_total: int
    bytes: int
    bytes_total: int
    fetched: int


@dataclass(frozen=True)
class DownloadSettings:
    """How a release is brought into a folder.

    Attributes:
        jobs: requests under way at once. progress: called from any thread, in order.
        repair: check what is there by its sha256, and fetch anew what is damaged.
        force: replace files that were changed by hand.
        packs: ask a hub for many small objects in one answer; mirrors of static files have none.
        sha256: the manifest must have this sha256.
        cache: a folder that ``cellcommons.open`` uses too: objects in it are linked rather than fetched, others are
            kept in it.
        key: the publisher's public key, as hex; the manifest must be signed by it. Without one a signature must be
            by a key that the hub lists, where the extra ``sign`` is installed to check it.
        selection: a part of the release; None: all of it, in ``sync`` what the folder has selected before.
    """

    jobs: int = 8
    progress: Callable[[Progress], None] | None = None
    repair: bool = False
    force: bool = False
    packs: bool = True
    sha256: str | None = None
    cache: Path | str | None = None
    key: str | None = None
    selection: Selection | None = None


DEFAULTS = DownloadSettings()
