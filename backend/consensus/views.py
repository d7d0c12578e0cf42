"""What experts see and settle."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.annotation.given import given_tree
from backend.annotation.views import asked_campaign
from backend.consensus import services
from backend.consensus.models import Consensus, Disagreement
from backend.consensus.preferences import campaign_preferences
from backend.consensus.selectors import consensuses_seen_by, given_rows, list_consensuses, list_disagreements
from backend.consensus.serializers import (
    AdjudicationSerializer,
    ConsensusQuery,
    ConsensusSerializer,
    DisagreementQuery,
    DisagreementSerializer,
    DisagreementSummary,
    PreferencesSerializer,
    Settlement,
)
from backend.core.object_files import tree_file_response
from backend.people.permissions import IsExpert


class ConsensusListView(generics.ListAPIView):
    permission_classes = [IsExpert]
    serializer_class = ConsensusSerializer
    queryset = Consensus.objects.none()

    def get_queryset(self) -> QuerySet[Consensus]:
        query = ConsensusQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return list_consensuses(self.request.user, **query.validated_data)

    @extend_schema(operation_id="consensus_list", parameters=[ConsensusQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The latest consensus of each item."""
        return super().get(request, *args, **kwargs)


class ConsensusZarrView(APIView):
    permission_classes = [IsExpert]

    @extend_schema(operation_id="consensus_zarr", responses=OpenApiTypes.BINARY)
    def get(self, request: Request, id: uuid.UUID, path: str) -> HttpResponseBase:
        """A file of the consensus' raster, where its task paints one."""
        return tree_file_response(
            request, get_object_or_404(consensuses_seen_by(request.user), pk=id).labels_sha256, path
        )


class DisagreementListView(generics.ListAPIView):
    permission_classes = [IsExpert]
    serializer_class = DisagreementSummary
    queryset = Disagreement.objects.none()

    def get_queryset(self) -> QuerySet[Disagreement]:
        query = DisagreementQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return list_disagreements(self.request.user, **query.validated_data)

    @extend_schema(operation_id="disagreements_list", parameters=[DisagreementQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The experts' queue, in the order the disagreements arose."""
        return super().get(request, *args, **kwargs)


class DisagreementView(APIView):
    permission_classes = [IsExpert]

    @extend_schema(operation_id="disagreements_retrieve", responses=DisagreementSerializer)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """What each reader saw there."""
        return Response(DisagreementSerializer(get_object_or_404(list_disagreements(request.user), pk=id)).data)


class DisagreementGivenView(APIView):
    permission_classes = [IsExpert]

    @extend_schema(
        operation_id="disagreements_given_zarr", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, id: uuid.UUID, key: str, path: str) -> HttpResponseBase:
        """A file of what the readers were given beside the image."""
        disagreement = get_object_or_404(list_disagreements(request.user), pk=id)
        return tree_file_response(request, given_tree(given_rows(disagreement.consensus), key), path)

    head = get


class PreferencesView(APIView):
    permission_classes = [IsExpert]

    @extend_schema(operation_id="campaigns_preferences", responses=PreferencesSerializer)
    def get(self, request: Request, lab: str, slug: str) -> Response:
        """Which checkpoint people prefer, and how often they told a prediction from the real image."""
        found = campaign_preferences(asked_campaign(request, lab, slug))
        return Response(PreferencesSerializer(found).data)


class SettleView(APIView):
    permission_classes = [IsExpert]

    @extend_schema(operation_id="disagreements_settle", request=Settlement, responses=AdjudicationSerializer)
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Decide. The last decision on an image settles its consensus, shortly after."""
        disagreement = get_object_or_404(list_disagreements(request.user), pk=id)
        form = Settlement(data=request.data)
        form.is_valid(raise_exception=True)
        decided = services.settle_disagreement(
            disagreement_id=disagreement.pk, person=request.user, **form.validated_data
        )
        return Response(AdjudicationSerializer(decided).data, status=status.HTTP_200_OK)
