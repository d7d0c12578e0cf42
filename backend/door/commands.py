"""The command lines of a hub's processes: what `./hub up` starts here, and what the images in `docker/` start."""

from __future__ import annotations

from pathlib import Path

#: Queues of the workers that run the hub's own tasks. Imports have their own, so that it can be scaled by itself.
CPU_QUEUE, IO_QUEUE, GPU_QUEUE = "cpu", "io", "gpu"


def web_command(python: str, *, host: str, port: int, workers: int) -> list[str]:
    """The web server. Django knows no lifespan events, hence `asginl`; streams are cut when it stops."""
    command = [python, "-m", "granian", "--interface", "asginl", "backend.asgi:application"]
    command += ["--host", host, "--port", str(port), "--workers", str(workers), "--no-ws"]
    return [*command, "--workers-kill-timeout", "2", "--respawn-failed-workers"]


def worker_command(python: str, name: str, *, queues: tuple[str, ...], processes: int, beat: Path | None) -> list[str]:
    """A worker of the hub's own tasks. `beat` is the file of its clock, which only sends a sweep now and then."""
    command = [python, "-m", "celery", "-A", "backend", "worker", "-Q", ",".join(queues), "-n", f"{name}@%h"]
    command += ["-c", str(processes), "-l", "INFO", "--without-gossip", "--without-mingle"]
    return [*command, "-B", "-s", str(beat)] if beat else command


def gpu_worker_command(python: str) -> list[str]:
    """Training and prediction, one at a time."""
    command = [python, "-m", "celery", "-A", "ml_worker.worker", "worker", "-Q", GPU_QUEUE, "-n", "gpu@%h"]
    # A thread, so that the worker answers pings while it trains; runs are cancelled through refs, not signals.
    return [*command, "-P", "threads", "-c", "1", "-l", "INFO", "--without-gossip", "--without-mingle"]
