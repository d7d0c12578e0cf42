"""Datasets, images and imports in JSON."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from backend.imaging.models import Dataset, Image, Import


class OntologySerializer(serializers.Serializer):
    """The classes that a label may name, in order."""

    names = serializers.ListField(child=serializers.CharField(max_length=80), max_length=255)
    ordinal = serializers.BooleanField(required=False, default=False, help_text="the order means rank")
    multi = serializers.BooleanField(required=False, default=False, help_text="a label may name several, or none")


class DatasetSerializer(serializers.ModelSerializer):
    images = serializers.IntegerField(source="image_count", read_only=True)
    sources = serializers.IntegerField(source="source_count", read_only=True)
    ontology = OntologySerializer(read_only=True, allow_null=True, help_text="the classes that imports stated")

    class Meta:
        model = Dataset
        fields = ["id", "slug", "title", "description", "licence", "ontology", "images", "sources", "created"]
        read_only_fields = fields


class NewDataset(serializers.Serializer):
    slug = serializers.SlugField(max_length=64)
    title = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, default="", max_length=20_000)
    licence = serializers.CharField(required=False, default="CC0-1.0", max_length=64)


class PixelSize(serializers.Serializer):
    """Micrometres per pixel; null where the file does not say."""

    y = serializers.FloatField(allow_null=True)
    x = serializers.FloatField(allow_null=True)
    z = serializers.FloatField(allow_null=True)


class ImageSerializer(serializers.ModelSerializer):
    """An image; never whether truth is kept for it."""

    dataset = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    source = serializers.CharField(source="source.name", read_only=True)
    height = serializers.IntegerField(read_only=True)
    width = serializers.IntegerField(read_only=True)
    depth = serializers.IntegerField(read_only=True)
    frames = serializers.IntegerField(read_only=True)
    channels = serializers.ListField(child=serializers.CharField(), read_only=True)
    pixel_size_um = PixelSize(read_only=True)
    preview_url = serializers.CharField(read_only=True)
    zarr_url = serializers.CharField(read_only=True)
    tree = serializers.CharField(source="tree_sha256", read_only=True)

    class Meta:
        model = Image
        fields = [
            "id", "dataset", "name", "source", "stratum", "state", "height", "width", "depth", "frames", "dtype",
            "channels", "pixel_size_um", "preview_url", "zarr_url", "tree", "created",
        ]  # fmt: skip
        read_only_fields = fields


class NewImage(serializers.Serializer):
    dataset = serializers.SlugRelatedField(slug_field="slug", queryset=Dataset.objects.all())
    file = serializers.FileField(allow_empty_file=True, max_length=255)
    source = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    stratum = serializers.CharField(required=False, allow_blank=True, default="", max_length=100)
    name = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class Skipped(serializers.Serializer):
    where = serializers.CharField()
    reason = serializers.CharField()


class ImportSerializer(serializers.ModelSerializer):
    dataset = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    skipped = Skipped(many=True, read_only=True)

    class Meta:
        model = Import
        fields = ["id", "dataset", "layout", "state", "found", "imported", "skipped", "error", "created"]
        read_only_fields = fields


class LayoutSerializer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    task = serializers.CharField()


@extend_schema_serializer(component_name="NewImport")
class NewImport(serializers.Serializer):
    dataset = serializers.SlugRelatedField(slug_field="slug", queryset=Dataset.objects.all())
    layout = serializers.CharField(max_length=64)
    file = serializers.FileField(allow_empty_file=True, max_length=255)
    limit = serializers.IntegerField(required=False, allow_null=True, min_value=1, default=None)
