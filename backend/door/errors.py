"""The one kind of failure the door shows: a single line, exit status 2."""

from __future__ import annotations

import errno
from pathlib import Path


class DoorError(Exception):
    """A refusal a person can act on: what is wrong, where, and the remedy, in one line."""


class Stopped(BaseException):
    """Ctrl-C or SIGTERM reached the door. Not an Exception, so that no cleanup handler swallows it."""


def explain_os_error(error: OSError, *, doing: str) -> DoorError:
    """One line for an OSError met while `doing` something; a full disk is named as such."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DoorError(f"The disk is full while {doing}{where}: free some space and run the same command again")
    return DoorError(f"{doing[:1].upper()}{doing[1:]} failed{where}: {error.strerror or error}")


#: What a subprocess writes when the disk runs out, whichever program it is.
FULL_DISK_MARKS = ("No space left on device", "ENOSPC", "Disk quota exceeded")


def explain_log(log: Path, *, what: str, lines: int = 1) -> DoorError:
    """One line for a subprocess that failed: a full disk and a missing registry by name, else its own last words."""
    tail = log_tail(log, lines=60)
    text = "\n".join(tail)
    if any(mark in text for mark in FULL_DISK_MARKS):
        return DoorError(f"The disk is full: {what} could not finish. Free some space and run it again (log: {log})")
    if any(mark in text for mark in REGISTRY_MARKS):
        return DoorError(
            f"The package registry cannot be reached or lacks a package: {what} could not finish. "
            f"Check the network or the mirror settings and run it again (log: {log})"
        )
    said = " / ".join(line.strip() for line in tail[-lines:]) or "it said nothing"
    return DoorError(f"{what} failed: {said} (log: {log})")


REGISTRY_MARKS = (
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Could not find a version that satisfies",
    "No matching distribution found",
    "Could not fetch URL",
    "ConnectTimeoutError",
    "ProxyError",
    "ENOTFOUND",
    "ECONNREFUSED",
    "EAI_AGAIN",
    "ETIMEDOUT",
    "network request to",
)


def log_tail(log: Path, *, lines: int) -> list[str]:
    """The last non-empty lines of a log, read from its end (a log may be large); empty where there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 64_000))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
