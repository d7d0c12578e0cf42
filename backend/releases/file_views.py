"""The files of a published release, by the names that they have in a download."""

from __future__ import annotations

import mimetypes

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core.object_files import object_response
from backend.core.permissions import Anyone
from backend.releases.files import NamedFile, release_files
from backend.releases.models import ReleaseState
from backend.releases.views import asked_release
from cellcommons.errors import NotFound

# What some machines' tables lack.
_KINDS = {".md": "text/markdown; charset=utf-8", ".cff": "text/plain; charset=utf-8", ".json": "application/json"}


class ReleaseFileSerializer(serializers.Serializer):
    """One file of a release beside its images."""

    path = serializers.CharField(help_text="in a download")
    sha256 = serializers.CharField()
    bytes = serializers.IntegerField()
    rows = serializers.IntegerField(allow_null=True, help_text="of a parquet index that is one file, else null")
    url = serializers.SerializerMethodField()

    def get_url(self, file: NamedFile) -> str:
        return f"{self.context['base']}{file.path}"


class ReleaseFilesView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_files", responses=ReleaseFileSerializer(many=True))
    def get(self, request: Request, lab: str, slug: str, version: str) -> Response:
        """Tables, cards and certificate of a release: what a download holds beside the images."""
        release = asked_release(request, f"{lab}/{slug}", version, state=ReleaseState.PUBLISHED)
        base = f"/api/v1/releases/{lab}/{slug}/{release.version}/files/"
        found = release_files(release).values()
        return Response(ReleaseFileSerializer(found, many=True, context={"base": base}).data)


class ReleaseFileView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_file", responses=OpenApiTypes.BINARY)
    def get(self, request: Request, lab: str, slug: str, version: str, path: str) -> HttpResponseBase:
        """One of them, with ranges: pandas and duckdb read a table by this address."""
        release = asked_release(request, f"{lab}/{slug}", version, state=ReleaseState.PUBLISHED)
        file = release_files(release).get(path)
        if file is None:
            raise NotFound("the release has no such file", where=path[:80])
        ending = path[path.rfind(".") :]
        kind = _KINDS.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        return object_response(request, file.sha256, content_type=kind, public=release.is_public, lasting=False)
