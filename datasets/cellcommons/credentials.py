"""Who a command is on a hub: the token, from the environment or from a file. Never from the command line itself."""

from __future__ import annotations

import os
from pathlib import Path

from cellcommons.errors import InvalidDocument, NotFound

VARIABLE = "CELLCOMMONS_TOKEN"


def find_token(hub: str) -> str | None:
    """The token for the hub at this address: that of ``CELLCOMMONS_TOKEN``; None where there is none."""
    return os.environ.get(VARIABLE, "").strip() or None


def read_token(path: Path) -> str:
    """The token that a file holds, and nothing else. Raises NotFound, InvalidDocument."""
    try:
        words = path.read_text(encoding="utf-8", errors="replace").split()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise NotFound("no such file", where=str(path)) from None
    if len(words) != 1:
        raise InvalidDocument("the file holds no token", where=str(path), remedy="Put the token in it, alone.")
    return words[0]
