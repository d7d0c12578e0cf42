"""Names of objects and refs, and where they lie below a store's root, be it a folder or a bucket."""

from __future__ import annotations

import re

from cellcommons.errors import InvalidDocument

_HEX = re.compile(r"[0-9a-f]{64}")
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")


def object_path(digest: str) -> str:
    """Relative path of an object: ``objects/sha256/ab/cd/<hex>``.

    Raises:
        InvalidDocument: ``digest`` is not 64 lower-case hex digits.
    """
    if not is_digest(digest):
        raise InvalidDocument("an object is named by 64 lower-case hex digits", where=digest[:80])
    return f"objects/sha256/{digest[:2]}/{digest[2:4]}/{digest}"


def is_digest(name: str) -> bool:
    """Whether ``name`` is a sha256 as objects are named: 64 lower-case hex digits."""
    return _HEX.fullmatch(name) is not None


def ref_path(name: str) -> str:
    """Relative path of a ref: ``refs/<name>``. Raises InvalidDocument unless ``name`` is a path of plain names."""
    if not _REF.fullmatch(name):
        raise InvalidDocument("a ref is a path of plain names", where=name[:80])
    return f"refs/{name}"
