"""What a streamed conversion has finished, so that it goes on after a crash instead of beginning again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cellcommons.canonical import canonical_json, sha256_hex

NAME = "journal.jsonl"


@dataclass(frozen=True)
class Finished:
    """One part: its shards (path in the tree -> [size, checksum]) and what its pixels told, block by block."""

    stage: int
    part: int
    files: dict[str, list[Any]]
    seen: list[dict[str, Any]] = field(default_factory=list)


class Journal:
    """A file of one JSON line a finished part, below a first line that says what is being converted, and how.

    A line that was cut short by a crash is dropped. Shards are checked before they are believed, so nothing here needs
    to wait for the disk.
    """

    def __init__(self, folder: Path, what: dict[str, Any]) -> None:
        self.path = folder / NAME
        self._head = sha256_hex(canonical_json(what))
        self._handle: Any = None

    def finished(self) -> list[Finished] | None:
        """Parts of an earlier run; None where there is none of this image with these settings."""
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return None
        if not lines or lines[0] != self._head.encode():
            return None
        found = []
        for line in lines[1:]:
            try:
                found.append(Finished(**json.loads(line)))
            except (ValueError, TypeError):
                break
        return found

    def begin(self, kept: list[Finished]) -> None:
        """Start writing, with the parts of an earlier run that were found sound."""
        temporary = self.path.with_suffix(".new")
        with temporary.open("wb") as handle:
            handle.write(self._head.encode() + b"\n")
            for part in kept:
                handle.write(_line(part))
        temporary.replace(self.path)
        self._handle = self.path.open("ab", buffering=0)

    def add(self, part: Finished) -> None:
        """Note a part whose shards all have their names."""
        self._handle.write(_line(part))

    def close(self) -> None:
        """Let go of the file."""
        if self._handle:
            self._handle.close()


def _line(part: Finished) -> bytes:
    return canonical_json(asdict(part)) + b"\n"
