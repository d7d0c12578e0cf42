"""Processes of a hub: started in groups of their own, watched, restarted, and stopped so that none is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .errors import DoorError, log_tail

TETHER = Path(__file__).with_name("tether.py")
KEEPER = Path(__file__).with_name("keeper.py")
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
STEADY_SECONDS = 60.0  # a process that ran this long is forgiven its earlier deaths
SLOW_SECONDS = 30.0  # between later tries of one that the hub is of use without: what it died of may pass


def tethered(command: Sequence[str], *, number: signal.Signals = signal.SIGTERM) -> list[str]:
    """`command` as a command that gets `number` when this process dies. To be started from a thread that stays."""
    return [sys.executable, "-S", "-E", str(TETHER), str(int(number)), str(os.getpid()), *command]


@dataclass
class Service:
    """One long-running process. `stop_signals` are tried in order, then SIGKILL to its whole group."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    cwd: Path
    stop_signals: Sequence[signal.Signals] = (signal.SIGTERM,)
    orphan_signal: signal.Signals = signal.SIGTERM  # sent by the kernel when the hub itself is killed
    stop_order: int = 0  # low ones stop first: those that use a thing before the thing
    vital: bool = True  # whether the hub is of no use without it
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    deaths: int = 0
    retry_at: float = 0.0
    failing: bool = False  # died again and again, and has not run for long since

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def last_words(self, lines: int = 8) -> str:
        return "\n".join(f"    {line}" for line in log_tail(self.log, lines=lines)) or "    (its log is empty)"


@dataclass
class Supervisor:
    """Starts services, restarts those that die, stops all. Use as a context manager, from the main thread."""

    lock: int | None = None  # descriptor of the home's lock, for the keeper to hold as well
    say: Callable[[str], None] = print
    services: list[Service] = field(default_factory=list)
    _keeper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Supervisor:
        keep = () if self.lock is None else (self.lock,)
        command = [sys.executable, "-S", "-E", str(KEEPER)]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=keep, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, service: Service) -> Service:
        """Start it now; from then on `tick` watches it."""
        if service not in self.services:
            self.services.append(service)
        _trim(service.log)
        with service.log.open("ab") as log:
            try:
                service.process = subprocess.Popen(
                    tethered(service.command, number=service.orphan_signal),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(service.env),
                    cwd=service.cwd,
                    start_new_session=True,
                )
            except OSError as error:
                raise DoorError(f"{service.name} cannot be started: {error}") from error
        service.started = time.monotonic()
        self._tell_keeper(f"+{service.pid}")
        return service

    def tick(self) -> bool:
        """Notice deaths, restart what is due. True where something changed. Raises DoorError for a lost vital one."""
        changed = False
        for service in self.services:
            if service.process is None or service.process.poll() is None:
                changed = changed or _is_steady(service)
                continue
            now = time.monotonic()
            if not service.retry_at:
                changed = True
                self._bury(service, now)
            elif now >= service.retry_at:
                changed = True
                service.retry_at = 0.0
                service.restarts += 1
                self.start(service)
        return changed

    def _bury(self, service: Service, now: float) -> None:
        assert service.process is not None
        _kill_group(service.pid)  # what it left behind would hold its port or its tasks
        self._tell_keeper(f"-{service.pid}")
        if now - service.started > STEADY_SECONDS:
            service.deaths = 0
        how = _describe_exit(service.process.returncode)
        service.deaths += 1
        if service.deaths > len(BACKOFF_SECONDS):
            message = f"{service.name} {how} {service.deaths} times"
            if service.vital:
                raise DoorError(f"{message} and is given up; its log ends:\n{service.last_words()}")
            if not service.failing:
                self.say(f"{message} and is tried every {SLOW_SECONDS:g} s from now on; its log ends:")
                self.say(service.last_words())
            service.failing, service.retry_at = True, now + SLOW_SECONDS
            return
        wait = BACKOFF_SECONDS[service.deaths - 1]
        service.retry_at = now + wait
        self.say(f"{service.name} {how}: starting it again in {wait:g} s (log: {service.log})")

    def require_alive(self) -> None:
        """While starting up a death is no accident: raises DoorError with the last words of the first dead one."""
        for service in self.services:
            if service.process is not None and service.process.poll() is not None:
                how = _describe_exit(service.process.returncode)
                raise DoorError(f"{service.name} {how} while starting; its log ends:\n{service.last_words()}")

    def stop(self, *, grace: float = 3.0) -> None:
        """Stop all, users of a thing before the thing. Each order gets `grace` seconds per signal, then SIGKILL."""
        for order in sorted({service.stop_order for service in self.services}):
            self._stop_together([s for s in self.services if s.stop_order == order and s.process], grace)
        self.services.clear()
        if self._keeper is not None:
            assert self._keeper.stdin is not None
            try:
                self._keeper.stdin.close()
                self._keeper.wait(timeout=10)
            except (OSError, subprocess.TimeoutExpired):
                self._keeper.kill()
            self._keeper = None

    def _stop_together(self, services: list[Service], grace: float) -> None:
        longest = max((len(service.stop_signals) for service in services), default=0)
        for turn in range(longest):
            for service in services:
                if service.is_running() and turn < len(service.stop_signals):
                    os.kill(service.pid, service.stop_signals[turn])
            deadline = time.monotonic() + grace
            while time.monotonic() < deadline and any(service.is_running() for service in services):
                time.sleep(0.05)
        for service in services:
            _kill_group(service.pid)
            if service.process is not None:
                service.process.wait()
            self._tell_keeper(f"-{service.pid}")

    def _tell_keeper(self, line: str) -> None:
        if self._keeper is not None and self._keeper.stdin is not None:
            try:
                self._keeper.stdin.write(line.encode() + b"\n")
                self._keeper.stdin.flush()
            except (BrokenPipeError, ValueError):
                pass  # someone killed the keeper; the tethers still hold


def _is_steady(service: Service) -> bool:
    """Whether one that was failing has run for long by now, and is well again."""
    steady = service.failing and time.monotonic() - service.started > STEADY_SECONDS
    if steady:
        service.failing, service.deaths = False, 0
    return steady


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _trim(log: Path, *, limit: int = 20_000_000, keep: int = 2_000_000) -> None:
    """Keep logs from growing for ever: past `limit` bytes only the last `keep` stay."""
    try:
        if log.stat().st_size > limit:
            with log.open("rb") as file:
                file.seek(-keep, os.SEEK_END)
                tail = file.read()
            log.write_bytes(tail)
    except OSError:
        pass
