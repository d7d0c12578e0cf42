"""Steps a person waits for: one line each with the seconds it took, its chatter in a log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import DoorError, explain_log, log_tail
from .processes import tethered


class Steps:
    """Prints `2/7 Browser part … 12 s`. On a terminal the line counts along and shows what the log last said."""

    def __init__(self, total: int, *, say: Callable[[str], None] | None = None) -> None:
        self.total, self.number = total, 0
        self._say = say or (lambda line: print(line, flush=True))
        self._live = say is None and sys.stdout.isatty()
        self._title, self._started = "", 0.0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Time the block and print its line when it succeeds."""
        self.number += 1
        self._title, self._started = f"{self.number}/{self.total} {title}", time.monotonic()
        self.show("")
        try:
            yield
        except BaseException:
            if self._live:
                sys.stdout.write("\n")
            raise
        seconds = time.monotonic() - self._started
        took = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
        if self._live:
            sys.stdout.write("\r\033[K")
        self._say(f"{self._title} … {took}")

    def note(self, text: str) -> None:
        """A line of its own while a step runs."""
        if self._live:
            sys.stdout.write("\r\033[K")
        self._say(f"    {text}")

    def show(self, text: str) -> None:
        """The line as it stands, on a terminal only."""
        if self._live:
            seconds = time.monotonic() - self._started
            line = f"{self._title} … {seconds:.0f} s  {text}"
            width = os.get_terminal_size().columns if sys.stdout.isatty() else 80
            sys.stdout.write(f"\r\033[K{line[: width - 1]}")
            sys.stdout.flush()

    def run(
        self, command: Sequence[str], *, what: str, log: Path, env: Mapping[str, str], cwd: Path, explain: int = 1
    ) -> None:
        """Run to the end, output appended to `log`. Raises DoorError in one line; a stopped door takes it along."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            file.write(f"\n$ {' '.join(command)}\n".encode())
            file.flush()
            process = subprocess.Popen(
                tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        try:
            while process.poll() is None:
                try:
                    process.wait(timeout=0.5)
                except subprocess.TimeoutExpired:
                    self.show((log_tail(log, lines=1) or [""])[-1].strip())
        finally:
            end_group(process)
        if process.returncode:
            raise explain_log(log, what=what, lines=explain)

    def run_and_follow(
        self, command: Sequence[str], *, what: str, log: Path, env: Mapping[str, str], cwd: Path
    ) -> None:
        """As `run`, for a command that prints its own progress: each of its lines is shown, and logged."""
        process = subprocess.Popen(
            tethered(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        try:
            with log.open("a", encoding="utf-8") as file:
                fell = False  # a traceback is for the log: the refusal at the end is one line
                for line in process.stdout:
                    file.write(line)
                    file.flush()
                    fell = fell or line.startswith("Traceback ")
                    if line.strip() and not fell and not _is_log_record(line):
                        self.note(line.rstrip())
            process.wait()
        finally:
            end_group(process)
        if process.returncode:
            raise explain_log(log, what=what)


def _is_log_record(line: str) -> bool:
    """Lines of Python's logging start with a date; they belong in the log file only."""
    return len(line) > 10 and line[:4].isdigit() and line[4] == "-" and line[7] == "-"


def end_group(process: subprocess.Popen[bytes] | subprocess.Popen[str], *, grace: float = 3.0) -> None:
    """End a command of ours and what it started, if any of it still runs."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def require_command(found: Path, *, remedy: str) -> Path:
    """`found`, or DoorError saying what to do about its absence."""
    if not found.exists():
        raise DoorError(f"{found} is missing: {remedy}")
    return found
