"""Progress on a terminal."""

from __future__ import annotations

import time
from typing import TextIO

from cellcommons.client import Progress


class Meter:
    """One line of progress, rewritten in place on a terminal; nothing elsewhere, where nobody waits for it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._live = stream, stream.isatty()
        self._next, self._open = 0.0, False

    def show(self, progress: Progress) -> None:
        """Show the progress of a download, not more often than can be read."""
        share = 100 * progress.bytes / max(1, progress.bytes_total)
        self.say(
            f"{progress.objects:,}/{progress.objects_total:,} objects  "
            f"{progress.bytes / 1e6:,.1f}/{progress.bytes_total / 1e6:,.1f} MB  {share:.0f} %",
            last=progress.objects >= progress.objects_total,
        )

    def count(self, done: int, total: int, what: str) -> None:
        """Show that ``done`` of ``total`` things are done, not more often than can be read."""
        self.say(f"{done:,}/{total:,} {what}  {100 * done / max(1, total):.0f} %", last=done >= total)

    def say(self, text: str, *, last: bool = False) -> None:
        """Show ``text``, unless something was shown just now and this is not the ``last``."""
        now = time.monotonic()
        if not self._live or (now < self._next and not last):
            return
        self._next = now + 0.1
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()
        self._open = True

    def end(self) -> None:
        """Leave the line."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False
