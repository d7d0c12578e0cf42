"""A hub as a process of its own: detached by `./hub up --detach`, or thrown away by tests and `rehearse`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import DoorError
from .home import ROOT, Home
from .ports import require_free_port
from .processes import tethered
from .services import REPLACEABLE
from .stamps import read_stamp
from .up import UpOptions

DOOR = ROOT / "hub"


@dataclass(frozen=True)
class Hub:
    """A running hub. `env` is what manage.py needs to reach it, `accounts` `{role: {"username", "password"}}`."""

    url: str
    home: Path
    env: dict[str, str]
    accounts: dict[str, Any]


@contextmanager
def running_hub(
    home: Path,
    port: int = 0,
    *,
    demo: bool = False,
    log: Callable[[str], None] | None = None,
    replace: Mapping[str, str] | None = None,
) -> Iterator[Hub]:
    """Run a whole hub, all its processes real, in `home` for the time of the block; stopped and gone after it.

    Args:
        home: its folder; made if need be and not removed, so that a failed test can be looked into.
        port: 0 picks a free one.
        demo: load the demo, else only the operator's account.
        log: gets each line that `./hub up` prints.
        replace: variables for it, such as `OBJECTS_URL`, as a person sets them to bring their own parts.

    Raises DoorError in one line where it does not start. It dies with the process that calls this, even by kill -9.
    """
    port = require_free_port(port)
    # A DATABASE_URL around us is the caller's own database, never that of a hub to be thrown away.
    env = {key: value for key, value in os.environ.items() if key not in REPLACEABLE} | dict(replace or {})
    options = UpOptions(home=Path(home), port=port, empty=not demo)
    process, output = _spawn(options, env=env, tether=True)
    try:
        _follow_until_ready(process, Home(home), output, log or (lambda line: None))
        state = Home(home).read_state()
        accounts = read_stamp(Home(home).accounts_file)
        yield Hub(url=state["url"], home=Path(home), env=state["env"], accounts=accounts)
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()  # its keeper ends the rest
            process.wait()


def detach(options: UpOptions) -> int:
    """Start a hub that outlives this terminal, show its progress until it is ready. The exit status."""
    process, output = _spawn(options, env=dict(os.environ), tether=False)
    try:
        _follow_until_ready(process, Home(options.home), output, lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        print("Stopped before it was ready; the next ./hub up goes on from here")
        return 130
    print("It runs in the background: ./hub status, ./hub down")
    return 0


def _spawn(options: UpOptions, *, env: dict[str, str], tether: bool) -> tuple[subprocess.Popen[bytes], Path]:
    home = Home(options.home)
    home.make()
    output = home.log("hub")
    command = [sys.executable, str(DOOR), "up", "--home", str(home.path), "--port", str(options.port)]
    command += ["--empty"] if options.empty else []
    with output.open("wb") as file:
        process = subprocess.Popen(
            tethered(command) if tether else command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=ROOT,
            start_new_session=True,
        )
    return process, output


def _follow_until_ready(process: subprocess.Popen[bytes], home: Home, output: Path, say: Callable[[str], None]) -> None:
    """Pass on what it prints until it says it is ready. Raises DoorError with its last line if it ends before."""
    said: list[str] = []
    with output.open(encoding="utf-8", errors="replace") as file:
        while True:
            ended = process.poll() is not None  # looked at before reading, so that no last words are missed
            state = home.read_state()
            ready = state.get("state") == "ready" and state.get("pid") == process.pid
            while line := file.readline():
                said.append(line.rstrip("\n"))
                if not said[-1].startswith("hub: ") and not ended:
                    say(said[-1])
            if ready:
                return
            if ended:
                starts = [number for number, line in enumerate(said) if line.startswith("hub: ")]
                refusal = "\n".join(said[starts[-1] :]).removeprefix("hub: ") if starts else ""
                raise DoorError(refusal or f"the hub ended with status {process.returncode} (log: {output})")
            time.sleep(0.1)
