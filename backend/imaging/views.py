"""Datasets, images and imports over HTTP."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core.object_files import object_response, tree_file_response
from backend.core.permissions import SignedIn
from backend.imaging.access import require_own
from backend.imaging.layouts import hub_layouts
from backend.imaging.models import Dataset, FileOutcome, Image, Import, ImportedFile
from backend.imaging.reports import csv_lines
from backend.imaging.selectors import (
    datasets_with_counts,
    files_of_import,
    images_matching,
    images_seen_by,
    imports_seen_by,
)
from backend.imaging.serializers import (
    ChosenLayout,
    DatasetSerializer,
    FormatSerializer,
    ImageSerializer,
    ImportedFileSerializer,
    ImportSerializer,
    ImportSummarySerializer,
    LayoutSerializer,
    NewDataset,
)
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.imports import choose_layout
from backend.people.labs import lab_of
from backend.people.permissions import IsCurator
from cellcommons.images.sniff import readable_extensions

_QUERY = [OpenApiParameter(name, OpenApiTypes.STR) for name in ("dataset", "search", "stratum")]


class ReadOpenWriteCurator:
    """Reading is for everyone signed in, writing for curators."""

    def get_permissions(self) -> list[Any]:
        return [IsCurator() if self.request.method == "POST" else SignedIn()]


class DatasetsView(ReadOpenWriteCurator, generics.ListAPIView):
    serializer_class = DatasetSerializer
    queryset = Dataset.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        return datasets_with_counts(self.request.user)

    @extend_schema(operation_id="datasets_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Living datasets."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="datasets_create", request=NewDataset, responses={201: DatasetSerializer})
    def post(self, request: Request) -> Response:
        """A new dataset."""
        form = NewDataset(data=request.data)
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        dataset = create_dataset(lab=lab_of(request.user, values.pop("lab")), **values, person=request.user)
        made = datasets_with_counts(request.user).get(pk=dataset.pk)
        return Response(DatasetSerializer(made).data, status=status.HTTP_201_CREATED)


class DatasetView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="datasets_retrieve", responses=DatasetSerializer)
    def get(self, request: Request, lab: str, slug: str) -> Response:
        """One dataset."""
        return Response(
            DatasetSerializer(get_object_or_404(datasets_with_counts(request.user), lab=lab, slug=slug)).data
        )


class ImagesView(generics.ListAPIView):
    permission_classes = [SignedIn]
    serializer_class = ImageSerializer
    queryset = Image.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        query = self.request.query_params
        return images_matching(
            person=self.request.user, **{name: query.get(name, "") for name in ("dataset", "search", "stratum")}
        )

    @extend_schema(operation_id="images_list", parameters=_QUERY)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Images, by dataset and name."""
        return super().get(request, *args, **kwargs)


class ImageView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="images_retrieve", responses=ImageSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """One image."""
        return Response(ImageSerializer(get_object_or_404(images_seen_by(request.user), pk=pk)).data)


class PreviewView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="images_preview", responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """A small picture of the image."""
        image = get_object_or_404(images_seen_by(request.user), pk=pk)
        return object_response(request, image.preview_sha256, content_type="image/png")


class ImageZarrView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="images_zarr", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: str, path: str) -> HttpResponseBase:
        """A file of the image's OME-Zarr 0.5."""
        image = get_object_or_404(images_seen_by(request.user), pk=pk)
        return tree_file_response(request, image.tree_sha256, path)

    head = get


class LayoutsView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="layouts_list", responses=LayoutSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The published layouts that an import may have."""
        return Response(LayoutSerializer(hub_layouts(), many=True).data)


class FormatsView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="formats_list", responses=FormatSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The formats that an image file may have."""
        rows = [{"name": name, "extensions": endings} for name, endings in readable_extensions().items()]
        return Response(FormatSerializer(rows, many=True).data)


class ImportsView(generics.ListAPIView):
    permission_classes = [IsCurator]
    serializer_class = ImportSummarySerializer
    queryset = Import.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        return imports_seen_by(self.request.user, dataset=self.request.query_params.get("dataset", ""))

    @extend_schema(operation_id="imports_list", parameters=[OpenApiParameter("dataset", OpenApiTypes.STR)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Imports, newest first."""
        return super().get(request, *args, **kwargs)


class ImportView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="imports_retrieve", responses=ImportSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """How far an import is."""
        return Response(ImportSerializer(get_object_or_404(imports_seen_by(request.user), pk=pk)).data)


class ImportLayoutView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="imports_choose", request=ChosenLayout, responses={202: ImportSerializer})
    def post(self, request: Request, pk: str) -> Response:
        """Import the archive that is here already as this layout."""
        found = get_object_or_404(imports_seen_by(request.user), pk=pk)
        require_own(request.user, found.dataset)
        form = ChosenLayout(data=request.data)
        form.is_valid(raise_exception=True)
        record = choose_layout(record=found, layout=form.validated_data["layout"])
        return Response(ImportSerializer(record).data, status=status.HTTP_202_ACCEPTED)


_FILES = [
    OpenApiParameter("outcome", OpenApiTypes.STR, enum=list(FileOutcome.values)),
    OpenApiParameter("kind", OpenApiTypes.STR),
    OpenApiParameter("search", OpenApiTypes.STR),
]


class ImportFilesView(generics.ListAPIView):
    permission_classes = [IsCurator]
    serializer_class = ImportedFileSerializer
    queryset = ImportedFile.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        query = self.request.query_params
        record = get_object_or_404(imports_seen_by(self.request.user), pk=self.kwargs["pk"])
        return files_of_import(record=record, **{key: query.get(key, "") for key in ("outcome", "kind", "search")})

    @extend_schema(operation_id="imports_files", parameters=_FILES)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What became of each file, in the order they came."""
        return super().get(request, *args, **kwargs)


class ImportReportView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="imports_report", responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """What became of each file, as CSV."""
        record = get_object_or_404(imports_seen_by(request.user), pk=pk)
        response = StreamingHttpResponse(csv_lines(files_of_import(record=record)), content_type="text/csv")
        response["Content-Disposition"] = (
            f'attachment; filename="import-{record.dataset.lab_id}-{record.dataset.slug}-{record.pk}.csv"'
        )
        return response
