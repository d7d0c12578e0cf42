"""`./hub status` and `./hub down`: what a home's hub is doing, and telling it to stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from . import broker, postgres
from .errors import DoorError
from .home import Home
from .up import RUNNING_MEGABYTES, read_health

STARTING_SECONDS = 20.0
WORKERS = ("cpu_worker", "gpu_worker")


def describe(home: Home) -> dict[str, Any]:
    """Health of every part: `{"ok", "running", "home", "url", "pid", "parts": {name: {"ok", "detail"}}}`."""
    state = home.read_state() if home.is_locked() else {}
    running = state.get("state") == "ready"
    report: dict[str, Any] = {
        "ok": False,
        "running": running,
        "state": state.get("state", "stopped"),
        "home": str(home.path),
        "url": state.get("url", ""),
        "pid": state.get("pid", 0),
        "parts": {"disk": _disk(home)},
    }
    if running:
        services, env = state.get("services", {}), state.get("env", {})
        health = read_health(report["url"]) or {}
        seen = health.get("parts", {})
        parts = report["parts"]
        parts["postgres"] = _store(
            "postgres", services, postgres.answers, home, f".s.PGSQL.{postgres.PORT}", seen, "database"
        )
        parts["broker"] = _store("broker", services, broker.answers, home, "redis.sock", seen, "broker")
        parts["objects"] = _part(seen.get("objects") == "ok", env.get("OBJECTS_URL", ""), seen.get("objects"))
        parts["web"] = _process("web", services, "" if health else "its health page does not answer")
        for name in WORKERS:
            word = seen.get(name, "ok")
            # Importing takes seconds, and one that computes for minutes may answer late: busy, not down.
            busy = word != "ok" and (name == "gpu_worker" or _is_young(services.get(name, {})))
            parts[name] = _process(name, services, "" if busy or word == "ok" else str(word))
            if busy and parts[name]["ok"]:
                parts[name]["detail"] += ", busy or starting"
    report["ok"] = running and all(part["ok"] for part in report["parts"].values())
    return report


def _part(ok: bool, detail: str, fault: object = None) -> dict[str, Any]:
    return {"ok": ok, "detail": detail if ok else str(fault or detail or "no answer")}


def _disk(home: Home) -> dict[str, Any]:
    folder = home.path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 1_000_000
    return _part(free >= RUNNING_MEGABYTES, f"{free} MB free", f"only {free} MB free, {RUNNING_MEGABYTES} needed")


def _store(
    name: str, services: dict[str, Any], answers: Any, home: Home, socket: str, seen: dict[str, Any], word: str
) -> dict[str, Any]:
    """An embedded store is asked itself; a person's own is as the web server sees it."""
    if name in services:
        if not answers(home.socket_folder() / socket):
            return _part(False, "", f"does not answer (log: {home.log(name)})")
        return _process(name, services, "")
    return _part(seen.get(word) == "ok", "yours", seen.get(word))


def _process(name: str, services: dict[str, Any], fault: str) -> dict[str, Any]:
    service = services.get(name, {})
    pid = int(service.get("pid", 0))
    if service.get("failing"):
        return _part(False, "", "dies again and again and is tried now and then")
    if not pid or not Path(f"/proc/{pid}").exists():
        return _part(False, "", "its process is gone")
    restarts = f", restarted {service['restarts']} times" if service.get("restarts") else ""
    return _part(not fault, f"process {pid}{restarts}", fault)


def _is_young(service: dict[str, Any]) -> bool:
    """Whether the process began so lately that it may still be importing."""
    try:
        return time.time() - os.stat(f"/proc/{int(service.get('pid', 0))}").st_ctime < STARTING_SECONDS
    except OSError:
        return False


def show_status(home: Home, *, as_json: bool) -> int:
    """Print the health of every part; 0 where all are well, else 1."""
    report = describe(home)
    if as_json:
        print(json.dumps(report))
    elif not report["running"]:
        print(f"No hub is ready on {home.path} (it is {report['state']})")
    else:
        print(f"{report['url']}  process {report['pid']}  {home.path}")
        for name, part in sorted(report["parts"].items()):
            print(f"  {'ok  ' if part['ok'] else 'DOWN'}  {name:<11} {part['detail']}")
    return 0 if report["ok"] else 1


def bring_down(home: Home, *, patience: float = 30.0) -> int:
    """Stop the hub of this home and return when its last process is gone. Raises DoorError if it will not go."""
    if not home.is_locked():
        print(f"No hub runs on {home.path}")
        return 0
    pid = int(home.read_state().get("pid", 0))
    started = time.monotonic()
    if pid:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # killed before: its keeper is at work
        except PermissionError as error:
            raise DoorError(f"The hub on {home.path} (process {pid}) belongs to another user") from error
    while home.is_locked():
        if time.monotonic() - started > patience:
            raise DoorError(
                f"The hub on {home.path} does not stop: end process {pid} with kill -9, the rest goes with it"
            )
        time.sleep(0.05)
    print(f"Stopped in {time.monotonic() - started:.1f} s")
    return 0
