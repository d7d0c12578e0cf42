"""The planes of one TIFF series, decoded a window at a time. Safe to call from several threads."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import Region
from cellcommons.images.lzw import check_lzw
from cellcommons.images.tiff_structure import check_jpeg

# Uncompressed rows are read about this much at a time where only some of their columns are wanted.
_SPAN = 4 << 20
_SEVERAL = 4
_TABLES = (6, 7, 34892, 33007)  # compressions whose decoder takes the page's JPEG tables
_AGAIN = "Copy, export or upload it again."


@dataclass(frozen=True, eq=False)
class Page:
    """Where one page's pixels lie. ``final``: uncompressed, in one piece that begins at ``offsets[0]``."""

    path: Path
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    final: bool
    jpegtables: bytes | None = field(default=None, repr=False)


class Files:
    """The files that pages lie in: the opened one stays open, siblings are opened for each read (there may be many)."""

    def __init__(self, first: Path, stack: ExitStack) -> None:
        self.first = first
        self._descriptor = os.open(first, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, self._descriptor)
        self._pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "tiff")
        stack.callback(self._pool.shutdown)

    def do(self, work: list[Callable[[], None]]) -> None:
        """Run ``work``, which lets go of the interpreter while it decodes, on all cores."""
        if len(work) < _SEVERAL:
            for one in work:
                one()
        else:
            for _ in self._pool.map(lambda one: one(), work):
                pass

    def read_into(self, path: Path, offset: int, target: memoryview) -> None:
        """Fill ``target`` from ``offset``. Raises UnreadableFile where the file ends before."""
        own = path != self.first
        # A sibling that became a link since it was checked would lead out of the folder.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW) if own else self._descriptor
        try:
            done = 0
            while done < len(target):
                got = os.preadv(descriptor, [target[done:]], offset + done)
                if not got:
                    raise UnreadableFile("the file ends before its pixels", where=path.name, remedy=_AGAIN)
                done += got
        finally:
            if own:
                os.close(descriptor)

    def read(self, path: Path, offset: int, count: int) -> bytearray:
        """``count`` bytes from ``offset``."""
        data = bytearray(count)
        self.read_into(path, offset, memoryview(data))
        return data


