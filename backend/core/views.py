"""Health."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core import health
from backend.core.permissions import Anyone
from backend.core.serializers import Health


class HealthView(APIView):
    permission_classes = [Anyone]
    authentication_classes = []  # must answer when the database does not

    @extend_schema(operation_id="health", responses=Health)
    def get(self, request: Request) -> Response:
        """Each part of the hub: `ok` or why not."""
        parts = health.check_parts()
        state = "ok" if set(parts.values()) == {health.OK} else "degraded"
        return Response({"status": state, "parts": parts})
