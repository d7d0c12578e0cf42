"""A way to a server that breaks: each connection is cut after so many bytes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class CutProxy:
    """Passes bytes on to ``port`` of 127.0.0.1.

    Args:
        up, down: bytes to and from the server after which a connection is cut; None is never.
    """

    def __init__(self, port: int, *, up: int | None = None, down: int | None = None) -> None:
        self._target, self._up, self._down = port, up, down
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for one, other, limit in ((near, far, self._up), (far, near, self._down)):
                    threading.Thread(target=self._pass_on, args=(one, other, limit), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        left = limit
        with suppress(OSError):
            while data := source.recv(1 << 14):
                if left is not None and len(data) >= left:
                    target.sendall(data[:left])
                    self.cuts += 1
                    break
                target.sendall(data)
                left = None if left is None else left - len(data)
        for sock in (source, target):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
