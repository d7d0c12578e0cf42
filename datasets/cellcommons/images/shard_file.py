"""A shard that grows chunk by chunk in a file, so that only its index is held in memory."""

from __future__ import annotations

import os
from pathlib import Path

import google_crc32c
import numpy as np

from cellcommons.images.shards import MISSING, encode_index


class ShardFile:
    """One shard being written. Chunks lie in the file in the order of ``append``; the index at its end finds them.

    Args:
        path: written anew. Nothing reads it under this name: ``close`` is followed by a rename.
        grid: chunks along each axis.
    """

    def __init__(self, path: Path, grid: tuple[int, ...]) -> None:
        self.path = path
        self.size = 0
        self._index = np.full((*grid, 2), MISSING, dtype="<u8")
        self._checksum = 0
        self._file = path.open("wb", buffering=0)

    def append(self, place: tuple[int, ...], data: bytes | None) -> None:
        """Add the chunk at ``place`` of the grid; None is a chunk of zeros, which is left out."""
        if data is not None:
            self._index[place] = self.size, len(data)
            self._write(data)

    def close(self) -> str:
        """Write the index and let go of the file; the crc32c of all of it, in hex, which tells damage from sound."""
        self._write(encode_index(self._index))
        self._file.close()
        return f"{self._checksum:08x}"

    def sync(self) -> None:
        """Wait until the closed file is on the disk."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def abandon(self) -> None:
        """Let go of the file, which stays unfinished."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._checksum = google_crc32c.extend(self._checksum, data)
        self.size += len(data)