class Planes:
    """A series as one array: the dimensions before y (of pages, and of planes within a page), then y, x, samples.

    Args:
        series: its axes must read ``...YX`` or ``...YXS``; see ``reads``.
        files: where its pages lie.
        name: for messages.
    """

    def __init__(self, series: Any, files: Files, name: str) -> None:
        keyframe = series.keyframe
        separate, depth, self.height, self.width, self.samples = keyframe.shaped
        self.files, self.name = files, name
        self.within = separate * depth
        self.shape = tuple(int(n) for n in series.shape)
        self.lead = self.shape[: series.axes.index("Y")]
        self.stored: np.dtype[Any] = np.dtype(keyframe.parent.byteorder + keyframe.dtype.char)
        self.dtype = self.stored.newbyteorder("=")
        self._decode: Callable[..., Any] = keyframe.decode
        self._tables = int(keyframe.compression) in _TABLES
        self._lzw = int(keyframe.compression) == tifffile.COMPRESSION.LZW
        self._jpeg_header = keyframe.jpegheader
        self._tiled = bool(keyframe.is_tiled)
        self._depth = depth
        self.tile = _segment_shape(keyframe)
        self._pages: list[Page] = []
        # One piece of pixels from here on, plane after plane: no table of pages is needed.
        self._run = None if series.is_multifile else series.dataoffset
        if self._run is None:
            self._pages = [_page(page, files.first, keyframe) for page in series.pages]
        self.final = self._run is not None or all(page.final for page in self._pages)

    @property
    def chunk(self) -> tuple[int, ...]:
        """A shape along the series' axes that decodes nothing in vain; of uncompressed pixels some 16 MB of rows."""
        row = self.width * self.samples * self.dtype.itemsize
        _, height, width = self.tile
        if self.final:
            height, width = max(1, (16 << 20) // row), self.width
        tail = (self.samples,) if len(self.shape) > len(self.lead) + 2 else ()
        return (*(1 for _ in self.lead), min(height, self.height), min(width, self.width), *tail)

    def read(self, region: Region) -> Pixels:
        """One region of the series, a slice per axis, in native byte order. Raises UnreadableFile for damaged bytes."""
        sizes = tuple(part.stop - part.start for part in region)
        out = np.empty(sizes, dtype=self.stored if self.final else self.dtype)
        head = len(self.lead)
        rows, columns = region[head], region[head + 1]
        samples = region[head + 2] if len(region) > head + 2 else slice(0, self.samples)
        planes = itertools.product(*(range(part.start, part.stop) for part in region[:head]))
        flat = out.reshape(-1, sizes[head], sizes[head + 1], samples.stop - samples.start)
        size = self.height * self.width * self.samples * self.dtype.itemsize
        packed: list[Callable[[], None]] = []
        for target, place in zip(flat, planes, strict=True):
            plane = int(np.ravel_multi_index(place, self.lead)) if place else 0
            number, inner = divmod(plane, self.within)
            if self._run is not None:
                self._copy_rows(self.files.first, self._run + plane * size, rows, columns, samples, target)
            elif (page := self._pages[number]).final:
                self._copy_rows(page.path, page.offsets[0] + inner * size, rows, columns, samples, target)
            else:
                packed += self._segments(page, inner, rows, columns, samples, target)
        self.files.do(packed)
        return out.astype(self.dtype, copy=False)

    def _segments(
        self, page: Page, inner: int, rows: slice, columns: slice, samples: slice, target: Pixels
    ) -> Iterator[Callable[[], None]]:
        """Work that decodes one strip or tile each into ``target``."""
        separate, depth = divmod(inner, self._depth)
        deep, high, wide = self.tile
        down, across = math.ceil(self.height / high), math.ceil(self.width / wide)
        first = (separate * math.ceil(self._depth / deep) + depth // deep) * down * across
        for down_at in range(rows.start // high, math.ceil(rows.stop / high)):
            for across_at in range(columns.start // wide, math.ceil(columns.stop / wide)):
                y, x = down_at * high, across_at * wide
                top, bottom = max(rows.start, y), min(rows.stop, y + high)
                left, right = max(columns.start, x), min(columns.stop, x + wide)
                here = target[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start]
                there = (depth % deep, slice(top - y, bottom - y), slice(left - x, right - x), samples)
                yield partial(self._decode_into, here, page, first + down_at * across + across_at, there)

    def _decode_into(self, target: Pixels, page: Page, index: int, part: tuple[Any, ...]) -> None:
        target[:] = self._segment(page, index)[part]

    def _segment(self, page: Page, index: int) -> Pixels:
        """One strip or tile: depth, y, x, samples."""
        data = bytes(self.files.read(page.path, page.offsets[index], page.counts[index]))
        tables: dict[str, Any] = {}
        if self._lzw:
            check_lzw(data, where=self.name)
        if self._tables:
            check_jpeg(data, self.tile[1], self.tile[2], self.name)
            tables = {"jpegtables": page.jpegtables, "jpegheader": self._jpeg_header}
        # Tiles are filled up to their full size; a last strip that is short stays short.
        decoded, _, _ = self._decode(data, index, **tables, _fullsize=self._tiled)
        return np.asarray(decoded)

    def _copy_rows(self, path: Path, offset: int, rows: slice, columns: slice, samples: slice, target: Pixels) -> None:
        """Uncompressed rows of a plane that begins at ``offset``, into ``target`` (y, x, samples)."""
        row = self.width * self.samples * self.dtype.itemsize
        whole = target.shape[1:] == (self.width, self.samples) and target.dtype == self.stored
        if whole and target.flags.c_contiguous:
            self.files.read_into(path, offset + rows.start * row, target.reshape(-1).view(np.uint8).data)
            return
        step = max(1, _SPAN // row)
        for top in range(rows.start, rows.stop, step):
            bottom = min(rows.stop, top + step)
            data = self.files.read(path, offset + top * row, (bottom - top) * row)
            block = np.frombuffer(data, dtype=self.stored).reshape(bottom - top, self.width, self.samples)
            target[top - rows.start : bottom - rows.start] = block[:, columns, samples]


def reads(series: Any) -> bool:
    """Whether ``Planes`` can take the series apart: pages in order, nothing computed from their values."""
    axes = series.axes.partition("Y")
    plain = axes[2] in ("X", "XS") and "S" not in axes[0].replace("S", "", 1)
    shaped = series.keyframe.shaped
    tail = tuple(int(n) for n in series.shape[len(axes[0]) :])
    fits = tail == (shaped[2], shaped[3], *((shaped[4],) if axes[2] == "XS" else ()))
    return plain and fits and (axes[2] == "XS" or shaped[4] == 1) and series.transform is None


def _segment_shape(keyframe: tifffile.TiffPage) -> tuple[int, int, int]:
    """Depth, rows and columns of a tile or strip."""
    if keyframe.is_tiled:
        return max(1, keyframe.tiledepth), keyframe.tilelength, keyframe.tilewidth
    # A strip may state 2^32-1 rows, which means all of them.
    return 1, min(keyframe.rowsperstrip or 1, keyframe.imagelength), keyframe.imagewidth


def _page(page: Any, first: Path, keyframe: tifffile.TiffPage) -> Page:
    """What is needed of ``page`` once its file is closed again."""
    offsets, counts = tuple(page.dataoffsets), tuple(page.databytecounts)
    one_piece = all(a + n == b for a, n, b in zip(offsets, counts, offsets[1:], strict=False))
    final = keyframe.is_final and (one_piece or keyframe.is_stk or keyframe.is_lsm)
    handle = page.parent.filehandle
    path = first if page.parent is page.parent.root else Path(handle.dirname) / handle.name
    if len(counts) < len(offsets):
        raise WrongFormat("its segments have no sizes", where=path.name, remedy=_AGAIN)
    return Page(path, offsets, counts, final, page.jpegtables)
