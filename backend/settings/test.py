"""Tests: defaults for everything but the database, which is a real Postgres."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_SCRATCH = Path(tempfile.gettempdir()) / f"cellcommons-test-{os.getpid()}"
os.environ.setdefault("SECRET_KEY", "only-for-tests")
os.environ.setdefault("BROKER_URL", "memory://")
os.environ.setdefault("OBJECTS_URL", f"file://{_SCRATCH}/objects")

from backend.settings.base import *  # noqa: E402,F403
from backend.settings.base import REST_FRAMEWORK  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # many sign-ins, nothing to protect
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {"sign_in_person": "1000/min", "sign_in_address": "1000/min"}
ALLOWED_HOSTS = ["*"]
