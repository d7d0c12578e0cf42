"""Run the command in forked processes that end themselves by SIGKILL at stated steps, each on a copy of one folder.

Standard input: JSON with ``arguments`` of ``cellcommons`` (``FOLDER`` stands for the copy), ``folder`` to copy (or null
to begin without one), ``copies`` (a folder for them) and ``points``: numbers of steps, or how many to draw with
``seed``. A step is anything that Python's audit hooks tell of: opening, renaming, linking, removing, sending.
Standard output: a JSON line for each point, ``[step, copy, exit status or -signal]``.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from cellcommons.cli import main

_STEPS = ("open", "os.", "shutil.", "socket.", "fcntl.", "tempfile.")


def ended(arguments: list[str], stop_at: int | None, count_file: Path) -> int:
    """Run in a fork; its exit status, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        seen = 0

        def hook(event: str, _: object) -> None:
            nonlocal seen
            if event.startswith(_STEPS):
                seen += 1
                if seen == stop_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        status = 70
        try:
            with open(os.devnull, "w") as quiet:
                os.dup2(quiet.fileno(), 1)
            sys.addaudithook(hook)
            status = main(arguments)
            reached = seen
            count_file.write_text(str(reached))
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def run(asked: dict) -> None:
    copies, count = Path(asked["copies"]), Path(asked["copies"]) / "count"

    def once(name: str, stop_at: int | None) -> tuple[Path, int]:
        copy = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=copies)) / "folder"
        if asked["folder"]:
            shutil.copytree(asked["folder"], copy, symlinks=True)
        return copy, ended([str(copy) if a == "FOLDER" else a for a in asked["arguments"]], stop_at, count)

    _, status = once("whole", None)
    if status:
        sys.exit(f"the run that nobody stops ended with {status}")
    steps = int(count.read_text())
    rng, half = random.Random(asked["seed"]), asked["points"] // 2
    # Most steps fetch: half of the points lie where the version is laid out, swapped and tidied up after.
    late = steps * 3 // 4
    points = rng.sample(range(1, late), asked["points"] - half) + rng.sample(range(late, steps), half)
    for point in sorted(points):
        copy, status = once(str(point), point)
        sys.stdout.write(json.dumps([point, str(copy), status]) + "\n")


if __name__ == "__main__":
    run(json.load(sys.stdin))
