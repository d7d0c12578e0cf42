"""A hub's home: the one folder that holds its database, objects, logs and secrets, and the lock on it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import DoorError, explain_os_error
from .stamps import read_stamp, write_whole

ROOT = Path(__file__).resolve().parents[2]

#: sockaddr_un holds 107 bytes; Postgres adds "/.s.PGSQL.5432" and redis "/redis.sock" to the folder.
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432.lock")


class Home:
    """Paths inside one home. Making a Home touches nothing; `make` creates the folders, private to their owner."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser().absolute()
        self.postgres = self.path / "postgres"
        self.broker = self.path / "broker"
        self.objects = self.path / "objects"
        self.logs = self.path / "logs"
        self.run = self.path / "run"
        self.state_file = self.path / "hub.json"
        self.accounts_file = self.path / "accounts.json"

    def make(self) -> None:
        """Create the folders. Raises DoorError where that is not allowed or the disk is full."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self.path.stat().st_uid == os.geteuid():
                self.path.chmod(0o700)  # the database takes connections from whoever can open its socket
            for folder in (self.broker, self.objects, self.logs, self.run):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise explain_os_error(error, doing=f"making the home {self.path}") from error

    def secret_key(self) -> str:
        """Django's key of this home, made once and readable by its owner alone."""
        return self._secret("secret_key", secrets.token_urlsafe(48))

    def signing_key_file(self) -> Path:
        """The file of the key that signs this hub's releases (an ed25519 seed, 32 bytes as hex), made likewise."""
        self._secret("signing_key", secrets.token_hex(32))
        return self.path / "signing_key"

    def _secret(self, name: str, fresh: str) -> str:
        path = self.path / name
        try:
            if key := path.read_text(encoding="utf-8").strip():
                return key
        except FileNotFoundError:
            pass
        except OSError as error:
            raise explain_os_error(error, doing=f"reading {path}") from error
        write_whole(path, fresh + "\n", mode=0o600)
        return path.read_text(encoding="utf-8").strip()

    def socket_folder(self) -> Path:
        """A folder short enough for unix sockets: `run` in the home, else one of ours in the temporary folder."""
        if len(os.fsencode(self.run)) <= LONGEST_SOCKET_FOLDER and _holds_sockets(self.run):
            return self.run
        name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"cellcommons-{os.geteuid()}-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        seen = folder.lstat()
        if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid() or stat.S_IMODE(seen.st_mode) & 0o077:
            raise DoorError(f"{folder} is not a private folder of yours: remove it, or use a shorter --home")
        return folder

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def read_state(self) -> dict[str, Any]:
        """What the running hub last wrote of itself; {} where none ever ran or it stopped cleanly."""
        return read_stamp(self.state_file)

    def write_state(self, state: dict[str, Any]) -> None:
        """Whole, and private: it holds the environment of the processes."""
        write_whole(self.state_file, json.dumps(state, indent=1, sort_keys=True) + "\n", mode=0o600)

    def is_locked(self) -> bool:
        """Whether a hub (or what a killed one left, still stopping) holds this home."""
        try:
            with (self.path / "lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    @contextmanager
    def lock(self, *, patience: float = 12.0) -> Iterator[int]:
        """Hold the home and yield the lock's descriptor, which the keeper inherits.

        A living hub is refused at once. A killed one is waited for: its keeper holds the lock until the last process
        is gone, a few seconds at most. Raises DoorError.
        """
        self.make()
        with (self.path / "lock").open("a+b") as file:
            deadline = time.monotonic() + patience
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    state = self.read_state()
                    pid = int(state.get("pid", 0))
                    if _is_alive(pid) or time.monotonic() > deadline:
                        where = f" at {state['url']}" if state.get("url") else ""
                        raise DoorError(
                            f"A hub already runs on {self.path}{where} (process {pid}): "
                            f"stop it with ./hub down, or start another with --home and --port"
                        ) from error
                    time.sleep(0.1)
            yield file.fileno()


def require_space(folder: Path, *, megabytes: int, what: str) -> None:
    """Raises DoorError where the disk that holds (or would hold) `folder` has less than `megabytes` left."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < megabytes:
        raise DoorError(f"The disk of {folder} is too full: {what} needs {megabytes} MB, {free} MB are free")


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _holds_sockets(folder: Path) -> bool:
    """Some shared and network folders hold no sockets: try one."""
    probe = folder / f".probe{os.getpid() % 10000}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.bind(str(probe))
        except OSError:
            return False
    probe.unlink(missing_ok=True)
    return True
