"""Releases in JSON."""

from __future__ import annotations

import math

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.annotation.models import Task
from backend.annotation.serializers import CampaignField
from backend.core.storage import object_store
from backend.imaging.access import seen_by
from backend.imaging.models import Dataset
from backend.imaging.serializers import OntologySerializer
from backend.people.models import Role
from backend.releases.models import Release, ReleaseImage, Split, Withdrawal
from cellcommons.object_packs import MOST


class ReleaseQuery(serializers.Serializer):
    dataset = serializers.CharField(required=False, help_text="lab/slug")


class SplitFractions(serializers.Serializer):
    """Shares of the images; they add up to 1."""

    train = serializers.FloatField(min_value=0, max_value=1)
    validation = serializers.FloatField(min_value=0, max_value=1)
    test = serializers.FloatField(min_value=0, max_value=1)

    def validate(self, attrs: dict[str, float]) -> dict[str, float]:
        if not math.isclose(sum(attrs.values()), 1.0, abs_tol=1e-6):
            raise serializers.ValidationError("The fractions must add up to 1, for example 0.7, 0.1 and 0.2.")
        return attrs


class NewRelease(serializers.Serializer):
    campaign = CampaignField(help_text="lab/slug; what it has settled is published")
    title = serializers.CharField(required=False, max_length=200, allow_blank=True, default="")
    notes = serializers.CharField(required=False, max_length=20_000, allow_blank=True, default="")
    licence = serializers.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$",
        required=False,
        allow_blank=True,
        help_text="SPDX; that of the dataset if not given",
    )
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1, default=0)
    fractions = SplitFractions(required=False)
    review = serializers.BooleanField(
        required=False, default=False, help_text="hold the draft until a curator has seen what it changes"
    )


class NewPack(serializers.Serializer):
    sha256 = serializers.ListField(
        child=serializers.RegexField("^[0-9a-f]{64}$"), min_length=1, max_length=MOST, help_text="of the objects wanted"
    )


class NewWithdrawal(serializers.Serializer):
    reason = serializers.CharField(max_length=2000, help_text="shown to anyone who asks for the release")


class WithdrawalSerializer(serializers.ModelSerializer):
    """That a release was taken back, and why."""

    by = serializers.SerializerMethodField(help_text="user name of the curator; for curators only, else null")

    class Meta:
        model = Withdrawal
        fields = ["reason", "created", "by"]
        read_only_fields = fields

    def get_by(self, withdrawal: Withdrawal) -> str | None:
        request = self.context.get("request")
        person = request.user if request else None
        tell = person is not None and person.is_authenticated and person.is_at_least(Role.CURATOR)
        return withdrawal.person.username if tell else None


class ReleaseCounts(serializers.Serializer):
    images = serializers.IntegerField()
    cells = serializers.IntegerField(help_text="cells, classes present, subjects, tracks or failure regions")
    readings = serializers.IntegerField()
    tracks = serializers.IntegerField()
    divisions = serializers.IntegerField()


class ReleaseSplits(serializers.Serializer):
    """Images in each split."""

    train = serializers.IntegerField()
    validation = serializers.IntegerField()
    test = serializers.IntegerField()


class ReleaseSummary(serializers.ModelSerializer):
    """One release of a dataset."""

    dataset = serializers.CharField(source="dataset.name", read_only=True, help_text="lab/slug")
    campaign = serializers.CharField(source="campaign.name", read_only=True, help_text="lab/slug")
    task = serializers.ChoiceField(choices=Task.choices, source="campaign.task", read_only=True)
    reference = serializers.CharField(read_only=True, help_text="lab/slug@version, or lab/slug@draft")
    version = serializers.CharField(read_only=True, help_text="2.1.0; empty until it is published")
    place = serializers.CharField(
        read_only=True, help_text="version or, before there is one, id: its part of addresses"
    )
    parent = serializers.SerializerMethodField(help_text="reference of the release before, where you may see it")
    public = serializers.BooleanField(source="is_public", read_only=True, help_text="whether anybody may read it")
    counts = serializers.SerializerMethodField()
    splits = serializers.SerializerMethodField()
    withdrawn = WithdrawalSerializer(
        source="tombstone", read_only=True, allow_null=True, help_text="null while the release stands"
    )

    class Meta:
        model = Release
        fields = [
            "id", "dataset", "version", "place", "reference", "campaign", "task", "state", "title", "notes", "licence",
            "manifest_sha256", "parent", "counts", "splits", "bytes", "delta_bytes", "created", "published_at", "error",
            "withdrawn", "held", "public",
        ]  # fmt: skip
        read_only_fields = fields

    def get_parent(self, release: Release) -> str | None:
        # An opened release tells strangers nothing of those before it that are still its lab's.
        parent = release.parent
        told = parent is not None and (parent.is_public or not release.is_public or self._is_ours(release))
        return parent.reference if parent and told else None

    def _is_ours(self, release: Release) -> bool:
        request = self.context.get("request")
        return request is not None and Dataset.objects.filter(seen_by(request.user), pk=release.dataset_id).exists()

    @extend_schema_field(ReleaseCounts)
    def get_counts(self, release: Release) -> dict[str, int]:
        return {name: release.counts.get(name, 0) for name in ("images", "cells", "readings", "tracks", "divisions")}

    @extend_schema_field(ReleaseSplits)
    def get_splits(self, release: Release) -> dict[str, int]:
        return {name: release.counts.get("splits", {}).get(name, 0) for name in Split.values}


class ReleaseSerializer(ReleaseSummary):
    """One release with its card and its classes."""

    ontology = OntologySerializer(source="campaign.ontology", read_only=True, allow_null=True)
    classes = serializers.SerializerMethodField(help_text="subjects of each class, or images that show it, per split")
    card = serializers.SerializerMethodField(help_text="the dataset card, Markdown; empty until published")

    class Meta(ReleaseSummary.Meta):
        fields = [*ReleaseSummary.Meta.fields, "ontology", "classes", "card"]
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=ReleaseSplits()))
    def get_classes(self, release: Release) -> dict[str, dict[str, int]]:
        return dict(release.counts.get("classes", {}))

    def get_card(self, release: Release) -> str:
        return object_store().get(release.card_sha256).decode() if release.card_sha256 else ""


class ReleaseImageSerializer(serializers.ModelSerializer):
    """One image of a release."""

    image = serializers.UUIDField(source="image_id", read_only=True)
    name = serializers.CharField(source="image.name", read_only=True)
    stratum = serializers.CharField(source="image.stratum", read_only=True)
    height = serializers.IntegerField(source="image.height", read_only=True)
    width = serializers.IntegerField(source="image.width", read_only=True)
    preview_url = serializers.SerializerMethodField()

    class Meta:
        model = ReleaseImage
        fields = ["image", "name", "split", "stratum", "cells", "height", "width", "preview_url"]
        read_only_fields = fields

    def get_preview_url(self, row: ReleaseImage) -> str:
        release = row.release
        return f"/api/v1/releases/{release.address}/images/{row.image_id}/preview.png"
