"""Reading, compressing and writing at the same time, with a bounded amount of pixels in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Self

from cellcommons.errors import CellCommonsError
from cellcommons.images.blocks import blocks, grown, region_shape
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import Region
from cellcommons.images.shards import CHUNK, whole_chunks
from cellcommons.images.stream_journal import Finished
from cellcommons.images.stream_part import Part
from cellcommons.images.stream_target import Target

# Decoded bytes that are read at once.
BLOCK_BYTES = 16 << 20
# Tiles that may wait for a thread, or for being written.
_WAITING = 24

Look = Callable[[Region, Pixels], dict[str, Any]]


class Engine:
    """Threads of one conversion: one reads ahead, some compress, one waits for the disk; the caller's writes.

    Args:
        keep: called, in order and by one thread, with each part whose shards have their names.
    """

    def __init__(self, target: Target, threads: int, keep: Callable[[Finished], None]) -> None:
        self._target, self._keep = target, keep
        self._reader = ThreadPoolExecutor(1, "read")
        self._packers = ThreadPoolExecutor(threads, "pack")
        self._keeper = ThreadPoolExecutor(1, "keep")
        # What is to be written next, in order: a result and what to do with it, or something that waits for all before.
        self._queue: deque[tuple[Future[Any] | None, Callable[[Any], None]]] = deque()
        self._kept: deque[Future[None]] = deque()
        self._open: set[Part] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in (self._reader, self._packers, self._keeper):
            pool.shutdown(wait=True, cancel_futures=True)
        for part in self._open:
            part.abandon()

    def run(
        self,
        parts: list[Part],
        fetch: Callable[[Region], Pixels],
        look: Look | None,
        advance: Callable[[int], None],
    ) -> None:
        """Convert ``parts`` of one stage.

        Args:
            fetch: the stage's source. look: what is noted of its pixels. advance: told the bytes of each block.
        """
        try:
            for part, inner, pixels, last in self._read_ahead(parts, fetch):
                if part not in self._open:
                    part.open(self._target.work)
                    self._open.add(part)
                if look is not None:
                    self._submit(partial(look, _absolute(part, inner), pixels), part.seen.append)
                for tile in part.tiles(part.stage.source, inner, pixels):
                    self._submit(tile, part.append)
                if last:
                    self._after(part, part.stage.source)
                advance(pixels.nbytes)
                del pixels
                self._drain(_WAITING)
        except CellCommonsError:
            # The source cannot be read further: what has been read of whole parts is finished, for when it can.
            self._drain(0)
            self._settle(0)
            raise
        self._drain(0)
        self._settle(0)

    def _read_ahead(
        self, parts: list[Part], fetch: Callable[[Region], Pixels]
    ) -> Iterator[tuple[Part, Region, Pixels, bool]]:
        """(part, region from its corner, pixels, whether it is the part's last), one block ahead of the caller."""
        wanted = ((part, inner, last) for part in parts for inner, last in _cut(part))
        ahead: tuple[Part, Region, bool, Future[Pixels]] | None = None
        for part, inner, last in wanted:
            coming = (part, inner, last, self._reader.submit(fetch, _absolute(part, inner)))
            if ahead is not None:
                yield ahead[0], ahead[1], ahead[3].result(), ahead[2]
            ahead = coming
            del coming
        if ahead is not None:
            yield ahead[0], ahead[1], ahead[3].result(), ahead[2]

    def _submit(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        self._queue.append((self._packers.submit(work), then))

    def _after(self, part: Part, level: int) -> None:
        """Once all tiles of ``level`` are written: the level below, or the end of the part."""

        def go_on(_: None) -> None:
            if level < part.stage.last:
                pixels = part.below(level + 1)
                for tile in part.tiles(level + 1, tuple(slice(0, n) for n in pixels.shape), pixels):
                    self._submit(tile, part.append)
                self._after(part, level + 1)
            else:
                self._open.discard(part)
                self._kept.append(self._keeper.submit(self._finish, part))
                self._settle(1)

        self._queue.append((None, go_on))

    def _drain(self, most: int) -> None:
        """Write results in order until at most ``most`` wait."""
        while len(self._queue) > most:
            result, then = self._queue.popleft()
            then(result.result() if result is not None else None)

    def _settle(self, most: int) -> None:
        """Wait until at most ``most`` parts are on their way to the disk."""
        while len(self._kept) > most:
            self._kept.popleft().result()

    def _finish(self, part: Part) -> None:
        files: dict[str, list[Any]] = {}
        for path, shard, checksum in list(part.close()):
            files[path] = [shard.size, self._target.keep(path, shard, checksum)]
        self._keep(Finished(part.stage.last, part.number, files, part.seen))


def _absolute(part: Part, inner: Region) -> Region:
    """A region from the part's corner, as one of the source."""
    return tuple(slice(p.start + r.start, p.start + r.stop) for p, r in zip(part.region, inner, strict=True))


def _cut(part: Part) -> Iterator[tuple[Region, bool]]:
    """Blocks of a part that are read at once, and whether each is the last.

    Whole chunks of ours, so that each is complete when it is compressed, and of the file's, so that none is decoded
    twice, unless that takes more than four times the memory.
    """
    shape = region_shape(part.region)
    most = BLOCK_BYTES // part.dtype.itemsize
    chunk = list(whole_chunks(part.stage.chunk, (1,) * (len(shape) - 2) + (CHUNK, CHUNK)))
    for axis in range(len(shape) - 2):
        while chunk[axis] > 1 and _size(chunk, shape) > 4 * most:
            chunk[axis] = -(-chunk[axis] // 2)
    step = grown(tuple(chunk), shape, most)
    found = list(blocks(shape, step))
    for place, region in enumerate(found):
        yield region, place == len(found) - 1


def _size(chunk: list[int], shape: tuple[int, ...]) -> int:
    total = 1
    for c, n in zip(chunk, shape, strict=True):
        total *= min(c, n)
    return total
