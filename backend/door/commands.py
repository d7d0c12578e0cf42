"""The command lines of a hub's processes: what `./hub up` starts here, and what the images in `docker/` start."""

from __future__ import annotations

#: Queues of the workers that run the hub's own tasks. Imports have their own, so that it can be scaled by itself.
CPU_QUEUE, IO_QUEUE, GPU_QUEUE = "cpu", "io", "gpu"


def web_command(python: str, *, host: str, port: int, workers: int) -> list[str]:
    """The web server. Django knows no lifespan events, hence `asginl`; streams are cut when it stops."""
    command = [python, "-m", "granian", "--interface", "asginl", "backend.asgi:application"]
    command += ["--host", host, "--port", str(port), "--workers", str(workers), "--no-ws"]
    return [*command, "--workers-kill-timeout", "2", "--respawn-failed-workers"]


def worker_command(python: str, name: str, *, queues: tuple[str, ...], processes: int) -> list[str]:
    """A worker of the hub's own tasks; one that reads the cpu queue carries the clock of the sweep."""
    command = [python, "-m", "celery", "-A", "backend", "worker", "-Q", ",".join(queues), "-n", f"{name}@%h"]
    return [*command, "-c", str(processes), "-l", "INFO", "--without-gossip", "--without-mingle"]


def gpu_worker_command(python: str) -> list[str]:
    """Training and prediction, one at a time."""
    command = [python, "-m", "celery", "-A", "ml_worker.worker", "worker", "-Q", GPU_QUEUE, "-n", "gpu@%h"]
    # A thread, so that the worker answers pings while it trains; runs are cancelled through refs, not signals.
    return [*command, "-P", "threads", "-c", "1", "-l", "INFO", "--without-gossip", "--without-mingle"]
