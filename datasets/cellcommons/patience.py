"""How long to go on trying where the other side falters."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cellcommons.errors import Unreachable
from cellcommons.transport import BrokenOff


@dataclass
class Patience:
    """How long to go on trying.

    Attributes:
        attempts: failures in a row, without a byte gained, before giving up.
        pause: seconds before the first retry; each further one waits twice as long, at most 8 s.
        ended: set to stop, from any thread.
    """

    attempts: int
    pause: float
    ended: threading.Event = field(default_factory=threading.Event)

    def retry(self, attempt: Callable[[], object], where: str) -> None:
        """Call ``attempt`` until it does not break off. An attempt that gained bytes starts the count of failures anew.

        Raises:
            Unreachable: too many failures in a row.
        """
        failures, pause = 0, self.pause
        while True:
            try:
                attempt()
                return
            except BrokenOff as error:
                failures, pause = (0, self.pause) if error.gained else (failures + 1, pause)
                if failures >= self.attempts:
                    raise Unreachable(
                        f"{error} ({failures} times in a row)",
                        where=where,
                        remedy="Run the same command again later: it goes on where it stopped.",
                    ) from error
            if self.ended.wait(pause):
                raise Unreachable("the download was stopped", where=where)
            pause = min(2 * pause, 8.0)
