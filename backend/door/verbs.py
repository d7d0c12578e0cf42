"""Every other verb: a command of manage.py, in the environment of a home's hub, or a program that starts its own."""

from __future__ import annotations

import difflib
import os
import signal
import subprocess

from .environment import Environment
from .errors import DoorError
from .home import ROOT, Home
from .ports import require_free_port
from .processes import Supervisor, tethered
from .services import PYTHON, VENV, Parts, own_environment
from .steps import Steps
from .up import migrate, say, start_stores, stop_signals

DOOR_VERBS = ("up", "down", "status", "test")
#: Programs beside Django, which start throw-away hubs of their own.
PROGRAMS = {"rehearse": "backend.rehearsal", "bench": "tests.bench"}
#: Commands of manage.py that look at the code alone.
NEED_NO_STORES = {"help", "spectacular"}


def known_verbs() -> set[str]:
    """The door's own verbs and the commands of manage.py, found by their files, for Django may not be installed yet."""
    own = (ROOT / "backend").glob("*/management/commands/*.py")
    django = VENV.glob("lib/python3*/site-packages/django/**/management/commands/*.py")
    others = VENV.glob("lib/python3*/site-packages/drf_spectacular/management/commands/*.py")
    names = {path.stem for group in (own, django, others) for path in group}
    return {name for name in names if not name.startswith("_")} | {*DOOR_VERBS, *PROGRAMS, "help"}


def run_verb(verb: str, arguments: list[str], home: Home) -> int:
    """Run VERB where the person stands and return its exit status. Raises DoorError for one that does not exist."""
    known = known_verbs()
    if verb not in known:
        near = difflib.get_close_matches(verb, known, n=1)
        hint = (
            f": did you mean {near[0]}?" if near else ". Verbs: up, down, status, test, import, rehearse, bench, help"
        )
        raise DoorError(f"There is no verb {verb!r}{hint}")
    _require_installed()
    if verb in PROGRAMS:
        return _run([str(PYTHON), "-m", PROGRAMS[verb], *arguments], own_environment())
    command = [str(PYTHON), str(ROOT / "manage.py"), verb, *arguments]
    state = home.read_state() if home.is_locked() else {}
    if state.get("state") == "ready":
        return _run(command, own_environment() | state["env"])
    if home.is_locked():
        raise DoorError(
            f"The hub on {home.path} is {state.get('state', 'stopping')}: try again when ./hub status says ready"
        )
    if verb in NEED_NO_STORES:
        home.make()
        return _run(command, Parts(home, 0).environment())
    return _run_with_stores(command, home)


def _require_installed() -> None:
    if not Environment(ROOT).python.exists():
        raise DoorError("Nothing is installed yet: run ./hub up once (or ./hub test), then this again")


def _run_with_stores(command: list[str], home: Home) -> int:
    """No hub runs: start its Postgres and broker for this command alone. Queued work is done at the next `up`."""
    with stop_signals(), home.lock() as lock, Supervisor(lock=lock, say=say) as supervisor:
        home.write_state({"pid": os.getpid(), "state": "busy with a command", "url": "", "services": {}})
        try:
            parts = Parts(home, require_free_port(0))
            quiet = Steps(3, say=lambda line: None)
            start_stores(parts, supervisor, quiet)
            migrate(parts, quiet)
            return _run(command, parts.environment())
        finally:
            home.state_file.unlink(missing_ok=True)


def _run(command: list[str], env: dict[str, str]) -> int:
    """In the terminal's own process group, so that its Ctrl-C reaches the command; we wait for its answer."""
    # Relative paths are the person's own, so we stay where they stand and only say where the code is.
    process = subprocess.Popen(tethered(command, number=signal.SIGINT), env=env | {"PYTHONPATH": str(ROOT)})
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
