"""Datasets, images and imports in JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from backend.imaging.access import datasets_seen_by
from backend.imaging.models import Dataset, FileOutcome, Image, Import, ImportedFile, Visibility
from backend.imaging.selectors import outcomes_of_import, reasons_of_import
from backend.people.names import by_name
from cellcommons.versions import SLUG


class OntologySerializer(serializers.Serializer):
    """The classes that a label may name, in order."""

    names = serializers.ListField(child=serializers.CharField(max_length=80), max_length=255)
    ordinal = serializers.BooleanField(required=False, default=False, help_text="the order means rank")
    multi = serializers.BooleanField(required=False, default=False, help_text="a label may name several, or none")


@extend_schema_field(OpenApiTypes.STR)
class DatasetField(serializers.Field):
    """A dataset by its name, ``lab/slug``, that the person of ``context["request"]`` may see."""

    def to_internal_value(self, data: Any) -> Dataset:
        found = datasets_seen_by(self.context["request"].user).filter(by_name(str(data))).first()
        if found is None:
            raise serializers.ValidationError("There is no such dataset.")
        return found

    def to_representation(self, dataset: Dataset) -> str:
        return dataset.name


class DatasetSerializer(serializers.ModelSerializer):
    name = serializers.CharField(read_only=True, help_text="lab/slug")
    lab = serializers.CharField(source="lab_id", read_only=True)
    images = serializers.IntegerField(source="image_count", read_only=True)
    sources = serializers.IntegerField(source="source_count", read_only=True)
    ontology = OntologySerializer(read_only=True, allow_null=True, help_text="the classes that imports stated")

    class Meta:
        model = Dataset
        fields = [
            "id", "name", "lab", "slug", "visibility", "title", "description", "licence", "ontology", "images",
            "sources", "created",
        ]  # fmt: skip
        read_only_fields = fields


class NewDataset(serializers.Serializer):
    lab = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="", help_text="yours; may be left out if it is one"
    )
    slug = serializers.RegexField(f"^{SLUG.pattern}$", max_length=64)
    visibility = serializers.ChoiceField(
        choices=Visibility.choices, required=False, default=Visibility.HUB, help_text="who sees it"
    )
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

    dataset = serializers.CharField(source="dataset.name", read_only=True, help_text="lab/slug")
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
            "id", "dataset", "name", "part", "source", "stratum", "state", "height", "width", "depth", "frames",
            "dtype", "channels", "pixel_size_um", "preview_url", "zarr_url", "tree", "created",
        ]  # fmt: skip
        read_only_fields = fields


class GuessSerializer(serializers.Serializer):
    """A layout that an archive may have, and what in it says so."""

    layout = serializers.CharField()
    title = serializers.CharField()
    task = serializers.CharField()
    likely = serializers.FloatField(help_text="0..1")
    reason = serializers.CharField()
    refused = serializers.CharField(help_text="why the hub does not take this layout; empty where it does")


class SummarySerializer(serializers.Serializer):
    """How many files did not come in for one sort of reason."""

    outcome = serializers.ChoiceField(choices=FileOutcome.choices)
    kind = serializers.CharField()
    count = serializers.IntegerField()


class OutcomesSerializer(serializers.Serializer):
    """How many files came to what."""

    imported = serializers.IntegerField()
    already_there = serializers.IntegerField()
    refused = serializers.IntegerField()
    left_out = serializers.IntegerField()


class ImportSummarySerializer(serializers.ModelSerializer):
    dataset = serializers.CharField(source="dataset.name", read_only=True, help_text="lab/slug")
    guesses = GuessSerializer(many=True, read_only=True, help_text="likeliest first; empty where the layout was named")

    class Meta:
        model = Import
        fields = [
            "id", "dataset", "layout", "guesses", "archive_name", "state", "found", "imported", "skipped", "error",
            "created",
        ]  # fmt: skip
        read_only_fields = fields


class ImportSerializer(ImportSummarySerializer):
    reasons = serializers.SerializerMethodField(help_text="why files did not come in, most frequent first; at most 50")

    outcomes = serializers.SerializerMethodField()

    class Meta(ImportSummarySerializer.Meta):
        fields = [*ImportSummarySerializer.Meta.fields, "outcomes", "reasons"]
        read_only_fields = fields

    @extend_schema_field(OutcomesSerializer)
    def get_outcomes(self, record: Import) -> dict[str, int]:
        return outcomes_of_import(record=record)

    @extend_schema_field(SummarySerializer(many=True))
    def get_reasons(self, record: Import) -> list[dict[str, Any]]:
        return reasons_of_import(record=record)


class ImportedFileSerializer(serializers.ModelSerializer):
    """What became of one file."""

    image = serializers.UUIDField(source="image_id", read_only=True, allow_null=True)

    class Meta:
        model = ImportedFile
        fields = ["name", "outcome", "kind", "reason", "remedy", "image"]
        read_only_fields = fields


class FormatSerializer(serializers.Serializer):
    """A format of image files that can be read."""

    name = serializers.CharField()
    extensions = serializers.ListField(child=serializers.CharField())


class LayoutSerializer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    task = serializers.CharField()


@extend_schema_serializer(component_name="ChosenLayout")
class ChosenLayout(serializers.Serializer):
    layout = serializers.CharField(max_length=64)
