import sys

import pytest

from backend.door import verbs
from backend.door.errors import DoorError
from backend.door.home import ROOT, Home


@pytest.fixture
def calls(monkeypatch):
    """What would be run, instead of running it."""
    seen = []
    monkeypatch.setattr(verbs, "_run", lambda command, env: seen.append((command, env)) or 0)
    monkeypatch.setattr(verbs, "PYTHON", sys.executable)
    return seen


def test_the_commands_of_the_apps_are_verbs():
    assert {"create_operator", "up", "down", "status", "test", "rehearse", "bench", "migrate"} <= verbs.known_verbs()


def test_a_near_miss_is_named(tmp_path):
    with pytest.raises(DoorError, match="did you mean migrate"):
        verbs.run_verb("migrat", [], Home(tmp_path))


def test_a_running_hub_lends_its_environment(tmp_path, calls):
    home = Home(tmp_path / "home")
    with home.lock():
        home.write_state({"pid": 1, "state": "ready", "env": {"DATABASE_URL": "postgresql://x/y"}})
        assert verbs.run_verb("migrate", ["--plan"], home) == 0
    command, env = calls[0]
    assert command[1:] == [str(ROOT / "manage.py"), "migrate", "--plan"]
    assert env["DATABASE_URL"] == "postgresql://x/y"


def test_a_hub_that_is_starting_is_not_disturbed(tmp_path, calls):
    home = Home(tmp_path / "home")
    with home.lock():
        home.write_state({"pid": 1, "state": "starting"})
        with pytest.raises(DoorError, match="is starting: try again"):
            verbs.run_verb("migrate", [], home)
    assert calls == []


def test_programs_get_no_database_of_a_home(tmp_path, calls, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    verbs.run_verb("rehearse", ["dsb2018", "folder"], Home(tmp_path / "home"))
    command, env = calls[0]
    assert command[1:] == ["-m", "backend.rehearsal", "dsb2018", "folder"]
    assert "DATABASE_URL" not in env
    assert not (tmp_path / "home").exists()


def test_without_a_hub_the_stores_are_started_for_one_command_and_stopped(tmp_path, monkeypatch):
    """Real Postgres, broker and migrations; the command itself asks the database whether it is there."""
    home = Home(tmp_path / "home")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("BROKER_URL", raising=False)
    monkeypatch.delenv("OBJECTS_URL", raising=False)
    assert verbs.run_verb("migrate", ["--check"], home) == 0
    assert not home.is_locked()
    assert home.read_state() == {}
    assert not (home.postgres / "postmaster.pid").exists()
