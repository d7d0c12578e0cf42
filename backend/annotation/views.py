"""Campaigns, and the work people do in them, over HTTP."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.annotation import serializers
from backend.annotation.given import given_tree
from backend.annotation.models import Assignment, AssignmentState, Campaign
from backend.annotation.progress import count_outcomes
from backend.annotation.selectors import assignments_of, campaigns_seen_by, campaigns_with_counts, edits_in_order
from backend.annotation.services.campaigns import close_campaign, create_campaign, open_campaign
from backend.annotation.services.edits import record_edits
from backend.annotation.services.leases import lease_next_assignment, renew_lease, return_assignment
from backend.annotation.services.proposals import order_proposal
from backend.annotation.services.readings import submit_assignment
from backend.core.errors import NotValid
from backend.core.object_files import tree_file_response
from backend.core.permissions import SignedIn
from backend.imaging.access import require_own
from backend.people.names import by_name
from backend.people.permissions import IsAnnotator, IsCurator

NO_PROPOSAL = {"state": "none", "linker": "", "first": None, "last": None, "links": {}, "error": ""}


def asked_campaign(request: Request, lab: str, slug: str, *, own: bool = False) -> Campaign:
    """What the person may see; with ``own``, and may change. Raises Http404, NotAllowed."""
    campaign = get_object_or_404(campaigns_seen_by(request.user), lab=lab, slug=slug)
    if own:
        require_own(request.user, campaign.dataset)
    return campaign


def _campaign_json(request: Request, campaign: Campaign) -> dict[str, Any]:
    campaign = campaigns_with_counts(request.user).get(pk=campaign.pk)
    return serializers.CampaignSerializer(campaign, context={"outcomes": count_outcomes([campaign.pk])}).data


class CampaignsView(generics.ListAPIView):
    serializer_class = serializers.CampaignSerializer
    queryset = Campaign.objects.none()  # for the schema

    def get_permissions(self) -> list[Any]:
        return [IsCurator() if self.request.method == "POST" else SignedIn()]

    @extend_schema(operation_id="campaigns_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Campaigns, newest first."""
        page = self.paginate_queryset(campaigns_with_counts(request.user))
        outcomes = count_outcomes(campaign.pk for campaign in page)
        rows = serializers.CampaignSerializer(page, many=True, context={"outcomes": outcomes})
        return self.get_paginated_response(rows.data)

    @extend_schema(
        operation_id="campaigns_create",
        request=serializers.NewCampaign,
        responses={201: serializers.CampaignSerializer},
    )
    def post(self, request: Request) -> Response:
        """A new campaign, as a draft."""
        form = serializers.NewCampaign(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        require_own(request.user, form.validated_data["dataset"])
        campaign = create_campaign(**form.validated_data, person=request.user)
        return Response(_campaign_json(request, campaign), status=status.HTTP_201_CREATED)


class CampaignView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="campaigns_retrieve", responses=serializers.CampaignSerializer)
    def get(self, request: Request, lab: str, slug: str) -> Response:
        """One campaign."""
        return Response(_campaign_json(request, asked_campaign(request, lab, slug)))


class OpenView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="campaigns_open", request=None, responses=serializers.CampaignSerializer)
    def post(self, request: Request, lab: str, slug: str) -> Response:
        """Hand out its work; opened again it takes in new images of its dataset."""
        campaign = open_campaign(campaign=asked_campaign(request, lab, slug, own=True))
        return Response(_campaign_json(request, campaign))


class CloseView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="campaigns_close", request=None, responses=serializers.CampaignSerializer)
    def post(self, request: Request, lab: str, slug: str) -> Response:
        """Hand out nothing more."""
        campaign = close_campaign(campaign=asked_campaign(request, lab, slug, own=True))
        return Response(_campaign_json(request, campaign))


class NextAssignmentView(APIView):
    permission_classes = [IsAnnotator]

    @extend_schema(
        operation_id="assignments_next",
        request=None,
        responses={200: serializers.AssignmentSerializer, 201: serializers.AssignmentSerializer, 204: None},
    )
    def post(self, request: Request, lab: str, slug: str) -> Response:
        """What to work on now: 201 new, 200 the one you hold already, 204 nothing left for you."""
        campaign = asked_campaign(request, lab, slug)
        assignment, fresh = lease_next_assignment(campaign=campaign, person=request.user)
        if assignment is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        row = assignments_of(request.user).get(pk=assignment.pk)
        code = status.HTTP_201_CREATED if fresh else status.HTTP_200_OK
        return Response(serializers.AssignmentSerializer(row).data, status=code)


