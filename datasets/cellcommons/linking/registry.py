"""Which linkers there are, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.linking.assignment import LinearAssignment
from cellcommons.linking.contract import Linker
from cellcommons.linking.global_program import GlobalProgram
from cellcommons.linking.kalman import KalmanFilter
from cellcommons.linking.learned import LearnedLinker, read_linker
from cellcommons.linking.nearest import NearestNeighbour
from cellcommons.linking.overlap import MaskOverlap

_LINKERS: tuple[type[Any], ...] = (GlobalProgram, LinearAssignment, KalmanFilter, MaskOverlap, NearestNeighbour)
DEFAULT = GlobalProgram.name
"""Chosen by ``./hub bench tracking``; docs/tracking.md has the figures."""


def linker_names() -> tuple[str, ...]:
    """Every name, the default first; the last, ``learned``, needs a checkpoint."""
    return (*(str(kind.name) for kind in _LINKERS), LearnedLinker.name)


def all_linkers() -> tuple[Linker, ...]:
    """Every linker that needs no checkpoint, with its default configuration."""
    return tuple(kind() for kind in _LINKERS)


def get_linker(name: str = DEFAULT, config: Mapping[str, Any] | None = None) -> Linker:
    """The linker called ``name`` with ``config`` (its fields; numbers, booleans or null), as an order carries it.

    ``learned`` has one setting, ``checkpoint``: path of the file that ``ml_worker`` trained.

    Raises:
        NotFound: no such linker, or no such checkpoint.
        InvalidDocument: a field it does not have, or a value that is no number, boolean or null.
        UnreadableFile, WrongFormat: the checkpoint is damaged, or of another family.
    """
    if name == LearnedLinker.name:
        return _learned(dict(config or {}))
    for kind in _LINKERS:
        if kind.name == name:
            linker: Linker = kind(**_checked(kind, dict(config or {})))
            return linker
    raise NotFound("no such linker", where=name, remedy=f"Choose one of: {', '.join(linker_names())}.")


def _learned(config: dict[str, Any]) -> LearnedLinker:
    path = config.pop("checkpoint", None)
    if not isinstance(path, str | Path) or config:
        raise InvalidDocument(
            "the learned linker has one setting, the path of its checkpoint",
            where="config",
            remedy='Give {"checkpoint": "linker.safetensors"}; a training run of the task tracking makes one.',
        )
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise NotFound(f"the checkpoint cannot be read ({error.strerror})", where=str(path)) from error
    return LearnedLinker(read_linker(data, where=str(path)))


def _checked(kind: type[Any], config: dict[str, Any]) -> dict[str, Any]:
    known = {field.name: field for field in fields(kind) if field.name != "model"}
    for key, value in config.items():
        if key not in known:
            raise InvalidDocument(
                f"{kind.name} has no setting {key!r}", where="config", remedy=f"It has: {', '.join(known)}."
            )
        default = known[key].default
        if isinstance(default, bool):
            right = isinstance(value, bool)
        elif isinstance(default, int):
            right = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        else:
            number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
            right = number or (value is None and default is None)
        if not right:
            raise InvalidDocument(f"{key} cannot be {value!r}", where="config", remedy=f"The default is {default!r}.")
    return config
