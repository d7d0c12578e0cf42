"""Where a token comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellcommons.credentials import find_token, read_token
from cellcommons.errors import InvalidDocument, NotFound

HUB = "http://127.0.0.1:1"


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLCOMMONS_TOKEN", " abc\n")
    assert find_token(HUB) == "abc"


def test_a_file_holds_one_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("abc\n")
    assert read_token(path) == "abc"
    path.write_text("two words")
    with pytest.raises(InvalidDocument):
        read_token(path)
    with pytest.raises(NotFound):
        read_token(tmp_path / "absent")
