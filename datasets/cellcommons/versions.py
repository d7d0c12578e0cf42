"""What a release is called: ``lab/slug@MAJOR.MINOR.PATCH``, computed from what changed and never typed by hand.

MAJOR: records that were there changed, were resplit or are gone, or what labels mean changed. MINOR: records came.
PATCH: only what is said about them changed: titles, notes, licence, names, strata, how far readings agreed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cellcommons.errors import InvalidDocument
from cellcommons.indexes import ReleaseItem

#: Of a lab, and of a dataset within its lab.
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
#: Of a dataset, with the lab that it belongs to: ``lab/slug``.
NAME = re.compile(rf"{SLUG.pattern}/{SLUG.pattern}")
_NUMBER = r"(?:0|[1-9][0-9]{0,5})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")
#: In an address, for any version: the newest.
NEWEST = "newest"
#: ``2``, ``2.1`` or ``2.1.0``.
WANTED = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{0,2}}")


class Change(Enum):
    """What part of the version a difference raises."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


@dataclass(frozen=True, order=True)
class Version:
    """Versions order as their numbers do."""

    major: int = 1
    minor: int = 0
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def after(self, change: Change) -> Version:
        """The next version where that changed."""
        if change is Change.MAJOR:
            return Version(self.major + 1)
        if change is Change.MINOR:
            return Version(self.major, self.minor + 1)
        return Version(self.major, self.minor, self.patch + 1)

    def fits(self, wanted: tuple[int, ...]) -> bool:
        """Whether ``2.1.0`` is asked for by (2,), (2, 1) or (2, 1, 0)."""
        return (self.major, self.minor, self.patch)[: len(wanted)] == wanted


FIRST = Version()


def is_version(text: str) -> bool:
    """Whether ``text`` is a whole version."""
    return _VERSION.fullmatch(text) is not None


def parse_version(text: str) -> Version:
    """A whole version, ``2.1.0``. Raises InvalidDocument."""
    if not is_version(text):
        raise InvalidDocument("a version is MAJOR.MINOR.PATCH", where=text[:80], remedy="For example 1.0.0.")
    return Version(*map(int, text.split(".")))


def parse_wanted(text: str) -> tuple[int, ...]:
    """One, two or three numbers of a version, the rest being left open. Raises InvalidDocument."""
    if not WANTED.fullmatch(text):
        raise InvalidDocument("a version is asked for as 2, 2.1 or 2.1.0", where=text[:80])
    return tuple(map(int, text.split(".")))


def parse_reference(reference: str) -> tuple[str, tuple[int, ...]]:
    """Split ``lab/slug@2``, ``lab/slug@2.1`` or ``lab/slug@2.1.0`` into name and numbers. Raises InvalidDocument."""
    name, _, version = reference.partition("@")
    if not NAME.fullmatch(name) or not WANTED.fullmatch(version):
        raise InvalidDocument(
            "a release is named lab/slug@version",
            where=reference[:160],
            remedy="For example commons/dsb2018@1 or commons/dsb2018@1.2.0.",
        )
    return name, parse_wanted(version)


def parse_newest(reference: str) -> tuple[str, tuple[int, ...]]:
    """As ``parse_reference``, and ``lab/slug`` alone, with no number, which the newest fits. Raises InvalidDocument."""
    return (reference, ()) if NAME.fullmatch(reference) else parse_reference(reference)


def change_between(
    before: Iterable[ReleaseItem],
    after: Iterable[ReleaseItem],
    *,
    meant_before: Mapping[str, Any] | None = None,
    meant_after: Mapping[str, Any] | None = None,
) -> Change:
    """What part of the version changes from one release to the next; by digests, no pixel is read.

    Args:
        meant_before, meant_after: what labels mean: task and ontology as the manifest has them.
    """
    old = {item.image: _record(item) for item in before}
    new = {item.image: _record(item) for item in after}
    if meant_before != meant_after or any(new.get(image) != record for image, record in old.items()):
        return Change.MAJOR
    return Change.MINOR if len(new) > len(old) else Change.PATCH


def _record(item: ReleaseItem) -> tuple[object, ...]:
    """What makes one image's entry the same as before: pixels, labels, what is given beside, and the split."""
    cells = tuple(sorted((cell.id, cell.box, cell.area, cell.classes) for cell in item.cells))
    return item.tree, item.labels, item.split, tuple(sorted(item.companions.items())), cells
