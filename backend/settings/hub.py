"""A running hub: web and workers."""

from __future__ import annotations

from backend.settings.base import *  # noqa: F403
from backend.settings.base import DATABASES, env

# Web threads share a few connections. Persistent connections and a pool exclude each other.
DATABASES["default"]["CONN_MAX_AGE"] = 0
# Asked before each use: those that the pool holds from before Postgres died and came back are dead.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["OPTIONS"]["pool"] = {
    "min_size": 1,
    "max_size": env.whole("DATABASE_POOL", 16),
    "timeout": 20,
}
