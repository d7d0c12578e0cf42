"""Questions about people and labs."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet

from backend.people.models import Lab, Membership, Person


def active_people() -> QuerySet[Person]:
    """Everyone who may sign in, by name."""
    return Person.objects.filter(is_active=True).order_by("username")


def labs_of(person: Any) -> QuerySet[Lab]:
    """The labs that a person belongs to, by slug, each with ``person_count``; a stranger belongs to none."""
    mine = Membership.objects.filter(person=person if person.is_authenticated else None)
    counted = Lab.objects.annotate(person_count=Count("memberships"))
    return counted.filter(pk__in=mine.values("lab")).order_by("slug")


def members_of(lab: Lab) -> QuerySet[Person]:
    """The people of a lab, by name."""
    return Person.objects.filter(memberships__lab=lab).order_by("username")
