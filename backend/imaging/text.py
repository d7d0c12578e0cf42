"""Names from outside as text that a database holds: file systems allow more than Postgres does."""

from __future__ import annotations

import hashlib

NAME = 200


def plain_text(text: str) -> str:
    """``text`` without NUL, and with a mark for bytes of a file's name that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")


def short_name(text: str, limit: int = NAME) -> str:
    """``text`` as plain text of at most ``limit`` characters; a longer one ends in a mark that keeps it unique."""
    plain = plain_text(text)
    if len(plain) <= limit:
        return plain
    return f"{plain[: limit - 9]}~{hashlib.sha256(plain.encode()).hexdigest()[:8]}"
