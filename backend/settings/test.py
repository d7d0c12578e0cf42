"""Tests: defaults for everything, and a real Postgres: the one in DATABASE_URL, else a throw-away cluster."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from backend.door.postgres import throw_away_cluster

_cleanup = ExitStack()
atexit.register(_cleanup.close)
_scratch = Path(_cleanup.enter_context(tempfile.TemporaryDirectory(prefix="cellcommons-test-")))
if not os.environ.get("DATABASE_URL"):
    # Here and not in a conftest: pytest-django reads the settings before any conftest is loaded. The processes of
    # pytest-xdist inherit the variable and share the cluster, each with a database of its own.
    os.environ["DATABASE_URL"] = _cleanup.enter_context(throw_away_cluster(Path(sys.prefix), cwd=Path.cwd()))
os.environ.setdefault("SECRET_KEY", "only-for-tests-and-long-enough-to-sign-with")
# Set, not defaulted: tests must never write into the objects or the queue of a real hub.
os.environ["BROKER_URL"] = "memory://"
os.environ["OBJECTS_URL"] = (_scratch / "objects").as_uri()
os.environ.pop("HUB_HOME", None)

from backend.settings.base import *  # noqa: E402,F403
from backend.settings.base import REST_FRAMEWORK  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # many sign-ins, nothing to protect
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {"sign_in_person": "1000/min", "sign_in_address": "1000/min"}
ALLOWED_HOSTS = ["*"]
