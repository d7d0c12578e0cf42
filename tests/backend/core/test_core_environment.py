"""The environment is read once, typed, and a missing variable is named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from backend.settings.environment import Environment, parse_database_url

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "OBJECTS_URL", "BROKER_URL"])
def test_a_missing_variable_is_named_at_boot(name: str) -> None:
    given = {
        "SECRET_KEY": "x", "DATABASE_URL": "postgresql://u@/d", "OBJECTS_URL": "file:///nowhere", "BROKER_URL": "memory://",
    }  # fmt: skip
    del given[name]
    keep = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=keep | given, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert f"the environment variable {name} is missing" in done.stderr


def test_typed_values() -> None:
    env = Environment({"N": "12", "BAD": "twelve", "NO": "off", "LIST": "a, b,", "EMPTY": ""})
    assert env.whole("N") == 12
    assert env.whole("ABSENT", 7) == 7
    assert env.flag("NO", True) is False
    assert env.words("LIST", "") == ["a", "b"]
    assert env.folder("ABSENT", None) is None
    for call in (lambda: env.whole("BAD"), lambda: env.flag("BAD", True), lambda: env.text("EMPTY")):
        with pytest.raises(ImproperlyConfigured, match=r"BAD|EMPTY"):
            call()


def test_database_urls() -> None:
    over_tcp = parse_database_url("postgresql://ada:s%40fe@db.lab:5433/cells?sslmode=require")
    assert (over_tcp["USER"], over_tcp["PASSWORD"], over_tcp["HOST"], over_tcp["PORT"], over_tcp["NAME"]) == (
        "ada", "s@fe", "db.lab", "5433", "cells",
    )  # fmt: skip
    assert over_tcp["OPTIONS"] == {"sslmode": "require"}
    over_socket = parse_database_url("postgresql://ada@/cells?host=%2Frun%2FHub&port=5432")
    assert (over_socket["HOST"], over_socket["PORT"], over_socket["OPTIONS"]) == ("/run/Hub", "5432", {})
    for bad in ("mysql://u@h/d", "postgresql://u@h/", "nonsense"):
        with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
            parse_database_url(bad)


def test_every_setting_is_documented() -> None:
    """docs/settings.md names each variable that the settings ask for, and none that they do not."""
    code = "\n".join(path.read_text() for path in (ROOT / "backend" / "settings").glob("*.py"))
    asked = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', code))
    assert "SECRET_KEY" in asked
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))
    assert documented == asked
