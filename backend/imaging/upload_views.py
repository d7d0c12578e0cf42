"""Uploads over HTTP. Everybody sees and touches their own alone."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.imaging.access import require_own
from backend.imaging.models import Upload
from backend.imaging.selectors import uploads_of
from backend.imaging.services.uploads import LINK_SECONDS, abandon_upload, begin_upload, finish_upload, link_parts
from backend.imaging.upload_serializers import (
    NewUpload,
    PartLinksSerializer,
    UploadSerializer,
    UploadSummarySerializer,
)
from backend.people.permissions import IsCurator

_MOST_LINKS = 200


class UploadsView(generics.ListAPIView):
    permission_classes = [IsCurator]
    serializer_class = UploadSummarySerializer
    queryset = Upload.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        return uploads_of(person=self.request.user, dataset=self.request.query_params.get("dataset", ""))

    @extend_schema(operation_id="uploads_list", parameters=[OpenApiParameter("dataset", OpenApiTypes.STR)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your uploads of the last days, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="uploads_create", request=NewUpload, responses={200: UploadSerializer, 201: UploadSerializer}
    )
    def post(self, request: Request) -> Response:
        """Begin an upload, or go on with it; what the dataset has already is not sent again."""
        form = NewUpload(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        require_own(request.user, form.validated_data["dataset"])
        upload, new = begin_upload(**form.validated_data, person=request.user)
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(UploadSerializer(upload).data, status=code)


class _OwnUpload(APIView):
    permission_classes = [IsCurator]

    def upload(self, request: Request, pk: str) -> Upload:
        upload = generics.get_object_or_404(uploads_of(person=request.user), pk=pk)
        require_own(request.user, upload.dataset)
        return upload


class UploadView(_OwnUpload):
    @extend_schema(operation_id="uploads_retrieve", responses=UploadSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """How far an upload is, and what became of it."""
        return Response(UploadSerializer(self.upload(request, pk)).data)

    @extend_schema(operation_id="uploads_abandon", responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Abandon an upload; what was sent is thrown away."""
        abandon_upload(upload=self.upload(request, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


_LINKS = [
    OpenApiParameter("first", OpenApiTypes.INT, description="part to begin at"),
    OpenApiParameter("count", OpenApiTypes.INT, description=f"at most {_MOST_LINKS}"),
    OpenApiParameter("through", OpenApiTypes.STR, enum=["hub"], description="never to the bucket itself"),
]


class UploadLinksView(_OwnUpload):
    @extend_schema(operation_id="uploads_links", parameters=_LINKS, responses=PartLinksSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """Links for the next missing parts."""
        query = request.query_params
        links = link_parts(
            upload=self.upload(request, pk),
            first=_whole(query.get("first", ""), 1),
            count=min(_MOST_LINKS, _whole(query.get("count", ""), 20)),
            through_hub=query.get("through") == "hub",
        )
        body = PartLinksSerializer({"seconds": LINK_SECONDS, "links": links}).data
        return Response(body, headers={"Cache-Control": "no-store"})


class UploadFinishView(_OwnUpload):
    @extend_schema(operation_id="uploads_finish", request=None, responses={202: UploadSerializer})
    def post(self, request: Request, pk: str) -> Response:
        """All parts are sent: a worker compares the sha256 and reads the file."""
        upload = finish_upload(upload=self.upload(request, pk))
        return Response(UploadSerializer(upload).data, status=status.HTTP_202_ACCEPTED)


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else otherwise
