"""Releases: what is published is open to anyone, byte for byte, unless its dataset is its lab's alone."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core.object_files import object_response
from backend.core.object_packs import pack_response
from backend.core.permissions import Anyone
from backend.imaging.access import datasets_seen_by, require_own
from backend.people.names import by_name
from backend.people.permissions import IsCurator
from backend.releases import services
from backend.releases.models import Release, ReleaseState
from backend.releases.selectors import (
    holds_object,
    pick_release,
    refuse_withdrawn,
    serving_release,
    sizes_of,
    visible_releases,
)
from backend.releases.serializers import (
    NewPack,
    NewRelease,
    NewWithdrawal,
    ReleaseQuery,
    ReleaseSerializer,
    ReleaseSummary,
)
from cellcommons.errors import NotFound
from cellcommons.object_packs import MEDIA_TYPE


def asked_release(request: Request, name: str, version: str, *, own: bool = False, **wanted: Any) -> Release:
    """What the person may see of dataset ``lab/slug``; with ``own``, and may change.

    Raises Http404, NotAllowed, and Withdrawn where it was taken back.
    """
    release = pick_release(visible_releases(request.user).filter(**wanted), name, version)
    if release is None:
        raise Http404
    if own:
        require_own(request.user, release.dataset)
    refuse_withdrawn(release)
    return release


class DatasetReleasesView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="releases_create", request=NewRelease, responses={202: ReleaseSerializer})
    def post(self, request: Request, lab: str, slug: str) -> Response:
        """Publish what a campaign has settled as the next release; a worker seals it."""
        dataset = get_object_or_404(datasets_seen_by(request.user), lab=lab, slug=slug)
        require_own(request.user, dataset)
        form = NewRelease(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        release = services.draft_release(dataset=dataset, person=request.user, **form.validated_data)
        return Response(ReleaseSerializer(release, context={"request": request}).data, status=status.HTTP_202_ACCEPTED)


class ReleaseListView(generics.ListAPIView):
    permission_classes = [Anyone]
    serializer_class = ReleaseSummary
    queryset = Release.objects.none()

    def get_queryset(self) -> QuerySet[Release]:
        query = ReleaseQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        releases = visible_releases(self.request.user)
        name = query.validated_data.get("dataset")
        return releases.filter(by_name(name, "dataset__")) if name else releases

    @extend_schema(operation_id="releases_list", parameters=[ReleaseQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Published releases, newest first; curators see drafts too."""
        return super().get(request, *args, **kwargs)


class ReleaseView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_retrieve", responses=ReleaseSerializer)
    def get(self, request: Request, lab: str, slug: str, version: str) -> Response:
        """One release with its card."""
        return Response(
            ReleaseSerializer(asked_release(request, f"{lab}/{slug}", version), context={"request": request}).data
        )


class WithdrawalView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="releases_withdraw", request=NewWithdrawal, responses={201: ReleaseSummary})
    def post(self, request: Request, lab: str, slug: str, version: str) -> Response:
        """Take a published release back, for good: from now on its addresses answer 410 with the reason."""
        release = asked_release(request, f"{lab}/{slug}", version, own=True)
        form = NewWithdrawal(data=request.data)
        form.is_valid(raise_exception=True)
        release = services.withdraw_release(release_id=release.pk, person=request.user, **form.validated_data)
        shown = ReleaseSummary(release, context={"request": request})
        return Response(shown.data, status=status.HTTP_201_CREATED)


class OpeningView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="releases_open", request=None, responses={201: ReleaseSummary})
    def post(self, request: Request, lab: str, slug: str, version: str) -> Response:
        """Let anybody read a published release of a dataset that is its lab's alone, for good."""
        release = asked_release(request, f"{lab}/{slug}", version, own=True)
        release = services.open_to_all(release_id=release.pk, person=request.user)
        shown = ReleaseSummary(release, context={"request": request})
        return Response(shown.data, status=status.HTTP_201_CREATED)


class ManifestView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_manifest", responses={(200, "application/json"): OpenApiTypes.BINARY})
    def get(self, request: Request, lab: str, slug: str, version: str) -> HttpResponseBase:
        """The exact bytes that hash to `manifest_sha256`."""
        release = asked_release(request, f"{lab}/{slug}", version, state=ReleaseState.PUBLISHED)
        kind = "application/json"
        return object_response(
            request, release.manifest_sha256, content_type=kind, public=release.is_public, lasting=False
        )


class ReleaseObjectView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_object", responses=OpenApiTypes.BINARY)
    def get(
        self, request: Request, lab: str, slug: str, version: str, aa: str, bb: str, digest: str
    ) -> HttpResponseBase:
        """An object of this release; ranges are honoured."""
        # One question for the usual case: thousands of small objects are asked for in a row.
        release = serving_release(visible_releases(request.user), f"{lab}/{slug}", version, digest)
        if release is not None and digest[:4] == aa + bb:
            return object_response(request, digest, public=release.is_public)
        release = asked_release(request, f"{lab}/{slug}", version, state=ReleaseState.PUBLISHED)
        if digest[:4] != aa + bb or not holds_object(release, digest):
            raise NotFound("the release has no such object", where=digest[:80])
        return object_response(request, digest, public=release.is_public, lasting=release.is_public)


class ReleasePackView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_pack", request=NewPack, responses={(200, MEDIA_TYPE): OpenApiTypes.BINARY})
    def post(self, request: Request, lab: str, slug: str, version: str) -> HttpResponseBase:
        """Objects of this release in the order asked for, each behind its length (8 bytes, big-endian)."""
        release = asked_release(request, f"{lab}/{slug}", version, state=ReleaseState.PUBLISHED)
        form = NewPack(data=request.data)
        form.is_valid(raise_exception=True)
        digests = list(dict.fromkeys(form.validated_data["sha256"]))
        sizes = sizes_of(release, digests)
        if lacking := next((digest for digest in digests if digest not in sizes), None):
            raise NotFound("the release has no such object", where=lacking)
        return pack_response(request, [(digest, sizes[digest]) for digest in digests], public=release.is_public)
