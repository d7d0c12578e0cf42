"""One image of a release with where its labels come from, in JSON."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.releases.models import ReleaseImage
from backend.releases.origins import Origin


class ReaderSerializer(serializers.Serializer):
    """One reading that the labels were fused from."""

    reader = serializers.CharField(help_text="pseudonym, the same in every release of the dataset")
    annotation = serializers.CharField(help_text="id of the reading")
    from_prediction = serializers.BooleanField(help_text="began with a model's draft")
    unchanged = serializers.BooleanField(help_text="accepted that draft as it was")


class CellOriginSerializer(serializers.Serializer):
    """One cell, class, subject, track or failure region, and what it rests on."""

    cell = serializers.IntegerField(source="row.id")
    box = serializers.ListField(source="row.box", child=serializers.IntegerField(), help_text="y0, x0, y1, x1; pixels")
    area = serializers.IntegerField(source="row.area", help_text="pixels")
    agreement = serializers.FloatField(source="row.agreement", allow_null=True, help_text="0..1; null: one reading")
    classes = serializers.ListField(source="row.classes", child=serializers.CharField())
    readers = serializers.ListField(child=serializers.CharField(), help_text="pseudonyms of those it rests on")
    decided = serializers.BooleanField(help_text="an expert put it there")


class ZarrSerializer(serializers.Serializer):
    """One OME-Zarr of the image."""

    name = serializers.CharField(help_text="image, labels, or what is given beside it: target, detections, ...")
    tree = serializers.CharField(help_text="digest of its listing")
    url = serializers.CharField(help_text="for napari and any zarr reader, after the hub's address")


class ReleaseImageDetail(serializers.Serializer):
    """One image of a release."""

    image = serializers.CharField(source="item.image")
    name = serializers.CharField(source="item.name")
    split = serializers.CharField(source="item.split")
    source = serializers.CharField(source="item.source")
    stratum = serializers.CharField(source="item.stratum")
    channels = serializers.ListField(source="item.channels", child=serializers.CharField(allow_blank=True))
    height = serializers.IntegerField(source="item.height", help_text="pixels")
    width = serializers.IntegerField(source="item.width", help_text="pixels")
    preview_url = serializers.SerializerMethodField()
    zarrs = serializers.SerializerMethodField()
    method = serializers.CharField(source="item.provenance.method", help_text="how the readings were fused")
    readers = ReaderSerializer(many=True)
    adjudications = serializers.IntegerField(help_text="decisions of an expert")
    prediction = serializers.CharField(
        source="item.provenance.prediction",
        allow_null=True,
        help_text="id of the prediction that readings began with, or whose failures they marked",
    )
    cell_count = serializers.SerializerMethodField(help_text="all of them; cells holds the first 200")
    cells = CellOriginSerializer(many=True, help_text="least agreed first")

    def get_preview_url(self, origin: Origin) -> str:
        return f"{self._base()}preview.png"

    @extend_schema_field(ZarrSerializer(many=True))
    def get_zarrs(self, origin: Origin) -> list[dict[str, str]]:
        base = self._base()
        return [{"name": name, "tree": tree, "url": f"{base}{name}.ome.zarr"} for name, tree in origin.trees.items()]

    def get_cell_count(self, origin: Origin) -> int:
        return len(origin.item.cells)

    def _base(self) -> str:
        row: ReleaseImage = self.context["row"]
        return f"/api/v1/releases/{row.release.address}/images/{row.image_id}/"
