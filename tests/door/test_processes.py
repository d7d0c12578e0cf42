import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend.door import processes
from backend.door.errors import DoorError
from backend.door.processes import Service, Supervisor

ROOT = Path(__file__).resolve().parents[2]
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(1000)"]


def service(tmp_path, code, **more):
    command = [sys.executable, "-S", "-c", code]
    more.setdefault("name", "thing")
    return Service(command=command, env=dict(os.environ), log=tmp_path / "thing.log", cwd=tmp_path, **more)


def wait_until(condition, *, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid):
    """A zombie whose parent has not looked yet is as good as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_dead_process_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "BACKOFF_SECONDS", (0.0, 0.0))
    said = []
    with Supervisor(say=said.append) as supervisor:
        thing = supervisor.start(service(tmp_path, "import time; time.sleep(1000)"))
        first = thing.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: supervisor.tick() and thing.restarts == 1)
        assert thing.pid != first
        assert thing.is_running()
    assert "thing was killed by SIGKILL" in said[0]


@pytest.mark.parametrize("vital", [True, False])
def test_one_that_keeps_dying_is_named_with_its_last_words(tmp_path, monkeypatch, vital):
    monkeypatch.setattr(processes, "BACKOFF_SECONDS", (0.0,))
    said = []
    with Supervisor(say=said.append) as supervisor:
        thing = supervisor.start(service(tmp_path, "print('no disk today'); raise SystemExit(3)", vital=vital))
        if vital:
            with pytest.raises(DoorError, match=r"thing ended with status 3 2 times(?s:.)*no disk today"):
                wait_until(lambda: supervisor.tick() and False)
        else:
            wait_until(lambda: supervisor.tick() and thing.failing)
            assert "no disk today" in said[-1]
            assert supervisor.tick() is False  # left alone for a while


def test_one_that_the_hub_is_of_use_without_is_never_given_up(tmp_path, monkeypatch):
    """What it died of has passed: it comes back by itself, and is well once it has run for a while."""
    for name, value in (("BACKOFF_SECONDS", (0.0,)), ("SLOW_SECONDS", 0.1), ("STEADY_SECONDS", 0.5)):
        monkeypatch.setattr(processes, name, value)
    passed = tmp_path / "passed"
    code = f"import pathlib, sys, time; time.sleep(1000) if pathlib.Path({str(passed)!r}).exists() else sys.exit(3)"
    said = []
    with Supervisor(say=said.append) as supervisor:
        thing = supervisor.start(service(tmp_path, code, vital=False))
        wait_until(lambda: supervisor.tick() and thing.failing and thing.deaths > 3)
        assert len([line for line in said if "from now on" in line]) == 1
        passed.touch()
        wait_until(lambda: supervisor.tick() and not thing.failing)
        assert thing.is_running()
        assert thing.deaths == 0


def test_a_death_while_starting_is_an_error_at_once(tmp_path):
    with Supervisor() as supervisor:
        thing = supervisor.start(service(tmp_path, "print('bad setting'); raise SystemExit(1)"))
        wait_until(lambda: not thing.is_running())
        with pytest.raises(DoorError, match=r"while starting(?s:.)*bad setting"):
            supervisor.require_alive()


def test_stopping_ends_even_one_that_will_not_and_its_children(tmp_path):
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"child = subprocess.Popen({SLEEP!r})\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(1000)\n"
    )
    supervisor = Supervisor()
    with supervisor:
        thing = supervisor.start(service(tmp_path, code))
        wait_until(lambda: thing.log.exists() and thing.log.read_text().strip())
        child = int(thing.log.read_text())
        pid = thing.pid
        assert is_alive(child)
        supervisor.stop(grace=0.2)
    wait_until(lambda: not is_alive(child) and not is_alive(pid))


def test_users_of_a_thing_stop_before_it(tmp_path):
    note = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('NAME', flush=True), sys.exit()))\n"
        "print('up', flush=True); time.sleep(1000)"
    )
    with Supervisor() as supervisor:
        supervisor.start(service(tmp_path, note.replace("NAME", "store"), stop_order=2, name="store"))
        supervisor.start(service(tmp_path, note.replace("NAME", "user"), stop_order=0, name="user"))
        log = tmp_path / "thing.log"
        wait_until(lambda: log.exists() and log.read_text().count("up") == 2)
    assert log.read_text().split() == ["up", "up", "user", "store"]


def test_kill_9_of_the_hub_leaves_nothing_running(tmp_path):
    child = f"import subprocess, time; print(subprocess.Popen({SLEEP!r}).pid, flush=True); time.sleep(1000)"
    code = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from backend.door.processes import Service, Supervisor\n"
        "command, log = [sys.executable, '-S', '-c', sys.argv[3]], Path(sys.argv[2])\n"
        "with Supervisor() as supervisor:\n"
        "    s = supervisor.start(Service(name='x', command=command, env=dict(os.environ), log=log, cwd=log.parent))\n"
        "    print(s.pid, supervisor._keeper.pid, flush=True)\n"
        "    time.sleep(1000)\n"
    )
    log = tmp_path / "x.log"
    command = [sys.executable, "-c", code, str(ROOT), str(log), child]
    hub = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert hub.stdout is not None
    pids = [int(word) for word in hub.stdout.readline().split()]
    wait_until(lambda: log.exists() and log.read_text().strip())
    pids.append(int(log.read_text()))
    assert all(is_alive(pid) for pid in pids)
    hub.kill()
    hub.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
