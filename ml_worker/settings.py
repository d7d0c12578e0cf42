"""Every environment variable of the worker, read once.

| variable | meaning |
|---|---|
| ``BROKER_URL`` | where orders come from and answers go, e.g. ``redis+socket:///run/hub/redis.sock`` |
| ``OBJECTS_URL`` | the object store, ``file:///var/hub/objects`` or ``s3://bucket/prefix?endpoint=...`` |
| ``ML_THREADS`` | CPU threads of torch; unset: one per core |

``BROKER_URL_FILE`` and ``OBJECTS_URL_FILE`` may name files that hold them, which is how secrets are mounted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cellcommons.errors import CellCommonsError


class BadSetting(CellCommonsError):
    """An environment variable is missing or holds no usable value."""

    code = "bad-setting"
    title = "The worker is not configured"


@dataclass(frozen=True)
class Settings:
    """The worker's configuration; ``threads`` None leaves torch its default."""

    broker_url: str
    objects_url: str
    threads: int | None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check. Raises BadSetting with the variable's name."""
    threads = environment.get("ML_THREADS") or None
    if threads is not None and (not threads.isdigit() or not 1 <= int(threads) <= 1024):
        raise BadSetting(
            f"{threads!r} is not a number of threads", where="ML_THREADS", remedy="Set 1 to 1024, or unset it."
        )
    return Settings(
        broker_url=_required(environment, "BROKER_URL"),
        objects_url=_required(environment, "OBJECTS_URL"),
        threads=int(threads) if threads else None,
    )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value and (path := environment.get(f"{name}_FILE", "")):
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise BadSetting(f"the file cannot be read ({error})", where=f"{name}_FILE", remedy="Correct it.") from None
    if not value:
        raise BadSetting("the environment variable is not set", where=name, remedy="Set it before starting the worker.")
    return value
