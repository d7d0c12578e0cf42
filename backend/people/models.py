"""People of the hub, and the labs that they belong to."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower


class Role(models.TextChoices):
    """What a person may do; each role includes those before it."""

    ANNOTATOR = "annotator"
    EXPERT = "expert"
    CURATOR = "curator"


class Person(AbstractUser):
    """Someone who signs in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(max_length=16, choices=Role, default=Role.ANNOTATOR)
    display_name = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="person_role_known"),
            # Ada and ada would be taken for one another, above all in a list of annotators.
            models.UniqueConstraint(Lower("username"), name="person_name_whatever_its_case"),
        ]

    def is_at_least(self, role: Role) -> bool:
        """Whether this person's role includes ``role``."""
        order = list(Role)
        return self.is_superuser or order.index(Role(self.role)) >= order.index(role)


class Lab(models.Model):
    """Who owns datasets. Its slug is half of their names, and stands in what is published: it never changes."""

    slug = models.CharField(primary_key=True, max_length=64)
    title = models.CharField(max_length=200)
    created = models.DateTimeField(auto_now_add=True)
    people = models.ManyToManyField(Person, through="Membership", related_name="labs")

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("slug"), name="lab_slug_whatever_its_case"),
            models.CheckConstraint(
                condition=models.Q(slug__regex=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"), name="lab_slug_is_a_slug"
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """That a person belongs to a lab: sees what is the lab's alone and, as a curator, changes what the lab owns."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="memberships")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "lab"], name="member_once_of_a_lab")]
