"""A zarr v3 store that reads a sealed tree, one byte range at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Protocol, runtime_checkable

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype

from cellcommons.store import ObjectStore
from cellcommons.tree import Tree


@runtime_checkable
class Ranged(Protocol):
    """A store to which a range costs less than the object."""

    def read_range(self, digest: str, start: int, stop: int, *, size: int) -> bytes:
        """Bytes ``start`` to ``stop`` of an object of ``size`` bytes."""


class TreeStore(Store):
    """Read-only view of (object store, tree) for ``zarr.open``.

    Whole files are verified against their sha256; ranges are not, since the hash covers the whole object.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, objects: ObjectStore, tree: Tree) -> None:
        super().__init__(read_only=True)
        self.objects = objects
        self.tree = tree
        self._entries = {entry.path: entry for entry in tree.entries}
        self._is_open = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreeStore) and other.objects is self.objects and other.tree == self.tree

    def __hash__(self) -> int:
        return hash(self.tree)

    def __repr__(self) -> str:
        return f"TreeStore({self.tree.digest[:12]})"

    def read(self, key: str, byte_range: ByteRequest | None = None) -> bytes | None:
        """A file's bytes, or a range of them; None where the tree has no such file.

        Raises:
            NotFound, DigestMismatch: the object is gone or damaged.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        if byte_range is None:
            return self.objects.get(entry.sha256)
        if isinstance(byte_range, RangeByteRequest):
            start, stop = byte_range.start, min(byte_range.end, entry.size)
        elif isinstance(byte_range, OffsetByteRequest):
            start, stop = byte_range.offset, entry.size
        elif isinstance(byte_range, SuffixByteRequest):
            start, stop = max(0, entry.size - byte_range.suffix), entry.size
        else:
            raise ValueError(f"unknown byte range {byte_range!r}")
        if isinstance(self.objects, Ranged):
            return self.objects.read_range(entry.sha256, start, max(start, stop), size=entry.size)
        with self.objects.open(entry.sha256) as handle:
            handle.seek(start)
            return handle.read(max(0, stop - start))

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        data = await asyncio.to_thread(self.read, key, byte_range)
        return None if data is None else (prototype or default_buffer_prototype()).buffer.from_bytes(data)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        return list(await asyncio.gather(*(self.get(key, prototype, span) for key, span in key_ranges)))

    async def exists(self, key: str) -> bool:
        return key in self._entries

    async def set(self, key: str, value: Buffer) -> None:
        raise PermissionError("a sealed tree is read-only")

    async def delete(self, key: str) -> None:
        raise PermissionError("a sealed tree is read-only")

    async def list(self) -> AsyncIterator[str]:
        for path in self._entries:
            yield path

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        for path in self._entries:
            if path.startswith(prefix):
                yield path

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        base = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        for name in sorted({p[len(base) :].split("/", 1)[0] for p in self._entries if p.startswith(base)}):
            yield name
