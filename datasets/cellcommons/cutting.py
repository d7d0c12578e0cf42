"""Chunks of shards, by range: what is wanted of a large object, without the rest of it."""

from __future__ import annotations

import itertools
import math
import tempfile
import threading
from collections.abc import Callable, Container, Iterator
from pathlib import Path

import google_crc32c
import imagecodecs
import numpy as np

from cellcommons.cut_trees import ShardCut
from cellcommons.errors import DigestMismatch, Unreachable
from cellcommons.images.data import Pixels
from cellcommons.images.shard_file import ShardFile
from cellcommons.images.shards import MISSING
from cellcommons.patience import Patience
from cellcommons.release import Member, hash_object
from cellcommons.store import FolderStore, object_path
from cellcommons.transport import BrokenOff, Source
from cellcommons.tree import TreeEntry

_DECODERS = {"gzip": imagecodecs.gzip_decode, "zstd": imagecodecs.zstd_decode}
# Chunks that lie so near are asked for together, up to so many bytes at once.
_GAP, _MOST = 32 << 10, 8 << 20
_REMEDY = "Run the same command again; if it stays so, the hub's copy is damaged."


class Cutter:
    """Brings chunks of shards, each shard as a smaller one. For several threads at once.

    A range cannot be checked against the sha256 of the object: the crc32c of the shard's index is checked, and that
    each chunk decodes to its size, which for gzip checks the crc32 of its pixels.

    Args:
        whole: brings an object whole; for hosts that send no ranges.
        count: called with the bytes that came. repair: hash what is there already.
    """

    def __init__(
        self,
        source: Source,
        store: FolderStore,
        patience: Patience,
        *,
        whole: Callable[[Member], None],
        count: Callable[[int], None],
        repair: bool,
    ) -> None:
        self._source, self._store, self._patience = source, store, patience
        self._whole, self._count, self._repair = whole, count, repair
        self._ranges = threading.Event()
        self._ranges.set()

    def bring(self, cut: ShardCut, role: str) -> TreeEntry:
        """The file that holds those chunks, in the store; the whole object where the host sends no ranges.

        Raises:
            Unreachable, NotFound, Withdrawn: it cannot be had. DigestMismatch: what came is damaged.
        """
        kept = self.kept(cut, role)
        if kept is not None:
            return kept
        if self._ranges.is_set():
            try:
                return self._fetched(cut, role)
            except _NoRanges:
                self._ranges.clear()
        self._whole(Member(cut.entry.sha256, cut.entry.size, role))
        return cut.entry

    def kept(self, cut: ShardCut, role: str) -> TreeEntry | None:
        """The file, if an earlier run left it whole."""
        found = known_piece(self._store, cut)
        if found is not None and self._repair:
            try:
                hash_object(self._store, Member(found.sha256, found.size, role))
            except DigestMismatch:
                self._store.delete(found.sha256)
                return None
        return found

    def _fetched(self, cut: ShardCut, role: str) -> TreeEntry:
        length = 16 * math.prod(cut.grid) + 4
        trailer = self._read(cut, cut.entry.size - length, cut.entry.size, role)
        if int(google_crc32c.value(trailer[:-4])) != int.from_bytes(trailer[-4:], "little"):
            raise DigestMismatch(
                f"the index of {role} does not match its crc32c", where=cut.entry.sha256, remedy=_REMEDY
            )
        index = np.frombuffer(trailer[:-4], "<u8").reshape(*cut.grid, 2)
        with tempfile.TemporaryDirectory(dir=self._store.root / "partial") as aside:
            shard = ShardFile(Path(aside) / "shard", cut.grid)
            try:
                for group in _groups(cut, index):
                    start, stop = group[0][1], max(offset + size for _, offset, size in group)
                    if stop > cut.entry.size - length:
                        raise DigestMismatch(f"the index of {role} leads out of it", where=cut.entry.sha256)
                    data = self._read(cut, start, stop, role)
                    for place, offset, size in group:
                        chunk = data[offset - start : offset - start + size]
                        _check(chunk, cut, place, role)
                        shard.append(place, chunk)
            finally:
                shard.close()
            digest = self._store.put_file(shard.path)
        self._store.put_ref(_ref(cut), f"{digest} {shard.size}".encode())
        return TreeEntry(cut.entry.path, digest, shard.size)

    def _read(self, cut: ShardCut, start: int, stop: int, role: str) -> bytes:
        found: list[bytes] = []

        def attempt() -> None:
            if self._patience.ended.is_set():
                raise Unreachable("the download was stopped", where=role)
            path = object_path(cut.entry.sha256)
            with self._source.open(path, start, stop) as body:
                if body.start != start:
                    raise _NoRanges
                data = bytearray()
                for block in body.blocks:
                    data += block
                    self._count(len(block))
            if len(data) != stop - start:
                raise BrokenOff(f"{stop - start - len(data)} bytes of a range are missing")
            found.append(bytes(data))

        self._patience.retry(attempt, role)
        return found[-1]


class _NoRanges(Exception):
    """The host sends whole files only."""


def known_piece(store: FolderStore, cut: ShardCut) -> TreeEntry | None:
    """The file of those chunks that an earlier run left in the store; None where there is none of that size."""
    said = (store.get_ref(_ref(cut)) or b"").decode("ascii", "replace").split()
    if len(said) != 2 or not said[1].isdecimal() or not store.exists(said[0]) or store.size(said[0]) != int(said[1]):
        return None
    return TreeEntry(cut.entry.path, said[0], int(said[1]))


def forget_pieces(store: FolderStore, needed: Container[str]) -> None:
    """Forget what the store says of pieces whose objects are let go."""
    for path in (store.root / "refs" / "cuts").glob("*"):
        if path.read_text(errors="replace").partition(" ")[0] not in needed:
            path.unlink()


def _ref(cut: ShardCut) -> str:
    return f"cuts/{cut.name}"


def _groups(cut: ShardCut, index: Pixels) -> Iterator[list[tuple[tuple[int, ...], int, int]]]:
    """``(place, offset, size)`` of the chunks that are written, in order of the file, those together that lie so."""
    found = [(place, int(index[place][0]), int(index[place][1])) for place in itertools.product(*cut.places)]
    group: list[tuple[tuple[int, ...], int, int]] = []
    for chunk in sorted((c for c in found if c[1:] != (MISSING, MISSING)), key=lambda c: c[1]):
        end = group[-1][1] + group[-1][2] if group else 0
        if group and (chunk[1] - end > _GAP or chunk[1] + chunk[2] - group[0][1] > _MOST):
            yield group
            group = []
        group.append(chunk)
    if group:
        yield group


def _check(data: bytes, cut: ShardCut, place: tuple[int, ...], role: str) -> None:
    try:
        sound = len(_DECODERS[cut.codec](data, out=cut.decoded)) == cut.decoded
    except (ValueError, RuntimeError):
        sound = False
    if not sound:
        raise DigestMismatch(f"chunk {place} of {role} is damaged", where=cut.entry.sha256, remedy=_REMEDY)
