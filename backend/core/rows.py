"""What every row has: a UUID and the time it was made."""

from __future__ import annotations

import uuid

from django.db import models


class Row(models.Model):
    """UUID primary key (never guessable, never a count) and creation time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        abstract = True


def sha256_field(**options: object) -> models.CharField:
    """A column for 64 hex digits."""
    return models.CharField(max_length=64, **options)


def is_sha256(field: str, name: str, *, blank: bool = False) -> models.CheckConstraint:
    """Postgres refuses anything but 64 lower-case hex digits (or empty, if ``blank``)."""
    rule = models.Q(**{f"{field}__regex": r"^[0-9a-f]{64}$"})
    return models.CheckConstraint(condition=rule | models.Q(**{field: ""}) if blank else rule, name=name)
