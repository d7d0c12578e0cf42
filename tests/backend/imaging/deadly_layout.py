"""A layout whose reader crashes on one file, as a parser written in C may. Apart, for processes without Django."""

from __future__ import annotations

import os
import signal

from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.plain import Plain


class Deadly(Plain):
    """Reads like ``plain``; a file called killer takes the process down."""

    name = "deadly"

    def read(self, entry: Entry) -> Record:
        if entry.paths[0].name.startswith("killer"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(entry)
