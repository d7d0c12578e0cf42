"""`./hub up`: from a checkout to a running hub, and back to nothing on Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .environment import Environment
from .errors import DoorError, Stopped, explain_os_error
from .frontend import Frontend
from .home import ROOT, Home, require_space
from .ports import require_free_port
from .processes import Supervisor
from .services import PYTHON, VENV, Parts
from .stamps import digest_files, read_stamp, write_stamp
from .steps import Steps

RUNNING_MEGABYTES = 300


@dataclass(frozen=True)
class UpOptions:
    """What was asked for. `port` 0 picks a free one; `empty` leaves the demo out of a new home."""

    home: Path
    port: int = 8000
    empty: bool = False


def bring_up(options: UpOptions) -> int:
    """Run a hub in this process until it is told to stop; the exit status. Raises DoorError."""
    home = Home(options.home)
    with stop_signals(), home.lock() as lock:
        try:
            port = require_free_port(options.port)
            require_space(home.path, megabytes=RUNNING_MEGABYTES, what="a running hub")
            return _run(home, port, lock, empty=options.empty)
        except Stopped:
            say("Stopped before it was ready; the next ./hub up goes on from here")
            return 130
        except OSError as error:
            raise explain_os_error(error, doing="starting the hub") from error
        finally:
            home.state_file.unlink(missing_ok=True)


def _run(home: Home, port: int, lock: int, *, empty: bool) -> int:
    state: dict[str, Any] = {"pid": os.getpid(), "state": "starting", "port": port, "url": "", "services": {}}
    home.write_state(state)
    steps = Steps(7)
    with steps.step("Python packages"):
        Environment(ROOT).ensure(steps)
    with steps.step("Browser part"):
        Frontend(ROOT, VENV).ensure(steps)
    parts = Parts(home, port)
    with Supervisor(lock=lock, say=say) as supervisor:
        start_stores(parts, supervisor, steps)
        with steps.step("Database tables"):
            migrate(parts, steps)
        if parts.brought:
            check_brought(parts, steps)
        with steps.step("First data"):
            _load_first_data(parts, steps, empty=empty)
        with steps.step("Web and workers"):
            supervisor.start(parts.web())
            wait_for_web(parts, supervisor)
            # After the page is there, for importing torch beside it would make people wait. Their work is queued.
            supervisor.start(parts.cpu_worker())
            supervisor.start(parts.gpu_worker())
        state |= {"state": "ready", "url": parts.url, "env": parts.env}
        _write_services(home, state, supervisor)
        _welcome(home, parts.url)
        try:
            while True:
                time.sleep(0.5)
                if supervisor.tick():
                    _write_services(home, state, supervisor)
        except Stopped:
            say("Stopping …")
            started = time.monotonic()
            supervisor.stop()
            say(f"Stopped in {time.monotonic() - started:.1f} s; nothing is left running")
            return 0


def start_stores(parts: Parts, supervisor: Supervisor, steps: Steps) -> None:
    """Postgres and the broker, ready for use, unless the person brings their own."""
    with steps.step("Postgres" if parts.cluster else "Postgres (yours, from DATABASE_URL)"):
        if cluster := parts.cluster:
            cluster.make()
            cluster.clear_stale()
            supervisor.start(cluster.service(cwd=ROOT))
            cluster.wait_ready(supervisor)
            cluster.create_database()
    with steps.step("Broker" if parts.broker else "Broker (yours, from BROKER_URL)"):
        if broker := parts.broker:
            supervisor.start(broker.service(cwd=ROOT))
            broker.wait_ready(supervisor)


def migrate(parts: Parts, steps: Steps) -> None:
    """Bring the tables to what the code expects; skipped where this cluster has seen these migrations before."""
    wanted = digest_files([*(ROOT / "backend").glob("*/migrations/*.py"), ROOT / "pyproject.toml"], root=ROOT)
    # Kept with the tables it speaks of, so that the two cannot be parted.
    stamp = parts.cluster.data / "cellcommons-tables.json" if parts.cluster else None
    if stamp and read_stamp(stamp).get("wanted") == wanted:
        return
    command = [str(PYTHON), "manage.py", "migrate", "--no-input", "--verbosity", "1"]
    log = parts.home.log("migrate")
    steps.run(command, what="Making the database tables", log=log, env=parts.environment(), cwd=ROOT)
    if stamp:
        write_stamp(stamp, {"wanted": wanted})


def check_brought(parts: Parts, steps: Steps) -> None:
    """Ask what the person brought, before anything is started on it. Raises DoorError with what is wrong."""
    steps.note(f"yours: {', '.join(parts.brought)}")
    command = [str(PYTHON), "manage.py", "check_parts", "--origin", parts.url]
    log = parts.home.log("check")
    log.unlink(missing_ok=True)
    steps.run(command, what="Asking the parts you brought", log=log, env=parts.environment(), cwd=ROOT)
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("uploads from pages"):
            steps.note(line)


def _load_first_data(parts: Parts, steps: Steps, *, empty: bool) -> None:
    """The demo, or the operator alone; once in the life of a home. Cut short, it is begun again."""
    stamp = parts.home.path / "first-data.json"
    if read_stamp(stamp):
        return
    verb = "create_operator" if empty else "load_demo"
    what = "Creating the operator's account" if empty else "Loading the demo"
    command = [str(PYTHON), "manage.py", verb]
    log = parts.home.log("first-data")
    steps.run_and_follow(command, what=what, log=log, env=parts.environment(), cwd=ROOT)
    write_stamp(stamp, {"loaded": verb})


def wait_for_web(parts: Parts, supervisor: Supervisor, *, patience: float = 120.0) -> None:
    """Return when the page answers and its stores are well. Raises DoorError with the last words of what failed."""
    deadline = time.monotonic() + patience
    health: dict[str, Any] = {}
    while time.monotonic() < deadline:
        supervisor.require_alive()
        health = read_health(parts.url) or health
        found = health.get("parts", {})
        if found and all(found.get(name, "ok") == "ok" for name in ("database", "objects", "broker")):
            return
        time.sleep(0.1)
    unwell = ", ".join(f"{name}: {word}" for name, word in health.get("parts", {}).items() if word != "ok")
    raise DoorError(
        f"The web server is not well after {patience:g} s ({unwell or 'no answer'}; logs: {parts.home.logs})"
    )


def read_health(url: str, *, timeout: float = 5.0) -> dict[str, Any] | None:
    """The answer of the health endpoint, whatever its status; None where nothing answers."""
    # Not through a proxy: it is this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/api/v1/health/", timeout=timeout) as response:
            health = json.load(response)
    except urllib.error.HTTPError as error:
        try:
            health = json.load(error)
        except ValueError:
            return None
    except (OSError, ValueError):
        return None
    return health if isinstance(health, dict) else None


def _write_services(home: Home, state: dict[str, Any], supervisor: Supervisor) -> None:
    state["services"] = {
        service.name: {"pid": service.pid, "restarts": service.restarts, "failing": service.failing}
        for service in supervisor.services
    }
    home.write_state(state)


def _welcome(home: Home, url: str) -> None:
    say("")
    say(f"Cell Commons is ready: {url}")
    accounts = read_stamp(home.accounts_file)
    for role, account in accounts.items():
        if isinstance(account, dict):
            say(f"  sign in as {account.get('username')} with {account.get('password')} ({role})")
    say(f"  Ctrl-C stops it. Logs: {home.logs}")


def say(line: str) -> None:
    """To the terminal, or the log of a detached hub. A closed terminal must not keep us from stopping cleanly."""
    with suppress(OSError):
        print(line, flush=True)


@contextmanager
def stop_signals() -> Iterator[None]:
    """In the block the first Ctrl-C, SIGTERM or SIGHUP raises Stopped; later ones change nothing."""
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            raise Stopped

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
