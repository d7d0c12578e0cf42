"""The page that says what each layout can carry, made from the layouts themselves.

``python -m cellcommons.layouts.table > docs/layouts.md``
"""

from __future__ import annotations

import sys

from cellcommons.layouts.carries import FEATURES, MEANINGS, Carries
from cellcommons.layouts.contract import Layout, WritableLayout
from cellcommons.layouts.registry import all_layouts

_HEAD = (
    "# Layouts: what each can carry",
    "",
    "Made from the code by `python -m cellcommons.layouts.table`; a test compares. A layout is read and written unless "
    'it says "read only". What a layout cannot carry is refused by name when it is written, or dropped when `--drop` '
    "names it; what it carries comes back equal, which one suite (`cellcommons.testing.layout_suite`) checks for all.",
    "",
    "How each is told, what variants are read and what to know: the docstring of its file in "
    "`datasets/cellcommons/layouts/`, and [formats](formats.md).",
    "",
    "| layout | task | labels | images | note |",
    "|---|---|---|---|---|",
)


def page() -> str:
    """The whole page, as Markdown."""
    layouts = sorted(all_layouts(), key=lambda layout: (layout.task, layout.name))
    lines = list(_HEAD)
    for layout in layouts:
        cells = (f"`{layout.name}`", layout.task.replace("_", " "), _labels(layout), _images(layout), _note(layout))
        lines.append(f"| {' | '.join(cells)} |")
    writable = [layout for layout in layouts if isinstance(layout, WritableLayout)]
    lines += ["", "## Facts beside the pixels", "", "| fact | carried by |", "|---|---|"]
    for feature in FEATURES:
        if feature == "truth":
            continue
        names = [f"`{layout.name}`" for layout in writable if feature in layout.carries.features]
        lines.append(f"| **{feature}**: {MEANINGS[feature]} | {', '.join(names) or 'none'} |")
    return "\n".join(lines) + "\n"


def _labels(layout: Layout) -> str:
    if not isinstance(layout, WritableLayout):
        return "read only"
    kinds = [kind.__name__ for kind in layout.carries.truths]
    if layout.carries.unlabelled:
        kinds.append("none")
    return ", ".join(kinds)


def _images(layout: Layout) -> str:
    if not isinstance(layout, WritableLayout):
        return ""
    carries: Carries = layout.carries
    if not carries.images:
        return "not there"
    return f"{', '.join(carries.axes)}; {', '.join(carries.modes)}; {', '.join(carries.dtypes)}"


def _note(layout: Layout) -> str:
    said = layout.carries.note if isinstance(layout, WritableLayout) else ""
    return f"{layout.title}. {said}".strip()


if __name__ == "__main__":
    sys.stdout.write(page())
