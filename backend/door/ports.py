"""TCP ports on 127.0.0.1: is this one free, and which one is."""

from __future__ import annotations

import errno
import socket

from .errors import DoorError

HOST = "127.0.0.1"


def require_free_port(port: int) -> int:
    """`port` if a server can listen on it, a free one for 0. Raises DoorError naming the port otherwise."""
    if not 0 <= port <= 65535:
        raise DoorError(f"Port {port} does not exist: give --port a number from 1 to 65535 (0 picks a free one)")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections of a hub stopped a moment ago (TIME_WAIT) do not count as a taken port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EACCES:
                raise DoorError(f"Port {port} needs privileges: choose one above 1023, as in --port 8000") from error
            raise DoorError(f"Port {port} is in use: stop what listens there or choose another with --port") from error
        return int(probe.getsockname()[1])
