"""What changed between two releases, and what a curator then does with a draft."""

from __future__ import annotations

import json
import mimetypes
import uuid
from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core.object_files import object_response
from backend.core.permissions import Anyone
from backend.core.storage import object_store
from backend.people.permissions import IsCurator
from backend.releases import review
from backend.releases.comparing import compare_releases
from backend.releases.comparison_serializers import DiffQuery, ReleaseDiffSerializer
from backend.releases.models import Comparison, ComparisonState, ReleaseState
from backend.releases.selectors import refuse_withdrawn, visible_releases
from backend.releases.serializers import ReleaseSerializer
from backend.releases.views import asked_release
from cellcommons.diff.report import DOCUMENT
from cellcommons.tree import load_tree
from cellcommons.versions import parse_reference


class DiffView(APIView):
    permission_classes = [Anyone]

    @extend_schema(
        operation_id="releases_diff",
        parameters=[DiffQuery],
        responses={200: ReleaseDiffSerializer, 202: ReleaseDiffSerializer},
    )
    def get(self, request: Request, lab: str, slug: str, version: str) -> Response:
        """What changed since another release; 202 while a worker finds out. A draft as it would be published."""
        query = DiffQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        after = asked_release(request, f"{lab}/{slug}", version)
        against = query.validated_data.get("against") or (after.parent.reference if after.parent else "")
        if not against:
            raise Http404("It is the first release: there is nothing to compare it with.")
        other, numbers = parse_reference(against)
        before = asked_release(request, other, ".".join(map(str, numbers)), state=ReleaseState.PUBLISHED)
        comparison = compare_releases(before=before, after=after)
        shown = _shown(comparison, f"/api/v1/releases/{lab}/{slug}/{version}/diff/{comparison.pk}/")
        waiting = comparison.state == ComparisonState.WAITING
        return Response(shown, status=status.HTTP_202_ACCEPTED if waiting else status.HTTP_200_OK)


class DiffFileView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_diff_file", responses=OpenApiTypes.BINARY)
    def get(
        self, request: Request, lab: str, slug: str, version: str, comparison: uuid.UUID, name: str
    ) -> HttpResponseBase:
        """A picture or a parquet table of a comparison."""
        after = asked_release(request, f"{lab}/{slug}", version)
        rows = Comparison.objects.select_related("before__withdrawal", "before__opening", "before__dataset")
        # What an earlier draft of it would have been stays with curators.
        wanted = {"after": after, "drafted_at": after.drafted_at, "state": ComparisonState.DONE}
        found = get_object_or_404(rows, pk=comparison, **wanted)
        if not visible_releases(request.user).filter(pk=found.before_id).exists():
            raise Http404
        refuse_withdrawn(found.before)
        entry = load_tree(object_store(), found.tree_sha256).entry(name)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        public = after.is_public and found.before.is_public
        return object_response(request, entry.sha256, content_type=kind, public=public, lasting=False)


class DraftView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="releases_draft_publish", request=None, responses={202: ReleaseSerializer})
    def post(self, request: Request, lab: str, slug: str, version: str) -> Response:
        """Publish a draft that was held to be looked at, as it was looked at."""
        release = asked_release(request, f"{lab}/{slug}", version, own=True)
        review.publish_draft(release_id=release.pk)
        shown = ReleaseSerializer(asked_release(request, f"{lab}/{slug}", version), context={"request": request})
        return Response(shown.data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(operation_id="releases_draft_discard", responses={204: None})
    def delete(self, request: Request, lab: str, slug: str, version: str) -> Response:
        """Let a held draft go; its number is free again."""
        review.discard_draft(release_id=asked_release(request, f"{lab}/{slug}", version, own=True).pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _shown(comparison: Comparison, base: str) -> dict[str, Any]:
    """The answer: of the tree's document once it is done, with addresses for its files."""
    answer: dict[str, Any] = {
        "state": comparison.state,
        "error": comparison.error,
        "before": comparison.before.reference,
        "after": comparison.after.reference,
        "before_sha256": comparison.before_sha256,
        "after_sha256": comparison.after_sha256,
        "summary": None,
        "images": [],
        "cells": [],
        "tables": [],
    }
    if comparison.state == ComparisonState.DONE:
        store = object_store()
        document = json.loads(store.get(load_tree(store, comparison.tree_sha256).entry(DOCUMENT).sha256))
        answer |= {name: document[name] for name in ("summary", "images")}
        answer["cells"] = [{**cell, "picture_url": base + cell["picture"]} for cell in document["cells"]]
        answer["tables"] = [{"name": n, "bytes": size, "url": base + n} for n, size in document["tables"].items()]
    return dict(ReleaseDiffSerializer(answer).data)
