"""Cell images, labels, layouts and immutable releases: the ground floor of Cell Commons.

``cellcommons.read_image(file)`` reads an image of any format, ``open_image`` looks inside without reading its pixels;
``cellcommons.read(folder)`` walks through a folder in a published layout, ``write(records, folder, layout=...)`` writes
one; ``cellcommons.open("lab/slug@2")`` opens a published release where it lies, ``load(folder)`` a downloaded one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cellcommons.folder import load
    from cellcommons.images.readers import open_image, read_image
    from cellcommons.layouts.records import read_layout as read
    from cellcommons.layouts.records import write_records as write
    from cellcommons.opening import open

__all__ = ["__version__", "load", "open", "open_image", "read", "read_image", "write"]
__version__ = "0.1.0"

_WHERE = {
    "load": ("cellcommons.folder", "load"),
    "open": ("cellcommons.opening", "open"),
    "open_image": ("cellcommons.images.readers", "open_image"),
    "read_image": ("cellcommons.images.readers", "read_image"),
    "read": ("cellcommons.layouts.records", "read_layout"),
    "write": ("cellcommons.layouts.records", "write_records"),
}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        # Looked up on first use: whoever imports one module should not wait for pyarrow, scipy and zarr.
        from importlib import import_module

        module, inside = _WHERE[name]
        return getattr(import_module(module), inside)
    raise AttributeError(f"module 'cellcommons' has no attribute {name!r}")
