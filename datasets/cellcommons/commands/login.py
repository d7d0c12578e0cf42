"""Say who you are on a hub, once; and take it back."""

from __future__ import annotations

import argparse
import getpass
import http.client
import ipaddress
import json
import sys
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from cellcommons.credentials import forget_token, hub_address, keep_token
from cellcommons.errors import InvalidDocument, Unreachable

_SECONDS = 30
_LIMIT = 1 << 20


def login(arguments: argparse.Namespace) -> dict[str, Any]:
    """Ask for name and password (or read a token), have the hub confirm them, and keep the token."""
    hub = arguments.hub.rstrip("/")
    _refuse_open_line(hub, arguments.insecure)
    if arguments.token_stdin:
        token = sys.stdin.readline().strip()
    else:
        if not sys.stdin.isatty():
            raise InvalidDocument("there is nobody to ask for a password", remedy="Use --token-stdin.")
        sys.stderr.write(f"Name on {hub}: ")
        sys.stderr.flush()
        name = sys.stdin.readline().strip()
        told = {"username": name, "password": getpass.getpass("Password: ")}
        token = str(_ask(hub, "auth/token/", body=told).get("token", ""))
    if not token or not token.isascii() or len(token.split()) != 1:
        raise InvalidDocument("that is no token", where=hub)
    me = _ask(hub, "auth/me/", token=token)
    if not isinstance(me.get("user"), dict):
        raise InvalidDocument("the hub does not know that token", where=hub, remedy="Make a new one and log in again.")
    return {"hub": hub, "user": me["user"]["username"], "role": me["user"]["role"], "kept": keep_token(hub, token)}


def logout(arguments: argparse.Namespace) -> dict[str, Any]:
    """Forget the token of a hub on this machine."""
    hub = arguments.hub.rstrip("/")
    return {"hub": hub, "forgotten": forget_token(hub)}


class _Stay(urllib.request.HTTPRedirectHandler):
    """A password and a token go to the hub they are for, and nowhere that it points to."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _ask(hub: str, path: str, *, body: dict[str, str] | None = None, token: str | None = None) -> dict[str, Any]:
    """The JSON that the hub answers. Raises InvalidDocument where it refuses, Unreachable."""
    headers = {"Content-Type": "application/json", "User-Agent": "cellcommons"}
    headers |= {"Authorization": f"Token {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{hub}/api/v1/{path}", data, headers)
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=_SECONDS) as response:
            answer = json.loads(response.read(_LIMIT))
    except urllib.error.HTTPError as error:
        with error:
            problem = _problem(error.read(_LIMIT))
        kind = InvalidDocument if error.code in (400, 401, 403, 404, 429) else Unreachable
        what = str(problem.get("detail") or f"the server answered {error.code}")
        raise kind(what, where=hub, remedy=str(problem.get("remedy") or "")) from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"the hub does not answer ({error})", where=hub) from None
    except ValueError:
        raise InvalidDocument("this is not the API of a hub", where=hub) from None
    return answer if isinstance(answer, dict) else {}


def _problem(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _refuse_open_line(hub: str, insecure: bool) -> None:
    """Raises InvalidDocument where a password would cross a network that everyone on it can read."""
    if hub_address(hub) is None:
        raise InvalidDocument("a hub is an http(s) address", where=hub[:200], remedy="For example https://hub.lab.org.")
    parts = urlsplit(hub)
    if parts.scheme == "http" and not insecure and not _is_this_machine(parts.hostname or ""):
        raise InvalidDocument(
            "the line to this hub is not encrypted",
            where=hub,
            remedy="Use its https:// address; or, on a network that you trust, --insecure.",
        )


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
