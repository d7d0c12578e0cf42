"""The process that reads broken files: it may die, hang or eat memory, and that is what is looked for."""

from __future__ import annotations

import multiprocessing
import resource
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

from cellcommons.errors import CellCommonsError
from cellcommons.images.readers import open_image
from cellcommons.layouts.registry import get_layout

SECONDS = 20.0
MEMORY = 3 << 30  # above what the process has mapped after its imports


@dataclass(frozen=True)
class Outcome:
    """What came of one input. ``kind``: read, refused, or a fault: crashed, hung, died."""

    kind: str
    said: str = ""
    seconds: float = 0.0

    @property
    def fault(self) -> bool:
        """Whether a user would call it a bug."""
        return self.kind not in ("read", "refused")


def read_all(target: str, path: Path) -> str:
    """Read all of ``path``: ``target`` is ``image`` or the name of a layout. Gives what was read, in a word."""
    if target == "image":
        with open_image(path, companions=True) as opened:
            for image in opened.images:
                image.load()
            return f"{len(opened.images)} images"
    layout = get_layout(target)
    layout.guess(path)
    scan = layout.scan(path)
    read = 0
    for entry in scan.entries:
        try:
            layout.read(entry)
            read += 1
        except CellCommonsError:
            continue
    return f"{read} of {len(scan.entries)} records"


class Reader:
    """A process that reads what it is told; a new one takes its place when it dies or hangs."""

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def read(self, target: str, path: Path) -> Outcome:
        """Read ``path`` as ``target``, for ``SECONDS`` at most."""
        began = time.monotonic()
        self._pipe.send((target, str(path)))
        if not self._pipe.poll(SECONDS):
            self._stop()
            self._start()
            return Outcome("hung", f"no answer after {SECONDS:.0f} s", time.monotonic() - began)
        try:
            kind, said = self._pipe.recv()
        except EOFError:
            self._process.join(5)
            code = self._process.exitcode
            self._start()
            return Outcome("died", f"exit code {code}", time.monotonic() - began)
        return Outcome(kind, said, time.monotonic() - began)

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def _stop(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection) -> None:
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    while True:
        try:
            target, path = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(("read", read_all(target, Path(path))))
        except CellCommonsError as error:
            kind = "refused" if error.what else "crashed"
            pipe.send((kind, error.line()))
        except BaseException:
            pipe.send(("crashed", traceback.format_exc(limit=-4)))
