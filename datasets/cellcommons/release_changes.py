"""What is different from one release to another, by digests alone (``cellcommons.diff`` reads the pixels)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cellcommons.errors import DigestMismatch, InvalidDocument, NotFound
from cellcommons.indexes import ReleaseItem
from cellcommons.release import Release, differing_items


@dataclass(frozen=True)
class ReleaseChanges:
    """Numbers of images: that came, that went, and of those in both, whose pixels, labels, what is given beside them,
    split, or only what is said about them is different."""

    added: int = 0
    removed: int = 0
    pixels: int = 0
    labels: int = 0
    companions: int = 0
    splits: int = 0
    described: int = 0

    def line(self) -> str:
        """In words, on one line; ``nothing`` where nothing is different."""
        words = {
            "added": "added",
            "removed": "removed",
            "pixels": "with other pixels",
            "labels": "relabelled",
            "companions": "with other companions",
            "splits": "in another split",
            "described": "described otherwise",
        }
        parts = [f"{n:,} {'image' if n == 1 else 'images'} {words[name]}" for name, n in asdict(self).items() if n]
        return ", ".join(parts) or "nothing"


def release_changes(before: Release, after: Release) -> ReleaseChanges:
    """Compare two releases of a dataset image by image. Raises DigestMismatch, NotFound, InvalidDocument."""
    old, new = differing_items(before, after)
    found = [_what(old[image], item) for image, item in new.items() if image in old]
    return ReleaseChanges(
        added=len(new.keys() - old.keys()),
        removed=len(old.keys() - new.keys()),
        **{name: found.count(name) for name in ("pixels", "labels", "companions", "splits", "described")},
    )


def _what(old: ReleaseItem, new: ReleaseItem) -> str:
    """The first thing that is different; empty where nothing is."""
    if old.tree != new.tree:
        return "pixels"
    if old.labels != new.labels:
        return "labels"
    if dict(old.companions) != dict(new.companions):
        return "companions"
    if old.split != new.split:
        return "splits"
    return "" if old == new else "described"


def told_changes(before: Release | None, after: Release) -> str:
    """The same in words; empty where there is nothing to compare, or both are one."""
    if before is None or before.digest == after.digest:
        return ""
    try:
        return release_changes(before, after).line()
    except (DigestMismatch, NotFound, InvalidDocument):
        after_ok = list(after.items())  # what comes must be sound, and says so itself
        return f"not known, for what was there is damaged; {len(after_ok):,} images now"
