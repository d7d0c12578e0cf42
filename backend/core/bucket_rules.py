"""Does the bucket take parts of uploads from the hub's pages? Asked as a browser asks before it sends."""

from __future__ import annotations

import secrets
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from backend.core.storage import object_store
from cellcommons.object_uploads import PART, PendingUpload

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
_TIMEOUT = 5.0  # seconds


def refusal(*, endpoint: str, origin: str) -> str:
    """Why pages of ``origin`` cannot send parts to the bucket at ``endpoint``, as a clause; "" where they can.

    Args:
        endpoint: ``OBJECTS_PUBLIC_ENDPOINT``, as clients reach the bucket. origin: ``https://host[:port]``.
    """
    place = urlsplit(endpoint)
    if origin.startswith("https:") and place.scheme == "http" and place.hostname not in _LOOPBACK:
        return "browsers send nothing from a page of https to an address of http"
    # A link like any other; nothing answers a preflight by looking for the upload.
    upload = PendingUpload(f"{secrets.token_hex(16)}/{secrets.token_hex(16)}", 1, "0" * 64, PART)
    link = object_store().uploads().link(upload, 1, seconds=60, endpoint=endpoint)
    if link is None:
        return "the objects are in a folder, which takes parts by way of the hub alone"
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    try:
        with urllib.request.urlopen(
            urllib.request.Request(link, method="OPTIONS", headers=asked), timeout=_TIMEOUT
        ) as answer:
            allowed = {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        error.close()
        return f"the bucket has no CORS rule that allows PUT from {origin} (it answers {error.code})"
    except OSError as error:
        return f"it does not answer ({getattr(error, 'reason', None) or type(error).__name__})"
    if allowed.get("access-control-allow-origin") not in ("*", origin):
        return f"the bucket has no CORS rule that allows {origin}"
    for name, wanted in (("methods", "put"), ("headers", "content-type")):
        words = {word.strip().lower() for word in allowed.get(f"access-control-allow-{name}", "").split(",")}
        if not words & {wanted, "*"}:
            return (
                f"the bucket's CORS rule for {origin} does not allow {wanted.upper() if name == 'methods' else wanted}"
            )
    return ""
