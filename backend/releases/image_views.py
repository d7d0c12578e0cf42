"""The images of a release: listed, one with where its labels come from, its picture, its OME-Zarrs by address."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core.object_files import object_response, tree_file_response
from backend.core.permissions import Anyone
from backend.releases.models import ReleaseImage, ReleaseState
from backend.releases.origin_serializers import ReleaseImageDetail
from backend.releases.origins import image_origin, zarr_tree
from backend.releases.selectors import release_images
from backend.releases.serializers import ReleaseImageSerializer
from backend.releases.views import asked_release
from cellcommons.errors import NotFound


def _asked_image(request: Request, dataset: str, version: str, image: uuid.UUID) -> ReleaseImage:
    """An image of a published release."""
    release = asked_release(request, dataset, version, state=ReleaseState.PUBLISHED)
    return get_object_or_404(release_images(release), image_id=image)


class ReleaseImagesView(generics.ListAPIView):
    permission_classes = [Anyone]
    serializer_class = ReleaseImageSerializer
    queryset = ReleaseImage.objects.none()

    def get_queryset(self) -> QuerySet[ReleaseImage]:
        return release_images(asked_release(self.request, "{lab}/{slug}".format(**self.kwargs), self.kwargs["version"]))

    @extend_schema(operation_id="releases_images")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The images of a release with their splits."""
        return super().get(request, *args, **kwargs)


class ReleaseImageView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_image", responses=ReleaseImageDetail)
    def get(self, request: Request, lab: str, slug: str, version: str, image: uuid.UUID) -> Response:
        """One image: where to open its OME-Zarrs, who read it under pseudonyms, and what each cell rests on."""
        row = _asked_image(request, f"{lab}/{slug}", version, image)
        shown = ReleaseImageDetail(image_origin(row), context={"request": request, "row": row})
        return Response(shown.data)


class ReleasePreviewView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_preview", responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, lab: str, slug: str, version: str, image: uuid.UUID) -> HttpResponseBase:
        """The picture of one image of a published release."""
        row = _asked_image(request, f"{lab}/{slug}", version, image)
        anyone = row.release.is_public
        return object_response(
            request, row.image.preview_sha256, content_type="image/png", public=anyone, lasting=anyone
        )


class ReleaseZarrView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_zarr", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(
        self, request: Request, lab: str, slug: str, version: str, image: uuid.UUID, name: str, path: str
    ) -> HttpResponseBase:
        """A file of one OME-Zarr 0.5: `image`, `labels`, or what is given beside it. For any zarr reader."""
        row = _asked_image(request, f"{lab}/{slug}", version, image)
        tree = zarr_tree(row, name)
        if tree is None:
            raise NotFound("the image has no such OME-Zarr in this release", where=name[:80])
        return tree_file_response(request, tree, path, public=row.release.is_public)
