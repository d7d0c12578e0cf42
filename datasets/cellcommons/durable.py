"""Waiting until the disk holds what was written, and knowing when it cannot."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk, or somebody's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def sync_together(folder: Path, paths: list[Path]) -> None:
    """Make ``paths`` (files or folders on the file system of ``folder``) durable: by one syncfs where there is one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _SYNCFS is not None and _SYNCFS(descriptor) == 0:
            return
    finally:
        os.close(descriptor)
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _find_syncfs() -> Callable[[int], int] | None:
    """Linux has it in its C library and Python does not wrap it."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError, TypeError):
        return None
    return found


_SYNCFS = _find_syncfs()
