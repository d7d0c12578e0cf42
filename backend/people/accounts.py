"""The file HOME/accounts.json: the passwords that this hub made up, for its operator's eyes only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TypedDict


class Account(TypedDict):
    username: str
    password: str


def write_accounts(home: Path, accounts: dict[str, Account]) -> Path:
    """Add ``accounts`` (who they are, e.g. ``curator`` or ``annotator2`` -> account) to the file.

    Mode 0600, swapped in whole.
    """
    path = home / "accounts.json"
    part = path.with_suffix(".part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        json.dump({**read_accounts(home), **accounts}, handle, indent=1)
    os.replace(part, path)
    return path


def read_accounts(home: Path) -> dict[str, Account]:
    """What the file holds; nothing where there is none."""
    path = home / "accounts.json"
    return json.loads(path.read_text()) if path.exists() else {}
