"""Rounds of active learning."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView

from backend.annotation.views import asked_campaign
from backend.modelzoo.selectors import list_prediction_runs
from backend.people.permissions import IsCurator
from backend.selection import services
from backend.selection.models import Round
from backend.selection.selectors import list_rounds
from backend.selection.serializers import NewRound, RoundQuery, RoundSerializer


class CampaignRoundsView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="rounds_create", request=NewRound, responses={201: RoundSerializer})
    def post(self, request: Request, lab: str, slug: str) -> Response:
        """Rank what nobody has read yet; the queue follows."""
        campaign = asked_campaign(request, lab, slug, own=True)
        form = NewRound(data=request.data)
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        run_id = values.pop("prediction_run")
        run = list_prediction_runs(request.user).filter(pk=run_id).first() if run_id else None
        if run_id and run is None:
            raise ValidationError({"prediction_run": ["There is no such prediction run."]})
        opened = services.open_round(campaign=campaign, person=request.user, prediction_run=run, **values)
        return Response(
            RoundSerializer(list_rounds(request.user).get(pk=opened.pk)).data, status=status.HTTP_201_CREATED
        )


class RoundListView(generics.ListAPIView):
    permission_classes = [IsCurator]
    serializer_class = RoundSerializer
    queryset = Round.objects.none()

    def get_queryset(self) -> QuerySet[Round]:
        query = RoundQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return list_rounds(self.request.user, **query.validated_data)

    @extend_schema(operation_id="rounds_list", parameters=[RoundQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rounds, newest first."""
        return super().get(request, *args, **kwargs)


class RoundView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="rounds_retrieve", responses=RoundSerializer)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """One round with its ranking."""
        return Response(RoundSerializer(get_object_or_404(list_rounds(request.user), pk=id)).data)
