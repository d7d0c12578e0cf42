"""The keeper: a small process that ends what a killed hub leaves behind.

The hub writes `+PGID` and `-PGID` lines into the keeper's stdin as its process groups come and go. When the pipe
closes, however the hub ended, the keeper stops the groups that are left: SIGTERM first, SIGKILL a few seconds later.
It holds the home's lock meanwhile, so that no second hub starts upon a database that still runs.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE_SECONDS = 6.0


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it goes when the pipe closes, not before its hub
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        groups.add(group) if line[0] == "+" else groups.discard(group)
    deadline = time.monotonic() + GRACE_SECONDS
    # The tether already sent each leader the signal it likes best; this reaches what the leaders started.
    time.sleep(0.5 if groups else 0)
    groups = {group for group in groups if _signal_group(group, signal.SIGTERM)}
    while groups and time.monotonic() < deadline:
        time.sleep(0.1)
        groups = {group for group in groups if _signal_group(group, 0)}
    for group in groups:
        _signal_group(group, signal.SIGKILL)


def _signal_group(group: int, number: int) -> bool:
    """Send and say whether the group still has members."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main()
