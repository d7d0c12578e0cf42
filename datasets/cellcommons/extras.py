"""Packages that only some files need: asked for when such a file comes, and named where they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from cellcommons.errors import MissingExtra


def require(module: str, *, extra: str, what: str) -> ModuleType:
    """Import ``module``, which the extra ``extra`` of this package installs.

    Args:
        what: what cannot be done without it, e.g. ``"reading ND2"``.

    Raises:
        MissingExtra: it is not installed; the remedy is the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"{what} needs the package {module.partition('.')[0]}, which is not installed ({error})",
            remedy=f'Install it with: pip install "cellcommons[{extra}]"',
        ) from error
