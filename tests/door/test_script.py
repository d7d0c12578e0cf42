"""`./hub` as a person meets it: one line, status 2, and nothing written."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HUB = ROOT / "hub"


def run_hub(*arguments, env=None):
    command = [sys.executable, str(HUB), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env or dict(os.environ), timeout=60)


def assert_refused(done, *words):
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_a_taken_port_is_said_before_anything_starts(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        done = run_hub("up", "--home", tmp_path / "home", "--port", port)
    assert_refused(done, f"Port {port} is in use", "--port")
    assert done.stdout == ""
    assert not (tmp_path / "home" / "postgres").exists()
    assert not (tmp_path / "home" / "hub.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["improt"], ["improt", "import"]),
        (["up", "--port", "many"], ["--port", "many"]),
        (["up", "--prot", "1"], ["--prot"]),
        (["up", "--port", "70000"], ["70000"]),
        (["status", "--home"], ["--home"]),
        (["down", "--now"], ["--now"]),
    ],
)
def test_what_cannot_be_understood_is_one_line(arguments, words, tmp_path):
    arguments = [*arguments, "--home", tmp_path] if arguments[0] == "up" else arguments
    assert_refused(run_hub(*arguments), *words)


def test_an_old_python_without_a_newer_one_is_one_line(tmp_path):
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); sys.argv = ['hub', 'up']; "
        f"runpy.run_path({str(HUB)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-c", pretend]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(tmp_path)}, timeout=60)
    assert_refused(done, "Python 3.11 or newer", "3.9")


def test_an_old_python_passes_on_to_a_newer_one(tmp_path):
    newer = tmp_path / "python3.12"
    newer.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\necho "newer ran: $2"\n')
    newer.chmod(0o755)
    (tmp_path / "python3.11").write_text("#!/bin/sh\nexit 127\n")  # a shim of a version that is not there
    (tmp_path / "python3.11").chmod(0o755)
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); sys.argv = ['hub', 'status']; "
        f"runpy.run_path({str(HUB)!r}, run_name='__main__')"
    )
    env = {"PATH": f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, env=env, timeout=60)
    assert done.stdout == "newer ran: status\n"


def test_status_of_a_home_without_a_hub(tmp_path):
    done = run_hub("status", "--json", "--home", tmp_path / "none")
    assert done.returncode == 1
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["ok"], report["running"], report["state"]) == (False, False, "stopped")
    assert report["parts"]["disk"]["detail"].endswith("MB free")
    assert not (tmp_path / "none").exists()


def test_down_without_a_hub_has_nothing_to_do(tmp_path):
    done = run_hub("down", "--home", tmp_path / "none")
    assert done.returncode == 0
    assert "No hub runs" in done.stdout


def test_the_door_needs_only_the_standard_library():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import backend.door.arguments\n"
        "names = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(names - {'__main__', 'backend'}))"
    )
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr or done.stdout
