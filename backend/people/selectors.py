"""Questions about people."""

from __future__ import annotations

from django.db.models import QuerySet

from backend.people.models import Person


def active_people() -> QuerySet[Person]:
    """Everyone who may sign in, by name."""
    return Person.objects.filter(is_active=True).order_by("username")
