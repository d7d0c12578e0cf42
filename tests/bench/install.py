"""From a clean clone to the ready page, and the second start."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from backend.door.ports import require_free_port
from tests.bench.result import Goal, Result

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 1200


def run() -> Result:
    """``git clone`` and ``./hub up`` twice in a folder of its own; the package cache of this machine may be warm."""
    with tempfile.TemporaryDirectory(prefix="bench-install-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        first, first_stop = _up(clone)
        second, second_stop = _up(clone)
        size = int(
            subprocess.run(["du", "-sm", str(clone)], capture_output=True, text=True, check=True).stdout.split()[0]
        )
    figures = {
        "first_start_seconds": first,
        "second_start_seconds": second,
        "stop_seconds": max(first_stop, second_stop),
        "megabytes_on_disk": size,
    }
    goals = [Goal("first_start_seconds", at_most=360), Goal("second_start_seconds", at_most=10)]
    return Result("install", figures, goals)


def _up(clone: Path) -> tuple[float, float]:
    """Seconds until the page answers, and seconds from Ctrl-C until the door has closed."""
    port = require_free_port(0)
    began = time.monotonic()
    with open(clone / "up.log", "ab") as log:
        hub = subprocess.Popen(["./hub", "up", "--port", str(port)], cwd=clone, stdout=log, stderr=log)
        try:
            while not _answers(port):
                if hub.poll() is not None or time.monotonic() - began > LIMIT:
                    raise RuntimeError(f"./hub up did not come up:\n{(clone / 'up.log').read_text()[-2000:]}")
                time.sleep(0.1)
            ready = time.monotonic() - began
        finally:
            stopping = time.monotonic()
            hub.send_signal(signal.SIGINT)
            hub.wait(60)
    return ready, time.monotonic() - stopping


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health/", timeout=2) as answer:
            return b'"ok"' in answer.read()
    except OSError:
        return False
