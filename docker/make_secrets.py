#!/usr/bin/env python3
"""Make the secrets that compose.yaml mounts, once: random passwords, each where its reader looks for it.

    python3 docker/make_secrets.py [FOLDER]

Those that are there stay. The folder is closed to others on this machine; the files in it can be read by the users of
the containers, who are not this machine's.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path


def make_secrets(folder: Path) -> list[str]:
    """Write the files that ``folder`` lacks; their names. All of a part are made together or not at all."""
    folder.mkdir(mode=0o700, exist_ok=True)
    made: list[str] = []
    for files in (_hub(), _signing(), _postgres(), _redis(), _s3()):
        if not any((folder / name).exists() for name in files):
            for name, text in files.items():
                (folder / name).write_text(text, encoding="utf-8")
                (folder / name).chmod(0o444)
                made.append(name)
        elif lacking := [name for name in files if not (folder / name).exists()]:
            raise SystemExit(f"{folder} lacks {', '.join(lacking)}: bring it back, or remove {', '.join(files)}")
    return made


def _hub() -> dict[str, str]:
    return {"secret_key": secrets.token_urlsafe(48)}


def _signing() -> dict[str, str]:
    """An ed25519 seed. Keep a copy: without it nothing more can be signed as this hub."""
    return {"signing_key": secrets.token_hex(32) + "\n"}


def _postgres() -> dict[str, str]:
    password = secrets.token_urlsafe(24)
    url = f"postgresql://cellcommons:{password}@postgres:5432/cellcommons"
    return {"postgres_password": password, "database_url": url}


def _redis() -> dict[str, str]:
    password = secrets.token_urlsafe(24)
    return {"redis.conf": f"requirepass {password}\n", "broker_url": f"redis://:{password}@redis:6379/0"}


def _s3() -> dict[str, str]:
    key, secret = secrets.token_hex(10), secrets.token_urlsafe(30)
    owner = {
        "name": "hub",
        "credentials": [{"accessKey": key, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    return {
        "s3_identities.json": json.dumps({"identities": [owner]}, indent=1) + "\n",
        "s3_credentials": f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n",
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "secrets"
    names = make_secrets(target)
    sys.stdout.write(f"{target}: made {', '.join(names)}\n" if names else f"{target}: all there already\n")
