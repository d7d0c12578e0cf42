"""People of the hub."""

from __future__ import annotations

import uuid

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
