"""What a hub's own programs need and nothing more: an embedded Postgres with its tables, a folder for objects."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.door.home import ROOT
from backend.door.postgres import throw_away_cluster
from backend.door.services import PYTHON, VENV, own_environment


@contextmanager
def bare_hub(home: Path) -> Iterator[dict[str, str]]:
    """The environment of such a hub, its objects in ``home``; no worker listens, and nothing serves."""
    home.mkdir(parents=True)
    with throw_away_cluster(VENV, cwd=ROOT) as url:
        env = own_environment() | {
            "DATABASE_URL": url,
            "OBJECTS_URL": (home / "objects").as_uri(),
            "BROKER_URL": "memory://",
            "SECRET_KEY": "bench",
            "HUB_HOME": str(home),
            "HUB_URL": "http://127.0.0.1:1",
            "DJANGO_SETTINGS_MODULE": "backend.settings.hub",
        }
        subprocess.run([str(PYTHON), str(ROOT / "manage.py"), "migrate", "-v", "0"], env=env, check=True, cwd=ROOT)
        yield env
