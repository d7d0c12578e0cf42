"""The one place that reads environment variables: once, typed, and by name when one is missing."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from kombu.transport import TRANSPORT_ALIASES

from cellcommons.errors import InvalidDocument
from cellcommons.s3.address import parse_address, parse_endpoint

_MISSING = object()


class Environment:
    """Typed reader over ``os.environ``; remembers which names were asked for, so that a test can hold docs to it."""

    def __init__(self, values: dict[str, str] | None = None) -> None:
        self._values = dict(os.environ if values is None else values)
        self.asked: set[str] = set()

    def text(self, name: str, default: Any = _MISSING) -> str:
        """The variable as text, or what is in the file that ``<name>_FILE`` names, which is how secrets are mounted.

        Raises ImproperlyConfigured naming it where it is missing or empty.
        """
        self.asked.add(name)
        value = self._values.get(name, "")
        if not value and (path := self._values.get(f"{name}_FILE", "")):
            try:
                value = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:
                raise ImproperlyConfigured(f"the file that {name}_FILE names cannot be read: {error}") from None
        if value:
            return value
        if default is _MISSING:
            raise ImproperlyConfigured(f"the environment variable {name} is missing")
        return default

    def key(self, name: str) -> str:
        """32 bytes as 64 hex digits; "" where it is not given."""
        value = self.text(name, "").lower()
        if value and not re.fullmatch(r"[0-9a-f]{64}", value):
            raise ImproperlyConfigured(f"{name} is not 64 hex digits: make one with openssl rand -hex 32")
        return value

    def whole(self, name: str, default: Any = _MISSING) -> int:
        """The variable as a whole number from 1."""
        value = self.text(name, default)
        try:
            number = int(value)
        except ValueError:
            number = 0
        if number < 1:
            raise ImproperlyConfigured(f"the environment variable {name} must be a whole number from 1, not {value!r}")
        return number

    def flag(self, name: str, default: bool) -> bool:
        """The variable as yes or no."""
        value = str(self.text(name, "yes" if default else "no")).lower()
        if value not in ("1", "0", "yes", "no", "true", "false", "on", "off"):
            raise ImproperlyConfigured(f"the environment variable {name} must be yes or no, not {value!r}")
        return value in ("1", "yes", "true", "on")

    def words(self, name: str, default: str) -> list[str]:
        """The variable as a comma-separated list."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def folder(self, name: str, default: Any = _MISSING) -> Path | None:
        """The variable as an absolute folder, or None where the default is None."""
        value = self.text(name, default)
        return Path(value).absolute() if value is not None else None

    def database(self, name: str, default: Any = _MISSING) -> dict[str, Any]:
        """A Django database from ``postgresql://user:password@host:port/name`` or ``...@/name?host=/socket/folder``."""
        return parse_database_url(self.text(name, default), name=name)

    def store(self, name: str, default: Any = _MISSING) -> str:
        """The variable as the address of an object store: ``file:///absolute/folder`` or ``s3://bucket/prefix?...``."""
        value = self.text(name, default)
        parts = urlsplit(value)
        if parts.scheme == "s3":
            try:
                return parse_address(value).url
            except InvalidDocument as error:
                raise ImproperlyConfigured(f"{name}: {error.line()}") from None
        if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
            raise ImproperlyConfigured(f"{name} must look like file:///absolute/folder or s3://bucket/prefix")
        return value

    def endpoint(self, name: str) -> str:
        """The variable as ``http(s)://host:port``, or nothing."""
        value = self.text(name, "")
        try:
            return parse_endpoint(value) if value else ""
        except InvalidDocument as error:
            raise ImproperlyConfigured(f"{name}: {error.what}") from None

    def broker(self, name: str, default: Any = _MISSING) -> str:
        """The variable as the address of a queue that Celery speaks, such as ``redis://host:6379/0``."""
        value = self.text(name, default)
        scheme, colon, rest = value.partition("://")
        # Its password is not repeated.
        if not colon or scheme.partition("+")[0] not in TRANSPORT_ALIASES or not (rest or scheme == "memory"):
            raise ImproperlyConfigured(
                f"{name} must look like redis://host:6379/0, redis+socket:///path or amqp://host"
            )
        return value


def parse_database_url(url: str, *, name: str = "DATABASE_URL") -> dict[str, Any]:
    """Django's settings for a Postgres URL; query parameters other than ``host`` and ``port`` go to libpq."""
    parts = urlsplit(url)
    database = unquote(parts.path.lstrip("/"))
    try:
        port = str(parts.port or "")
    except ValueError:
        raise ImproperlyConfigured(f"{name} has a port that is no port") from None
    if parts.scheme not in ("postgres", "postgresql") or not database:
        raise ImproperlyConfigured(f"{name} must look like postgresql://user:password@host:5432/name")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or query.pop("user", "")),
        "PASSWORD": unquote(parts.password or query.pop("password", "")),
        "HOST": query.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": query.pop("port", "") or port,
        "OPTIONS": query,
    }


env = Environment()
