"""Run a command that dies with its parent: `python tether.py SIGNAL PARENT_PID command ...`.

Linux sends SIGNAL to a process whose parent thread ended (prctl PR_SET_PDEATHSIG), even by kill -9. It is set here, in
the process that becomes the command, and not between fork and exec, where Python code is not safe. A command that
changes its credentials (unshare, setpriv) loses it and has to set it again.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    number, parent, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died before the line above: nobody would stop us
            sys.exit(0)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
