"""A way to a server that is slow upwards, so that there is time to break things."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit


class SlowWay:
    """Passes bytes on to ``url``, upwards at most ``rate`` bytes a second on each connection."""

    def __init__(self, url: str, *, rate: float) -> None:
        place = urlsplit(url)
        self._target, self._rate = (place.hostname or "", place.port or 80), rate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(self._target)
                except OSError:  # the server is away for the moment
                    near.close()
                    continue
                for one, other, rate in ((near, far, self._rate), (far, near, 0.0)):
                    threading.Thread(target=_pass_on, args=(one, other, rate), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, rate: float) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
            if rate:
                time.sleep(len(data) / rate)
    for sock in (source, target):
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
