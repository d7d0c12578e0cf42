"""Stamps: a small file that says which inputs a finished step was made from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digest_files(paths: Iterable[Path], *, root: Path, extra: str = "") -> str:
    """sha256 over names (relative to `root`) and contents, in sorted order; a missing file counts as absent."""
    total = hashlib.sha256(extra.encode())
    for path in sorted(paths):
        total.update(b"\0" + path.relative_to(root).as_posix().encode() + b"\0")
        if path.is_file():
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def read_stamp(path: Path) -> dict[str, Any]:
    """The stamp, or {} where there is none or it cannot be read: then the step is simply done again."""
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_whole(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part; durable before it is named."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_stamp(path: Path, stamp: dict[str, Any]) -> None:
    """Write the stamp after the step succeeded, whole."""
    write_whole(path, json.dumps(stamp, indent=1, sort_keys=True) + "\n")
