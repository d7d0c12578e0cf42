"""A zarr store over a stranger's folder: reads plain files that lie inside it, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype

from cellcommons.errors import TooLarge, UnreadableFile, UnsafeArchive

DOCUMENTS = ("zarr.json", ".zarray", ".zattrs", ".zgroup")
"""Names of metadata files."""
MAX_DOCUMENT = 16 << 20
"""Bytes of one metadata document."""
_NO_KEYS: tuple[str, ...] = ()
Check = Callable[[str, bytes, ByteRequest | None], None]


class ZarrFolder(Store):
    """Read-only view of a folder for ``zarr.open_array``.

    Attributes:
        root: the folder. where: what the person calls it.
        absent: keys that were asked for and are not there; of a chunk, its pixels are the fill value then.
        checks: path of an array -> called with the bytes of each of its files or ranges before anyone decodes them.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = False

    def __init__(self, root: Path, *, where: str) -> None:
        super().__init__(read_only=True)
        self.root, self.where = root, where
        self.absent: set[str] = set()
        self.checks: dict[str, Check] = {}
        self._real = os.path.realpath(root)
        self._is_open = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ZarrFolder) and other.root == self.root

    def __hash__(self) -> int:
        return hash(self.root)

    def __repr__(self) -> str:
        return f"ZarrFolder({self.root.name!r})"

    def located(self, key: str) -> str | None:
        """The real path of a file below the folder; None where there is none.

        Raises:
            UnsafeArchive: a link or a name leads out of the folder, or to something that is no plain file.
        """
        real = os.path.realpath(os.path.join(self._real, key))
        if real != self._real and not real.startswith(self._real + os.sep):
            raise UnsafeArchive(
                f"{key!r} leads out of the folder", where=self.where, remedy="Copy the linked files into the folder."
            )
        try:
            mode = os.stat(real).st_mode
        except (OSError, ValueError):
            return None
        if stat.S_ISDIR(mode):
            return None
        if not stat.S_ISREG(mode):
            raise UnsafeArchive(f"{key!r} is no plain file", where=self.where, remedy="Remove it from the folder.")
        return real

    def read(self, key: str, byte_range: ByteRequest | None = None) -> bytes | None:
        """A file's bytes, or a range of them; None where there is no such file. Raises as ``located``."""
        real = self.located(key)
        if real is None:
            self.absent.add(key)
            return None
        with open(real, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            start, stop = 0, size
            if isinstance(byte_range, RangeByteRequest):
                start, stop = byte_range.start, min(byte_range.end, size)
            elif isinstance(byte_range, OffsetByteRequest):
                start = byte_range.offset
            elif isinstance(byte_range, SuffixByteRequest):
                start = max(0, size - byte_range.suffix)
            handle.seek(min(start, size))
            return handle.read(max(0, stop - start))

    def document(self, key: str) -> dict[str, Any] | None:
        """A JSON object; None where there is no such file.

        Raises:
            UnsafeArchive: as ``located``.
            TooLarge, UnreadableFile: above ``MAX_DOCUMENT``, or no JSON object.
        """
        real = self.located(key)
        if real is None:
            return None
        if (size := os.stat(real).st_size) > MAX_DOCUMENT:
            raise TooLarge(f"{key} has {size:,} bytes; the limit is {MAX_DOCUMENT:,}", where=self.where)
        try:
            found = json.loads(Path(real).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise UnreadableFile(
                f"{key} is damaged ({error})", where=self.where, remedy="Copy or export the folder again."
            ) from error
        if not isinstance(found, dict):
            raise UnreadableFile(f"{key} holds no object", where=self.where, remedy="Copy or export the folder again.")
        return found

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        data = await asyncio.to_thread(self._checked, key, byte_range)
        return None if data is None else (prototype or default_buffer_prototype()).buffer.from_bytes(data)

    def _checked(self, key: str, byte_range: ByteRequest | None) -> bytes | None:
        data = self.read(key, byte_range)
        if data and not key.endswith(DOCUMENTS):
            parts = key.split("/")
            for end in range(len(parts) - 1, -1, -1):
                if check := self.checks.get("/".join(parts[:end])):
                    check(key, data, byte_range)
                    break
        return data

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        return list(await asyncio.gather(*(self.get(key, prototype, span) for key, span in key_ranges)))

    async def exists(self, key: str) -> bool:
        return self.located(key) is not None

    async def set(self, key: str, value: Buffer) -> None:
        raise PermissionError("a stranger's folder is only read")

    async def delete(self, key: str) -> None:
        raise PermissionError("a stranger's folder is only read")

    async def list(self) -> AsyncIterator[str]:
        for key in _NO_KEYS:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        for key in _NO_KEYS:
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        for key in _NO_KEYS:
            yield key
