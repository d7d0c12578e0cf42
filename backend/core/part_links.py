"""Links by which the hub itself takes in a part of an upload: good for one part, one length and a time, for anyone."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from django.utils.crypto import salted_hmac

from backend.core.errors import NotAllowed

PATH = "/api/v1/uploads/parts/"
_SALT = "cellcommons.part-link"


@dataclass(frozen=True)
class Part:
    """One part of an upload, as a link names it. ``key``: what the store calls the upload."""

    key: str
    number: int
    length: int


def sign_part(part: Part, *, seconds: int) -> str:
    """The link, below the hub's address; whoever has it may PUT the part for ``seconds``."""
    expires = int(time.time()) + seconds
    query = {"key": part.key, "part": part.number, "length": part.length, "expires": expires}
    return f"{PATH}?{urlencode(query | {'signature': _signature(part, expires)})}"


def read_part_link(query: str) -> Part:
    """What the query of a link says. Raises NotAllowed where it is not one of ours, or its time is over."""
    said = {name: values[0] for name, values in parse_qs(query).items()}
    try:
        part = Part(said["key"], int(said["part"]), int(said["length"]))
        expires = int(said["expires"])
    except (KeyError, ValueError):
        raise _refused("the link is not complete") from None
    if not hmac.compare_digest(_signature(part, expires).encode(), said.get("signature", "").encode()):
        raise _refused("the link is not one of this hub's")
    if expires < time.time():
        raise _refused("the link's time is over")
    return part


def _signature(part: Part, expires: int) -> str:
    value = f"{part.key}\n{part.number}\n{part.length}\n{expires}"
    return salted_hmac(_SALT, value, algorithm="sha256").hexdigest()


def _refused(what: str) -> NotAllowed:
    return NotAllowed(what, remedy="Ask for the links of the missing parts again.")
