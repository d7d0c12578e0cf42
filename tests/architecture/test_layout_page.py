"""The page of layouts says what the code does."""

from __future__ import annotations

from pathlib import Path

from cellcommons.layouts.table import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "layouts.md"


def test_the_page_of_layouts_is_made_from_the_code() -> None:
    assert PAGE.read_text("utf-8") == page(), "make it anew: python -m cellcommons.layouts.table > docs/layouts.md"
