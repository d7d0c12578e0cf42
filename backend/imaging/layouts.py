"""The published layouts that the hub takes: those whose labels it can keep.

The library reads more. Importing one of those would drop its labels without a word, so the hub refuses it by name.
"""

from __future__ import annotations

from backend.imaging.kinds.registry import TASKS
from cellcommons.errors import UnknownLayout
from cellcommons.layouts.contract import Layout
from cellcommons.layouts.registry import all_layouts

# Crops of one field share its bytes, and the hub keeps an image once: import the fields, whose boxes give the crops.
NOT_HERE = {"voc_crops": "Import the layout voc instead: its boxes become the crops that people classify."}


def hub_layouts() -> tuple[Layout, ...]:
    """Every layout that can be imported."""
    return tuple(layout for layout in all_layouts() if layout.task in TASKS and layout.name not in NOT_HERE)


def hub_layout(name: str) -> Layout:
    """The layout called ``name``. Raises UnknownLayout, which names those that can be imported."""
    known = hub_layouts()
    for layout in known:
        if layout.name == name:
            return layout
    names = ", ".join(layout.name for layout in known)
    task = next((layout.task for layout in all_layouts() if layout.name == name), None)
    raise UnknownLayout(
        f"the hub cannot keep this {task} layout" if task else "no such layout",
        where=name,
        remedy=NOT_HERE.get(name, f"Choose one of: {names}."),
    )
