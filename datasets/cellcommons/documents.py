"""Documents: frozen dataclasses that travel as canonical JSON and are parsed strictly."""

from __future__ import annotations

import json
import math
import types
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints

from cellcommons.canonical import canonical_json
from cellcommons.errors import InvalidDocument
from cellcommons.store import ObjectStore


@dataclass(frozen=True)
class Document:
    """A frozen JSON document with a ``kind`` that names its type and version."""

    KIND: ClassVar[str] = ""

    def to_bytes(self) -> bytes:
        """Canonical JSON. Raises InvalidDocument where a number is not finite."""
        try:
            return canonical_json({"kind": self.KIND, **asdict(self)})
        except ValueError as error:
            raise InvalidDocument(f"it cannot be written as JSON ({error})", where=self.KIND) from error

    def save(self, store: ObjectStore) -> str:
        """Put into ``store``; return the sha256."""
        return store.put(self.to_bytes())

    @classmethod
    def parse(cls, data: bytes, *, where: str = "") -> Self:
        """Parse canonical JSON of this kind. Raises InvalidDocument naming the field at fault."""
        try:
            document = json.loads(data, parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError) as error:
            raise InvalidDocument(f"not JSON ({error})", where=where) from error
        if not isinstance(document, dict) or document.pop("kind", None) != cls.KIND:
            raise InvalidDocument(f"expected a document of kind {cls.KIND!r}", where=where)
        value: Self = _build(cls, document, where)
        return value

    @classmethod
    def load(cls, store: ObjectStore, digest: str) -> Self:
        """Load by digest. Raises NotFound, DigestMismatch, InvalidDocument."""
        return cls.parse(store.get(digest), where=digest)


def _finite(text: str) -> float:
    """Python reads NaN, Infinity and 1e999; JSON has no such numbers, and they could not be written again."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


@cache
def _hints(cls: Any) -> dict[str, Any]:
    """Evaluated once: they are text, and a document may hold thousands of its parts."""
    return get_type_hints(cls)


def _build(cls: Any, document: dict[str, Any], where: str) -> Any:
    hints = _hints(cls)
    known = {f.name for f in fields(cls)}
    if extra := set(document) - known:
        raise InvalidDocument(f"unknown fields {sorted(extra)}", where=where)
    values: dict[str, Any] = {}
    for name, value in document.items():
        values[name] = _convert(hints[name], value, f"{where}:{name}")
    try:
        return cls(**values)
    except TypeError as error:
        raise InvalidDocument(str(error), where=where) from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise InvalidDocument("expected a list", where=where)
        return tuple(_convert(get_args(hint)[0], item, where) for item in value)
    if origin is types.UnionType:
        if value is None and type(None) in get_args(hint):
            return None
        return _convert(next(a for a in get_args(hint) if a is not type(None)), value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise InvalidDocument("expected an object", where=where)
        return {key: _convert(get_args(hint)[1], item, f"{where}:{key}") for key, item in value.items()}
    if hint is Any:
        return value
    if isinstance(hint, type) and hasattr(hint, "__dataclass_fields__"):
        if not isinstance(value, dict):
            raise InvalidDocument("expected an object", where=where)
        return _build(hint, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and (not isinstance(value, hint) or (hint is int and isinstance(value, bool))):
        raise InvalidDocument(f"expected {hint.__name__}, got {value!r}", where=where)
    return value
