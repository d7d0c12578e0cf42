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

from backend.annotation.models import Campaign
from backend.modelzoo.models import PredictionRun
from backend.people.permissions import IsCurator
from backend.selection import services
from backend.selection.models import Round
from backend.selection.selectors import list_rounds
from backend.selection.serializers import NewRound, RoundQuery, RoundSerializer


class CampaignRoundsView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="rounds_create", request=NewRound, responses={201: RoundSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Rank what nobody has read yet; the queue follows."""
        campaign = get_object_or_404(Campaign, slug=slug)
        form = NewRound(data=request.data)
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        run_id = values.pop("prediction_run")
        run = PredictionRun.objects.filter(pk=run_id).first() if run_id else None
        if run_id and run is None:
            raise ValidationError({"prediction_run": ["There is no such prediction run."]})
        opened = services.open_round(campaign=campaign, person=request.user, prediction_run=run, **values)
        return Response(RoundSerializer(list_rounds().get(pk=opened.pk)).data, status=status.HTTP_201_CREATED)


class RoundListView(generics.ListAPIView):
    permission_classes = [IsCurator]
    serializer_class = RoundSerializer
    queryset = Round.objects.none()

    def get_queryset(self) -> QuerySet[Round]:
        query = RoundQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        slug = query.validated_data.get("campaign")
        return list_rounds().filter(campaign__slug=slug) if slug else list_rounds()

    @extend_schema(operation_id="rounds_list", parameters=[RoundQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rounds, newest first."""
        return super().get(request, *args, **kwargs)


class RoundView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="rounds_retrieve", responses=RoundSerializer)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """One round with its ranking."""
        return Response(RoundSerializer(get_object_or_404(list_rounds(), pk=id)).data)
