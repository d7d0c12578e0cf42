"""Cell images, labels, layouts and immutable releases: the ground floor of Cell Commons.

``cellcommons.load(folder)`` opens a downloaded release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cellcommons.folder import load

__all__ = ["__version__", "load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "load":
        # Looked up on first use: whoever imports one module should not wait for pyarrow, scipy and zarr.
        from cellcommons.folder import load

        return load
    raise AttributeError(f"module 'cellcommons' has no attribute {name!r}")
