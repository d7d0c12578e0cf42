"""docker/compose.yaml as an engine reads it: anchors merged, variables put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

DOCKER = Path(__file__).resolve().parents[2] / "docker"
_VARIABLE = re.compile(r"\$(?:\$|\{([A-Z_]+)(?::-([^}]*))?\})")


def compose(name: str = "compose.yaml", given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The document with ``${NAME:-default}`` replaced in its strings, and ``$$`` by ``$``."""

    def put_in(match: re.Match[str]) -> str:
        if match.group(0) == "$$":
            return "$"
        return (given or {}).get(match.group(1)) or match.group(2) or ""

    def walk(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: walk(value) for key, value in part.items()}
        if isinstance(part, list):
            return [walk(value) for value in part]
        return _VARIABLE.sub(put_in, part) if isinstance(part, str) else part

    document: dict[str, Any] = walk(yaml.safe_load((DOCKER / name).read_text(encoding="utf-8")))
    return document
