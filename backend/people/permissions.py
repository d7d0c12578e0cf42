"""Permission by role."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from backend.people.models import Role


class AtLeast(BasePermission):
    """The person's role includes ``role``."""

    role = Role.CURATOR

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_authenticated and request.user.is_at_least(self.role))


class IsAnnotator(AtLeast):
    role = Role.ANNOTATOR


class IsExpert(AtLeast):
    role = Role.EXPERT


class IsCurator(AtLeast):
    role = Role.CURATOR
