"""What every test may use: the real images, where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
