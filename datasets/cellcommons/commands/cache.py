"""The cache of objects: how large it is, making it smaller, checking it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from cellcommons.cache import ObjectCache, cache_folder
from cellcommons.cache_upkeep import measure_cache, parse_size, prune_cache, verify_cache


def cache(arguments: argparse.Namespace) -> dict[str, Any]:
    """``size``, ``prune --to SIZE`` or ``verify``; of a cache that is not there all is 0."""
    folder = cache_folder(arguments.cache)
    if not folder.is_dir():
        return {"cache": str(folder), "objects": 0, "bytes": 0, "alone": 0}
    held = ObjectCache(folder)
    done: dict[str, Any] = {}
    if arguments.do == "prune":
        done["freed"] = prune_cache(held, parse_size(arguments.to))
    elif arguments.do == "verify":
        damaged = verify_cache(held)
        # What was damaged is forgotten, and fetched again by whoever needs it.
        done = {"valid": not damaged, "damaged": damaged}
    return {"cache": str(folder), **asdict(measure_cache(held)), **done}