class AssignmentsView(generics.ListAPIView):
    permission_classes = [IsAnnotator]
    serializer_class = serializers.AssignmentSummary
    queryset = Assignment.objects.none()  # for the schema

    def get_queryset(self) -> QuerySet[Assignment]:
        rows = assignments_of(self.request.user)
        if state := self.request.query_params.get("state"):
            if state not in AssignmentState.values:
                raise NotValid(f"no such state {state!r}", where="state", remedy=", ".join(AssignmentState.values))
            rows = rows.filter(state=state)
        if campaign := self.request.query_params.get("campaign"):
            rows = rows.filter(by_name(campaign, "item__campaign__"))
        return rows

    @extend_schema(
        operation_id="assignments_list",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=AssignmentState.values),
            OpenApiParameter("campaign", OpenApiTypes.STR, description="lab/slug"),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your own assignments, newest first."""
        return super().get(request, *args, **kwargs)


class AssignmentView(APIView):
    permission_classes = [IsAnnotator]

    @extend_schema(operation_id="assignments_retrieve", responses=serializers.AssignmentSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """One of your assignments."""
        row = get_object_or_404(assignments_of(request.user), pk=pk)
        return Response(serializers.AssignmentSerializer(row).data)


class HeartbeatView(APIView):
    permission_classes = [IsAnnotator]

    @extend_schema(operation_id="assignments_heartbeat", request=None, responses=serializers.Lease)
    def post(self, request: Request, pk: str) -> Response:
        """Keep the lease; an expired one is renewed if its slot is still free."""
        assignment = renew_lease(assignment_id=pk, person=request.user)
        return Response(serializers.Lease(assignment).data)


class EditsView(APIView):
    permission_classes = [IsAnnotator]

    @extend_schema(operation_id="edits_list", responses=serializers.Edits)
    def get(self, request: Request, pk: str) -> Response:
        """Every edit in order, to go on in another browser."""
        assignment = get_object_or_404(assignments_of(request.user), pk=pk)
        # From the stored JSON as it came: thousands of tiles need no second validation.
        rows = edits_in_order(assignment).values("uuid", "seq", "tool", "params", "tiles", "changes")
        return Response({"edits": list(rows), "tile_versions": assignment.tile_versions})

    @extend_schema(operation_id="edits_append", request=serializers.EditBatch, responses=serializers.Accepted)
    def post(self, request: Request, pk: str) -> Response:
        """Append a batch, all or none. 409 with `conflicts` and `edit_count` where it does not follow."""
        form = serializers.EditBatch(data=request.data)
        form.is_valid(raise_exception=True)
        recorded = record_edits(assignment_id=pk, person=request.user, edits=form.validated_data["edits"])
        return Response(serializers.Accepted(recorded).data)


class SubmitView(APIView):
    permission_classes = [IsAnnotator]

    @extend_schema(operation_id="assignments_submit", request=serializers.Submission, responses=serializers.Submitted)
    def post(self, request: Request, pk: str) -> Response:
        """Your reading is done. 409 `conflict` where the hub lacks an edit."""
        form = serializers.Submission(data=request.data)
        form.is_valid(raise_exception=True)
        annotation = submit_assignment(assignment_id=pk, person=request.user, **form.validated_data)
        return Response(serializers.Submitted(annotation).data)


class ReturnView(APIView):
    permission_classes = [IsAnnotator]

    @extend_schema(operation_id="assignments_return", request=None, responses=serializers.AssignmentSerializer)
    def post(self, request: Request, pk: str) -> Response:
        """Give the work back; you will not be offered this image again."""
        assignment = return_assignment(assignment_id=pk, person=request.user)
        return Response(serializers.AssignmentSerializer(assignment).data)


class ProposalView(APIView):
    permission_classes = [IsAnnotator]

    @extend_schema(operation_id="proposals_retrieve", responses=serializers.Proposal)
    def get(self, request: Request, pk: str) -> Response:
        """What came of the links you ordered last."""
        assignment = get_object_or_404(assignments_of(request.user), pk=pk)
        return Response(serializers.Proposal(getattr(assignment, "proposal", None) or NO_PROPOSAL).data)

    @extend_schema(
        operation_id="proposals_create", request=serializers.NewProposal, responses={202: serializers.Proposal}
    )
    def post(self, request: Request, pk: str) -> Response:
        """Let a worker link frames of the movie; nothing of your reading changes."""
        form = serializers.NewProposal(data=request.data)
        form.is_valid(raise_exception=True)
        proposal = order_proposal(assignment_id=pk, person=request.user, **form.validated_data)
        return Response(serializers.Proposal(proposal).data, status=status.HTTP_202_ACCEPTED)


class DraftZarrView(APIView):
    permission_classes = [IsAnnotator]

    @extend_schema(
        operation_id="assignments_draft_zarr", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, pk: str, path: str) -> HttpResponseBase:
        """A file of the draft's OME-Zarr 0.5 label map (uint32, yx)."""
        assignment = get_object_or_404(assignments_of(request.user), pk=pk, draft__isnull=False)
        return tree_file_response(request, assignment.draft.labels_sha256, path)

    head = get


class GivenZarrView(APIView):
    permission_classes = [IsAnnotator]

    @extend_schema(
        operation_id="assignments_given_zarr", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, pk: str, key: str, path: str) -> HttpResponseBase:
        """A file of what is given beside the image: cells, detections, the counterpart, or a candidate."""
        assignment = get_object_or_404(assignments_of(request.user), pk=pk)
        return tree_file_response(request, given_tree(assignment.given, key), path)

    head = get
