"""Lengths in micrometres and times in seconds, from the units that files use; None where the unit says nothing."""

from __future__ import annotations

import math

_MICROMETRES = {
    "m": 1e6,
    "meter": 1e6,
    "metre": 1e6,
    "dm": 1e5,
    "decimeter": 1e5,
    "cm": 1e4,
    "centimeter": 1e4,
    "centimetre": 1e4,
    "mm": 1e3,
    "millimeter": 1e3,
    "millimetre": 1e3,
    "µm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometers": 1.0,
    "micrometre": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "nanometre": 1e-3,
    "å": 1e-4,
    "angstrom": 1e-4,
    "pm": 1e-6,
    "picometer": 1e-6,
    "inch": 25400.0,
    "in": 25400.0,
    "foot": 304800.0,
    "yard": 914400.0,
}
_SECONDS = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "ms": 1e-3,
    "millisecond": 1e-3,
    "µs": 1e-6,
    "us": 1e-6,
    "microsecond": 1e-6,
    "ns": 1e-9,
    "nanosecond": 1e-9,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}


def micrometres(value: object, unit: object) -> float | None:
    """``value`` in micrometres if it is a positive number and ``unit`` a length."""
    return _converted(value, _MICROMETRES.get(_plain(unit)))


def seconds(value: object, unit: object) -> float | None:
    """``value`` in seconds if it is a positive number and ``unit`` a time; plurals are understood."""
    name = _plain(unit)
    return _converted(value, _SECONDS.get(name, _SECONDS.get(name.removesuffix("s"))))


def _plain(unit: object) -> str:
    """The unit's name in lower case, with one letter mu (there are two that look alike)."""
    return str(unit).strip().replace("\u03bc", "\u00b5").replace("\\u00b5", "\u00b5").lower()


def _converted(value: object, factor: float | None) -> float | None:
    if factor is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Without the noise of one multiplication: 2e-07 m are 0.2 micrometres.
    size = float(f"{float(value) * factor:.12g}")
    return size if math.isfinite(size) and size > 0 else None
