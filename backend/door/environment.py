"""The Python environment `.venv`: made once, installed when a pyproject changed, never left half made."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DoorError, explain_os_error, log_tail
from .home import require_space
from .stamps import digest_files, read_stamp, write_stamp
from .steps import Steps

PACKAGES_MEGABYTES = 3_000  # the environment as measured (2.2 GB), and room for what pip unpacks on the way
HOW_TO_GET_VENV = (
    f"{sys.executable} cannot make virtual environments: install python3-venv "
    "(Debian, Ubuntu: apt install python3-venv), or uv, or virtualenv"
)


class Environment:
    """`.venv` of the checkout `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.stamp = self.venv / ".hub-stamp.json"
        # Present from before the first change until the last: what it marks was cut short and is made anew.
        self.unfinished = self.venv / ".hub-unfinished"
        self.log = root / ".cache" / "install.log"

    def _wanted(self) -> str:
        return digest_files([self.root / "pyproject.toml", self.root / "datasets" / "pyproject.toml"], root=self.root)

    def is_current(self, extras: frozenset[str] = frozenset()) -> bool:
        """Whether what the pyprojects ask for, and at least these extras, is installed here. Reads a few files only."""
        stamp = read_stamp(self.stamp)
        return (
            not self.unfinished.exists()
            and self.python.exists()
            and stamp.get("wanted") == self._wanted()
            and stamp.get("root") == str(self.root)  # scripts and editable installs hold absolute paths
            and extras <= set(stamp.get("extras", ()))
        )

    def ensure(self, steps: Steps, *, extras: frozenset[str] = frozenset()) -> None:
        """Make and install as needed; without need, no network. Raises DoorError in one line."""
        if self.is_current(extras):
            return
        with installing(self.root, steps):
            if not self.is_current(extras):
                try:
                    self._install(steps, extras | frozenset(read_stamp(self.stamp).get("extras", ())))
                except OSError as error:
                    raise explain_os_error(error, doing="installing the Python packages") from error

    def _install(self, steps: Steps, extras: frozenset[str]) -> None:
        stamp = read_stamp(self.stamp)
        moved = bool(stamp) and stamp.get("root") != str(self.root)
        if (self.unfinished.exists() and self._was_cut()) or moved or not self._works():
            require_space(self.root, megabytes=PACKAGES_MEGABYTES, what="the first installation")
            shutil.rmtree(self.venv, ignore_errors=True)
            self.venv.mkdir()
            self.unfinished.touch()
            self._make(steps)
        self.unfinished.touch()
        wanted = self._wanted()
        target = f".[{','.join(sorted(extras))}]" if extras else "."
        # Bytecode is compiled at first import instead: only what is used, and the installation is a third faster.
        command = [str(self.python), "-m", "pip", "install", "--no-input", "--no-compile", "--progress-bar", "off"]
        command += ["--disable-pip-version-check", "-e", "./datasets", "-e", target]
        try:
            steps.run(
                command, what="Installing the Python packages", log=self.log, env=self._clean_env(), cwd=self.root
            )
        except DoorError:
            if not self._was_cut():
                self.unfinished.unlink(missing_ok=True)  # pip refused before it touched anything: keep what works
            raise
        write_stamp(self.stamp, {"wanted": wanted, "root": str(self.root), "extras": sorted(extras)})
        self.unfinished.unlink()

    def _was_cut(self) -> bool:
        """Whether the last pip was ended while it wrote packages; while it only fetched, nothing is broken."""
        lines = log_tail(self.log, lines=5000)
        begun = max(
            (number for number, line in enumerate(lines) if line.startswith("Installing collected")), default=-1
        )
        return begun >= 0 and not any(line.startswith(("Successfully installed", "$ ")) for line in lines[begun:])

    def _works(self) -> bool:
        if not self.python.exists():
            return False
        return subprocess.run([str(self.python), "-c", "import pip"], capture_output=True).returncode == 0

    def _make(self, steps: Steps) -> None:
        """An empty environment with pip, by the first way that this machine has."""
        for command in ways_to_make(self.venv):
            if "--without-pip" in command:
                steps.run(command, what="Making .venv", log=self.log, env=self._clean_env(), cwd=self.root)
                command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "pip"]
            steps.run(command, what="Making .venv", log=self.log, env=self._clean_env(), cwd=self.root)
            if self._works():
                return
        raise DoorError(HOW_TO_GET_VENV)

    @staticmethod
    def _clean_env() -> dict[str, str]:
        """Our environment without what would lead pip or Python elsewhere."""
        away = {
            "PYTHONPATH",
            "PYTHONHOME",
            "VIRTUAL_ENV",
            "PIP_TARGET",
            "PIP_PREFIX",
            "PIP_USER",
            "PIP_REQUIRE_VIRTUALENV",
        }
        return {key: value for key, value in os.environ.items() if key not in away}


def ways_to_make(venv: Path) -> list[list[str]]:
    """Commands that make an environment with pip at `venv`, best first; empty where this machine has none."""
    ways: list[list[str]] = []
    has = importlib.util.find_spec
    if has("venv") and has("ensurepip"):  # Debian's python3 lacks ensurepip until python3-venv is installed
        ways.append([sys.executable, "-m", "venv", str(venv)])
    if uv := shutil.which("uv"):
        ways.append([uv, "venv", "--seed", "--allow-existing", "--python", sys.executable, str(venv)])
    elif has("uv"):
        ways.append(
            [sys.executable, "-m", "uv", "venv", "--seed", "--allow-existing", "--python", sys.executable, str(venv)]
        )
    if has("virtualenv"):
        ways.append([sys.executable, "-m", "virtualenv", str(venv)])
    elif virtualenv := shutil.which("virtualenv"):
        ways.append([virtualenv, "--python", sys.executable, str(venv)])
    if has("venv") and has("pip"):
        ways.append([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    return ways


@contextmanager
def installing(root: Path, steps: Steps) -> Iterator[None]:
    """One installer at a time in a checkout; a second waits, and says so."""
    cache = root / ".cache"
    try:
        cache.mkdir(exist_ok=True)
        file = (cache / "install.lock").open("a")
    except OSError as error:
        raise explain_os_error(error, doing=f"writing to the checkout {root}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            steps.note("another ./hub is installing in this checkout: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
