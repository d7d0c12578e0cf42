"""What a hub is made of: the environment of its processes, and the processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from .broker import Broker
from .commands import CPU_QUEUE, IO_QUEUE, gpu_worker_command, web_command, worker_command
from .home import ROOT, Home
from .ports import HOST
from .postgres import Cluster
from .processes import Service

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

#: What a person may set to replace an embedded part; a throw-away hub ignores all of them.
STORES = ("DATABASE_URL", "BROKER_URL", "OBJECTS_URL")
REPLACEABLE = (
    *STORES,
    "OBJECTS_PUBLIC_ENDPOINT",
    "SECRET_KEY",
    "HUB_SIGNING_KEY",
    "HUB_SIGNING_KEY_FILE",
    "HUB_HOSTS",
    "HUB_ORIGINS",
)
_LEADS_ASTRAY = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "DJANGO_SETTINGS_MODULE")


def own_environment() -> dict[str, str]:
    """Ours, with `.venv` first and without what would lead Python elsewhere."""
    env = {key: value for key, value in os.environ.items() if key not in _LEADS_ASTRAY}
    env["PATH"] = f"{VENV / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    env["VIRTUAL_ENV"] = str(VENV)
    env["PYTHONUNBUFFERED"] = "1"
    return env


class Parts:
    """The parts of the hub in `home` on `port`. A URL in the environment replaces the embedded part."""

    def __init__(self, home: Home, port: int) -> None:
        self.home, self.port = home, port
        self.url = f"http://{HOST}:{port}"
        sockets = home.socket_folder()
        given = {name: os.environ[name] for name in REPLACEABLE if os.environ.get(name)}
        #: The stores that are the person's own.
        self.brought = [name for name in STORES if name in given]
        self.cluster: Cluster | None = None
        self.broker: Broker | None = None
        if "DATABASE_URL" not in given:
            self.cluster = Cluster(data=home.postgres, sockets=sockets, log=home.log("postgres"), venv=VENV)
            given["DATABASE_URL"] = self.cluster.url
        if "BROKER_URL" not in given:
            self.broker = Broker(data=home.broker, sockets=sockets, log=home.log("broker"), venv=VENV)
            given["BROKER_URL"] = self.broker.url
        given.setdefault("OBJECTS_URL", home.objects.as_uri())
        given.setdefault("SECRET_KEY", home.secret_key())
        if not given.keys() & {"HUB_SIGNING_KEY", "HUB_SIGNING_KEY_FILE"}:
            given["HUB_SIGNING_KEY_FILE"] = str(home.signing_key_file())
        #: What manage.py and the processes need to know of this hub.
        self.env = given | {
            "DJANGO_SETTINGS_MODULE": "backend.settings.hub",
            "HUB_HOME": str(home.path),
            "HUB_URL": self.url,
            "HUB_COOKIE_SUFFIX": f"_{port}",
        }

    def environment(self) -> dict[str, str]:
        return own_environment() | self.env

    def web(self) -> Service:
        """The web server."""
        workers = max(1, min(4, (os.cpu_count() or 1) // 2))
        command = web_command(str(PYTHON), host=HOST, port=self.port, workers=workers)
        return self._service("web", command, self.environment(), stop_signals=(signal.SIGTERM,))

    def cpu_worker(self) -> Service:
        """Imports, fusion, releases; and the clock of the sweep."""
        command = worker_command(
            str(PYTHON),
            "cpu",
            queues=(CPU_QUEUE, IO_QUEUE),
            processes=max(2, (os.cpu_count() or 2) // 2),
        )
        return self._worker("cpu_worker", command, self.environment())

    def gpu_worker(self) -> Service:
        """Training and prediction. It gets no database and no key: orders carry all it needs."""
        command = gpu_worker_command(str(PYTHON))
        secret = ("DATABASE_URL", "SECRET_KEY", "HUB_SIGNING_KEY", "HUB_SIGNING_KEY_FILE", "DJANGO_SETTINGS_MODULE")
        env = {key: value for key, value in self.environment().items() if key not in secret}
        # Threads that spin at a barrier starve the web and each other where cores are few.
        env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        return self._worker("gpu_worker", command, env)

    def _worker(self, name: str, command: list[str], env: Mapping[str, str]) -> Service:
        # TERM lets the task at hand finish; QUIT gives it back to the queue.
        signals = (signal.SIGTERM, signal.SIGQUIT)
        service = self._service(name, command, env, stop_signals=signals)
        service.orphan_signal, service.vital = signal.SIGQUIT, False
        return service

    def _service(
        self, name: str, command: list[str], env: Mapping[str, str], *, stop_signals: tuple[signal.Signals, ...]
    ) -> Service:
        log = self.home.log(name)
        return Service(name=name, command=command, env=env, log=log, cwd=Path(ROOT), stop_signals=stop_signals)
