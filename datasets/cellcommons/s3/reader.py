"""A kept object as a seekable stream, read by ranges; what breaks off is asked for again from where it broke."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, IncompleteReadError

from cellcommons.s3.faults import explain

FIRST_WINDOW = 1 << 16
LAST_WINDOW = 1 << 25

Fetch = Callable[[int, int], Any]


class ObjectReader(io.RawIOBase):
    """Bytes ``0 .. size`` of one object.

    One range is asked for at a time: what is wanted and 64 KiB more, for a buffered reader asks for the rest of its
    buffer next; and twice as much each time that reading goes on where it stood. A seek costs little, a whole object
    few requests.

    Args:
        fetch: ``fetch(start, stop)`` -> the body of that range, with ``read(n)`` and ``close()``.
        attempts: how often in a row a range may break off without a byte gained.
        where: the store's address, for what is said where it keeps breaking off.
    """

    def __init__(self, fetch: Fetch, size: int, *, attempts: int, where: str, pause: float = 0.2) -> None:
        super().__init__()
        self._fetch, self._size, self._where = fetch, size, where
        self._attempts, self._pause = attempts, pause
        self._at = 0
        self._window = FIRST_WINDOW
        self._body: Any = None
        self._body_at = self._body_stop = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Raises what ``fetch`` raises, or StoreUnusable where ranges keep breaking off."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._at)
        if wanted <= 0:
            return 0
        failures, pause = 0, self._pause
        while True:
            try:
                data = self._read(wanted)
                break
            except BotoCoreError as error:
                self._drop()
                failures += 1
                if failures >= self._attempts:
                    raise explain(error, where=self._where) from error
                time.sleep(pause)
                pause = min(2 * pause, 5.0)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _read(self, wanted: int) -> bytes:
        if self._body is None or self._body_at != self._at:
            goes_on = self._body is None and self._body_at == self._at and self._at > 0
            self._drop()
            self._window = min(2 * self._window, LAST_WINDOW) if goes_on else FIRST_WINDOW
            self._body_stop = min(self._size, self._at + max(wanted + FIRST_WINDOW, self._window))
            self._body, self._body_at = self._fetch(self._at, self._body_stop), self._at
        data: bytes = self._body.read(min(wanted, self._body_stop - self._body_at))
        if not data:
            raise IncompleteReadError(actual_bytes=0, expected_bytes=self._body_stop - self._body_at)
        self._body_at += len(data)
        if self._body_at == self._body_stop:
            self._drop()  # read to its end: the connection goes back to the pool
        return data

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
