"""Licences of data by SPDX id, what each asks of whoever passes the data on, and which may follow on which.

The ids are those of https://spdx.org/licenses; the conditions are those that each licence's text states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cellcommons.errors import InvalidDocument


@dataclass(frozen=True)
class Licence:
    """One licence.

    Attributes:
        spdx: its id. name: for people. conditions: of ``attribution``, ``non-commercial`` and ``no derivatives``.
        share_alike: the family that whatever is made from it must stay in, e.g. ``CC-BY-SA``; empty where free.
        version: within that family; a later version may follow an earlier one.
    """

    spdx: str
    name: str
    conditions: frozenset[str] = frozenset()
    share_alike: str = ""
    version: float = 1.0

    @property
    def url(self) -> str:
        """Address of its text."""
        return licence_url(self.spdx)


def _creative_commons() -> list[Licence]:
    kinds = {
        "BY": "Attribution",
        "BY-SA": "Attribution-ShareAlike",
        "BY-ND": "Attribution-NoDerivatives",
        "BY-NC": "Attribution-NonCommercial",
        "BY-NC-SA": "Attribution-NonCommercial-ShareAlike",
        "BY-NC-ND": "Attribution-NonCommercial-NoDerivatives",
    }
    said = {"BY": "attribution", "NC": "non-commercial", "ND": "no derivatives"}
    return [
        Licence(
            f"CC-{kind}-{version}",
            f"Creative Commons {name} {version}",
            frozenset(said[part] for part in kind.split("-") if part in said),
            f"CC-{kind}" if kind.endswith("SA") else "",
            float(version),
        )
        for kind, name in kinds.items()
        for version in ("4.0", "3.0", "2.5", "2.0")
    ]


_BY = frozenset({"attribution"})
_ALL = [
    Licence("CC0-1.0", "Creative Commons Zero 1.0"),
    Licence("PDDL-1.0", "Open Data Commons Public Domain Dedication 1.0"),
    Licence("DL-DE-ZERO-2.0", "Data licence Germany, zero, 2.0"),
    *_creative_commons(),
    Licence("ODC-By-1.0", "Open Data Commons Attribution 1.0", _BY),
    Licence("CDLA-Permissive-1.0", "Community Data License Agreement, permissive, 1.0", _BY),
    Licence("CDLA-Permissive-2.0", "Community Data License Agreement, permissive, 2.0", _BY),
    Licence("DL-DE-BY-2.0", "Data licence Germany, attribution, 2.0", _BY),
    Licence("OGL-UK-3.0", "Open Government Licence 3.0", _BY),
    Licence("etalab-2.0", "Etalab Open License 2.0", _BY),
    Licence("MIT", "MIT License", _BY),
    Licence("BSD-2-Clause", "BSD 2-Clause License", _BY),
    Licence("BSD-3-Clause", "BSD 3-Clause License", _BY),
    Licence("Apache-2.0", "Apache License 2.0", _BY),
    Licence("ODbL-1.0", "Open Data Commons Open Database License 1.0", _BY, "ODbL"),
    Licence("CDLA-Sharing-1.0", "Community Data License Agreement, sharing, 1.0", _BY, "CDLA-Sharing"),
    Licence("GPL-2.0-only", "GNU General Public License 2.0 only", _BY, "GPL-2.0-only"),
    Licence("GPL-3.0-only", "GNU General Public License 3.0 only", _BY, "GPL-3.0-only"),
    Licence("GPL-3.0-or-later", "GNU General Public License 3.0 or later", _BY, "GPL-3.0-or-later"),
]
LICENCES: dict[str, Licence] = {licence.spdx: licence for licence in _ALL}
_BY_LOWER = {spdx.lower(): licence for spdx, licence in LICENCES.items()}


def find_licence(spdx: str) -> Licence | None:
    """The listed licence of that id, in any case of its letters; None where it is not listed."""
    return _BY_LOWER.get(spdx.lower())


def licence_url(spdx: str) -> str:
    """Where the text is: the page of SPDX, or a name where the id is one's own (``LicenseRef-...``)."""
    if spdx.lower().startswith("licenseref-"):
        return f"urn:cellcommons:licence:{spdx}"
    found = find_licence(spdx)
    return f"https://spdx.org/licenses/{found.spdx if found else spdx}"


def lacking(release: str, given: str) -> str:
    """Why a release under ``release`` may not hold what was given under ``given``, as a clause; empty where it may."""
    if release.lower() == given.lower():
        return ""
    asked, offered = find_licence(given), find_licence(release)
    if asked is None:
        return f"{given} is not a licence whose conditions are known here"
    if not asked.conditions and not asked.share_alike:
        return ""
    if offered is None:
        return f"{release} is not a licence whose conditions are known here"
    alike = offered.share_alike == asked.share_alike and offered.version >= asked.version
    if asked.share_alike and not alike:
        return f"{given} asks that it is shared alike, under {asked.share_alike} {asked.version:g} or later"
    missing = sorted(asked.conditions - offered.conditions)
    return f"{given} asks for {' and '.join(missing)}, {release} does not" if missing else ""


def check_licence(release: str, given: Iterable[str], *, where: str = "") -> None:
    """Refuse a release that is less strict than what it is made from.

    Args:
        release, given: SPDX ids, of the release and of its images or datasets.

    Raises:
        InvalidDocument: which names the condition that would be lost, and the mildest licence that keeps all.
    """
    inputs = sorted(set(given))
    for licence in inputs:
        if reason := lacking(release, licence):
            try:
                remedy = f"Publish under {strictest(inputs)} or stricter."
            except InvalidDocument as error:
                remedy = error.remedy
            raise InvalidDocument(f"the licence {release} is too mild: {reason}", where=where, remedy=remedy)


def strictest(given: Iterable[str]) -> str:
    """The mildest licence that a release of all of these may have, one of them where that is possible.

    Raises:
        InvalidDocument: no licence keeps the conditions of all.
    """
    inputs = sorted(set(given))
    known = sorted(LICENCES.values(), key=lambda licence: (bool(licence.share_alike), len(licence.conditions)))
    for candidate in (*inputs, *(licence.spdx for licence in known)):
        if not any(lacking(candidate, licence) for licence in inputs):
            found = find_licence(candidate)
            return found.spdx if found else candidate
    raise InvalidDocument(
        f"no one licence keeps the conditions of {', '.join(inputs)}",
        remedy="Publish the images of each in a dataset of its own.",
    )
