"""The published layouts that the hub takes: those whose labels it can keep.

The library reads more. Importing one of those would drop its labels without a word, so the hub refuses it by name.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backend.imaging.kinds.registry import TASKS
from cellcommons.errors import UnknownLayout
from cellcommons.layouts.contract import Layout
from cellcommons.layouts.plain import Plain
from cellcommons.layouts.registry import all_layouts, guesses

# What a person says who does not know the layout's name.
AUTO = "auto"
# From here on a guess is acted on; below it the person is asked.
SURE = 0.5


def hub_layouts() -> tuple[Layout, ...]:
    """Every layout that can be imported."""
    return tuple(layout for layout in all_layouts() if not why_not(layout))


def why_not(layout: Layout) -> str:
    """Why the hub does not take ``layout``, a clause; empty where it does."""
    if layout.task not in TASKS:
        return f"the hub cannot keep labels of {layout.task.replace('_', ' ')}"
    carries = getattr(layout, "carries", None)  # a view of another layout is only read, and says nothing
    if carries is not None and not carries.images:
        return "it publishes labels without their images"
    return ""


def hub_layout(name: str) -> Layout:
    """The layout called ``name``. Raises UnknownLayout, which names those that can be imported."""
    found = next((layout for layout in all_layouts() if layout.name == name), None)
    reason = why_not(found) if found else "no such layout"
    if isinstance(found, Plain) and not reason:
        # The hub opens each file itself, for one may hold several images, or one larger than memory.
        return Plain(parts=False)
    if found and not reason:
        return found
    names = ", ".join(layout.name for layout in hub_layouts())
    raise UnknownLayout(reason, where=name, remedy=f"Choose one of: {AUTO}, {names}.")


@dataclass(frozen=True)
class LayoutGuess:
    """How likely a folder follows a layout, 0..1, and what in it says so.

    ``refused`` is why the hub does not take the layout; empty where it does.
    """

    layout: str
    title: str
    task: str
    likely: float
    reason: str
    refused: str = ""

    def document(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def guess_layouts(folder: Path) -> list[LayoutGuess]:
    """Every layout that ``folder`` may follow, likeliest first; of equally likely ones the more specific first.

    Raises:
        NotFound: no such folder.
    """
    return [
        LayoutGuess(one.layout.name, one.layout.title, one.layout.task, one.likely, one.reason, why_not(one.layout))
        for one in guesses(folder)
        if one.likely > 0
    ]


def sure_guess(found: list[LayoutGuess]) -> LayoutGuess | None:
    """The guess to act on: the likeliest, where the hub takes it and it is likely enough or the only one."""
    if not found or found[0].refused:
        return None
    best = found[0]
    return best if best.likely >= SURE or len(found) == 1 else None


def guesses_line(found: list[LayoutGuess]) -> str:
    """What was guessed, as one clause."""
    return "; ".join(
        f"{guess.layout} ({guess.reason}{f'; not taken: {guess.refused}' if guess.refused else ''})"
        for guess in found[:3]
    )
