"""Who a command is on a hub: the token, from the environment, the system's keyring, or a file that ``login`` wrote.

Never from the command line itself, which everyone on the machine can read. A token is kept for one address (scheme,
host and port) and given to that alone.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cellcommons.errors import InvalidDocument, NotFound

VARIABLE = "CELLCOMMONS_TOKEN"
HUB_VARIABLE = "CELLCOMMONS_HUB"
_SERVICE = "cellcommons"


def find_token(hub: str, *, named: bool = True) -> str | None:
    """The token for the hub at this address; None where there is none, or for static files in a folder.

    That of ``CELLCOMMONS_TOKEN`` first, which is for the hub that ``CELLCOMMONS_HUB`` names; without that variable, for
    the one that the person has named. Else what ``keep_token`` kept for this very address.

    Args:
        named: whether the person has named this hub, rather than a folder that was downloaded from it.

    Raises:
        InvalidDocument: the file of tokens is damaged, or others can read it.
    """
    address = hub_address(hub)
    if address is None:
        return None
    given, meant = os.environ.get(VARIABLE, "").strip(), os.environ.get(HUB_VARIABLE, "")
    if given and (hub_address(meant) == address if meant else named):
        return given
    with contextlib.suppress(Exception):  # a keyring that is locked or broken is as none
        if (keyring := _keyring()) and (found := keyring.get_password(_SERVICE, address)):
            return str(found)
    return _kept().get(address)


def keep_token(hub: str, token: str) -> str:
    """Keep a token for a hub, in the system's keyring where there is one, else in a file that nobody else can read.

    Returns where, in words. Raises InvalidDocument: no http address.
    """
    address = _address(hub)
    with contextlib.suppress(Exception):
        if keyring := _keyring():
            keyring.set_password(_SERVICE, address, token)
            forget_file(address)
            return "the keyring"
    _write({**_kept(), address: token})
    return str(tokens_file())


def forget_token(hub: str) -> bool:
    """Forget the token of a hub; whether there was one. Raises InvalidDocument."""
    address, found = _address(hub), False
    with contextlib.suppress(Exception):
        if (keyring := _keyring()) and keyring.get_password(_SERVICE, address):
            keyring.delete_password(_SERVICE, address)
            found = True
    return forget_file(address) or found


def forget_file(address: str) -> bool:
    """Take an address out of the file of tokens; whether it was there."""
    kept = _kept()
    if address in kept:
        _write({known: token for known, token in kept.items() if known != address})
        return True
    return False


def hub_address(hub: str) -> str | None:
    """Scheme, host and port of a hub; None of what is no http address."""
    parts = urlsplit(hub.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port}"


def tokens_file() -> Path:
    """Where tokens lie where there is no keyring."""
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "cellcommons" / "tokens.json"


def read_token(path: Path) -> str:
    """The token that a file holds, and nothing else. Raises NotFound, InvalidDocument."""
    try:
        words = path.read_text(encoding="utf-8", errors="replace").split()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise NotFound("no such file", where=str(path)) from None
    if len(words) != 1:
        raise InvalidDocument("the file holds no token", where=str(path), remedy="Put the token in it, alone.")
    return words[0]


def _address(hub: str) -> str:
    address = hub_address(hub)
    if address is None:
        raise InvalidDocument("a hub is an http(s) address", where=hub[:200], remedy="For example https://hub.lab.org.")
    return address


def _keyring() -> Any:
    """The module ``keyring`` where it is installed and has somewhere to keep things, else None."""
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return None
    return keyring if keyring.get_keyring().priority > 0 else None


def _kept() -> dict[str, str]:
    path = tokens_file()
    try:
        mode, data = path.stat().st_mode, path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    if os.name == "posix" and mode & 0o077:
        raise InvalidDocument("others can read your tokens", where=str(path), remedy=f"Run: chmod 600 {path}")
    try:
        document = json.loads(data)
        return {str(address): str(token) for address, token in document.items()}
    except (ValueError, AttributeError):
        raise InvalidDocument(
            "the file of tokens is damaged", where=str(path), remedy="Delete it, and log in again."
        ) from None


def _write(tokens: dict[str, str]) -> None:
    path = tokens_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made readable by its owner alone from its first byte on, and put in place whole.
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as handle:
            json.dump(tokens, handle, indent=1)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
