"""Uploads in JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.imaging.layouts import AUTO
from backend.imaging.models import Upload, UploadPurpose, UploadState
from backend.imaging.selectors import images_by_id
from backend.imaging.serializers import DatasetField, ImageSerializer
from backend.imaging.services.uploads import missing_parts, pending_of, ranges_of


class RefusedPart(serializers.Serializer):
    """An image of a file that did not come in, though others of it did."""

    name = serializers.CharField()
    reason = serializers.CharField()
    remedy = serializers.CharField()


class UploadError(serializers.Serializer):
    """Why it was refused, or why it is not read yet; ``image`` is the one that has its name."""

    code = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField()
    where = serializers.CharField()
    remedy = serializers.CharField()
    image = serializers.UUIDField(required=False)


class UploadSummarySerializer(serializers.ModelSerializer):
    dataset = serializers.CharField(source="dataset.name", read_only=True, help_text="lab/slug")
    parts = serializers.SerializerMethodField()
    import_id = serializers.UUIDField(source="record_id", read_only=True, allow_null=True)
    refused = RefusedPart(many=True, read_only=True)
    error = UploadError(read_only=True, allow_null=True)

    class Meta:
        model = Upload
        fields = [
            "id", "dataset", "purpose", "name", "size", "sha256", "state", "part_size", "parts", "import_id", "refused",
            "already_there", "error", "created",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.IntegerField())
    def get_parts(self, upload: Upload) -> int:
        return pending_of(upload).count


class UploadSerializer(UploadSummarySerializer):
    missing = serializers.SerializerMethodField(help_text="parts to send, as [[first, last], ...]; numbered from 1")
    images = serializers.SerializerMethodField(help_text="what the file became")

    class Meta(UploadSummarySerializer.Meta):
        fields = [*UploadSummarySerializer.Meta.fields, "missing", "images"]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.ListField(child=serializers.IntegerField())))
    def get_missing(self, upload: Upload) -> list[list[int]]:
        return ranges_of(missing_parts(upload=upload)) if upload.state == UploadState.SENDING else []

    @extend_schema_field(ImageSerializer(many=True))
    def get_images(self, upload: Upload) -> list[dict[str, Any]]:
        return list(ImageSerializer(images_by_id(ids=upload.images), many=True).data)


class NewUpload(serializers.Serializer):
    dataset = DatasetField(help_text="lab/slug")
    purpose = serializers.ChoiceField(choices=UploadPurpose.choices)
    name = serializers.CharField(max_length=255, help_text="of the file; its ending matters")
    size = serializers.IntegerField(min_value=1, help_text="bytes")
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    source = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    stratum = serializers.CharField(required=False, allow_blank=True, default="", max_length=100)
    image_name = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    layout = serializers.CharField(required=False, max_length=64, default=AUTO, help_text="auto: told from the archive")
    limit = serializers.IntegerField(required=False, allow_null=True, min_value=1, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What concerns the other purpose is left out."""
        given = {name: attrs.pop(name) for name in ("source", "stratum", "image_name", "layout", "limit")}
        if attrs["purpose"] == UploadPurpose.IMAGE:
            options = {"source": given["source"], "stratum": given["stratum"], "name": given["image_name"]}
        else:
            options = {"layout": given["layout"], "limit": given["limit"]}
        return attrs | {"options": options}


class PartLinkSerializer(serializers.Serializer):
    """Where to PUT one part: these bytes of the file, no more and no fewer, without credentials."""

    part = serializers.IntegerField()
    offset = serializers.IntegerField()
    length = serializers.IntegerField()
    url = serializers.CharField(help_text="absolute, or below the hub's address")


class PartLinksSerializer(serializers.Serializer):
    seconds = serializers.IntegerField(help_text="that the links are good for")
    links = PartLinkSerializer(many=True)
