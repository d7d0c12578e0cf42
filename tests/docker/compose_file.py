"""docker/compose.yaml as an engine reads it: anchors merged, variables put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

DOCKER = Path(__file__).resolve().parents[2] / "docker"
_VARIABLE = re.compile(r"\$(?:\$|\{([A-Z_]+)(?::-([^}]*))?\})")


def interpolated(name: str = "compose.yaml", given: Mapping[str, str] | None = None) -> str:
    """The file with ``${NAME:-default}`` replaced, and ``$$`` by ``$``."""

    def put_in(match: re.Match[str]) -> str:
        if match.group(0) == "$$":
            return "$"
        return (given or {}).get(match.group(1)) or match.group(2) or ""

    return _VARIABLE.sub(put_in, (DOCKER / name).read_text(encoding="utf-8"))


def compose(given: Mapping[str, str] | None = None) -> dict[str, Any]:
    return yaml.safe_load(interpolated(given=given))
