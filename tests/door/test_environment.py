import importlib.util
import json
import shutil
import subprocess
import sys

import pytest

from backend.door.environment import Environment, ways_to_make
from backend.door.errors import DoorError, explain_log
from backend.door.steps import Steps


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "datasets" / "pyproject.toml").write_text("[project]\n")
    return tmp_path


@pytest.fixture
def installed(checkout):
    environment = Environment(checkout)
    environment.python.parent.mkdir(parents=True)
    environment.python.symlink_to(sys.executable)
    stamp = {"wanted": environment._wanted(), "root": str(checkout), "extras": ["test"]}
    environment.stamp.write_text(json.dumps(stamp))
    return environment


def silent():
    return Steps(1, say=lambda line: None)


def test_what_is_current_is_left_alone(installed, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("nothing was to be run"))
    assert installed.is_current()
    assert installed.is_current(frozenset({"test"}))
    installed.ensure(silent(), extras=frozenset({"test"}))


def test_other_extras_a_changed_pyproject_or_a_cut_installation_are_not_current(installed, checkout):
    assert not installed.is_current(frozenset({"bench"}))
    installed.unfinished.touch()
    assert not installed.is_current()
    installed.unfinished.unlink()
    (checkout / "datasets" / "pyproject.toml").write_text("[project]\nname='x'\n")
    assert not installed.is_current()


def test_a_moved_checkout_is_not_current(installed, checkout, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "checkout"
    shutil.copytree(checkout, moved, symlinks=True)
    assert not Environment(moved).is_current()


@pytest.mark.parametrize(
    ("log", "cut"),
    [
        ("$ pip\nCollecting a\nERROR: no network\n", False),
        ("$ pip\nCollecting a\nInstalling collected packages: a\n", True),
        ("$ pip\nInstalling collected packages: a\nSuccessfully installed a\n$ pip\nCollecting b\n", False),
        ("$ pip\nInstalling collected packages: a\nOSError\n$ venv\n", False),
    ],
)
def test_a_cut_installation_is_told_from_a_refused_one(installed, log, cut):
    installed.log.parent.mkdir()
    installed.log.write_text(log)
    assert installed._was_cut() is cut


def without(monkeypatch, *absent):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else real(name))


def test_without_ensurepip_other_makers_are_taken_in_turn(monkeypatch, tmp_path):
    assert ways_to_make(tmp_path)[0][1:3] == ["-m", "venv"]
    without(monkeypatch, "ensurepip", "uv", "virtualenv")
    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/{name}")
    assert [way[0] for way in ways_to_make(tmp_path)[:2]] == ["/opt/uv", "/opt/virtualenv"]


def test_without_any_maker_one_line_says_what_to_install(monkeypatch, checkout):
    without(monkeypatch, "ensurepip", "uv", "virtualenv", "pip")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("backend.door.environment.require_space", lambda *_, **__: None)
    with pytest.raises(DoorError, match=r"apt install python3-venv.*uv.*virtualenv") as caught:
        Environment(checkout).ensure(silent())
    assert "\n" not in str(caught.value)
    assert not Environment(checkout).is_current()


def test_a_refused_installation_is_one_line_and_never_stamped(checkout, monkeypatch):
    """A real venv and a real pip, with a registry that does not exist."""
    (checkout / "datasets" / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["no-such-backend-of-cell-commons"]\nbuild-backend = "x"\n[project]\nname = "a"\n'
    )
    monkeypatch.setattr("backend.door.environment.require_space", lambda *_, **__: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(checkout))
    environment = Environment(checkout)
    with pytest.raises(DoorError, match="registry cannot be reached or lacks a package") as caught:
        environment.ensure(silent())
    assert "\n" not in str(caught.value)
    assert not environment.stamp.exists()
    assert not environment.is_current()


def test_a_full_disk_is_named_whoever_met_it(tmp_path):
    log = tmp_path / "log"
    log.write_text("npm error code ENOSPC\nnpm error no space\n")
    assert "disk is full" in str(explain_log(log, what="Installing"))
