"""Consensus, disagreements and adjudications in JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.annotation.given import given_json
from backend.annotation.kinds.registry import kind_of
from backend.annotation.models import Task
from backend.annotation.serializers import Given
from backend.consensus.models import (
    Adjudication,
    Consensus,
    ConsensusState,
    Disagreement,
    DisagreementKind,
    DisagreementState,
)
from backend.consensus.selectors import given_rows
from backend.core.storage import object_store
from backend.imaging.serializers import ImageSerializer, OntologySerializer
from cellcommons.reading import read_values


class ConsensusQuery(serializers.Serializer):
    campaign = serializers.CharField(required=False, help_text="lab/slug")
    state = serializers.ChoiceField(choices=ConsensusState.choices, required=False)


class DisagreementQuery(serializers.Serializer):
    campaign = serializers.CharField(required=False, help_text="lab/slug")
    state = serializers.ChoiceField(choices=DisagreementState.choices, required=False)


class ConsensusSerializer(serializers.ModelSerializer):
    """The latest revision of one item."""

    campaign = serializers.CharField(source="item.campaign.name", read_only=True, help_text="lab/slug")
    task = serializers.ChoiceField(choices=Task.choices, source="item.campaign.task", read_only=True)
    image = serializers.UUIDField(source="item.image_id", read_only=True)
    readings = serializers.IntegerField(source="reading_count", read_only=True, help_text="how many it was fused from")
    zarr_url = serializers.SerializerMethodField()

    class Meta:
        model = Consensus
        fields = [
            "id", "campaign", "task", "image", "revision", "state", "method", "agreement", "cells", "readings",
            "zarr_url", "created",
        ]  # fmt: skip
        read_only_fields = fields

    def get_zarr_url(self, consensus: Consensus) -> str | None:
        """Its raster, where the task paints."""
        return consensus_zarr_url(consensus)


def consensus_zarr_url(consensus: Consensus) -> str | None:
    """Where the raster lies; None where the task paints none."""
    return f"/api/v1/consensus/{consensus.pk}/zarr" if kind_of(consensus.item.campaign).paints else None


class DisagreementOption(serializers.Serializer):
    """One thing that readers said."""

    index = serializers.IntegerField()
    readings = serializers.ListField(child=serializers.UUIDField(), help_text="annotations that saw it")
    cells = serializers.IntegerField()
    labels = serializers.CharField(
        allow_null=True, help_text="base64(raw deflate(uint32 little-endian)) of the box, row-major"
    )
    values = serializers.DictField(
        child=serializers.JSONField(allow_null=True), allow_null=True, help_text="of each key; null: not said"
    )


class DisagreementSummary(serializers.ModelSerializer):
    """A place in the experts' queue."""

    campaign = serializers.CharField(source="item.campaign.name", read_only=True, help_text="lab/slug")
    image = ImageSerializer(source="item.image", read_only=True)
    box = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=4,
        max_length=4,
        read_only=True,
        help_text="y0, x0, y1, x1; half-open",
    )
    kind = serializers.ChoiceField(choices=DisagreementKind.choices, read_only=True, help_text="what is asked")
    task = serializers.ChoiceField(choices=Task.choices, source="item.campaign.task", read_only=True)
    ontology = OntologySerializer(source="item.campaign.ontology", read_only=True, allow_null=True)
    keys = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="of the answers in question; none where pixels are"
    )

    class Meta:
        model = Disagreement
        fields = ["id", "campaign", "task", "ontology", "image", "box", "frame", "keys", "kind", "state", "created"]
        read_only_fields = fields


class DisagreementSerializer(DisagreementSummary):
    """What an expert needs to settle it."""

    options = DisagreementOption(many=True, read_only=True)
    given = serializers.SerializerMethodField()
    consensus_zarr_url = serializers.SerializerMethodField()
    consensus_values = serializers.SerializerMethodField()

    class Meta(DisagreementSummary.Meta):
        fields = [
            *DisagreementSummary.Meta.fields, "options", "given", "consensus_zarr_url", "consensus_values",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(Given(many=True))
    def get_given(self, disagreement: Disagreement) -> list[dict[str, Any]]:
        """As for those who read it; its roles are told, for all have answered."""
        rows = given_rows(disagreement.consensus)
        return given_json(rows, url=f"/api/v1/disagreements/{disagreement.pk}/given")

    def get_consensus_zarr_url(self, disagreement: Disagreement) -> str | None:
        """What is settled so far, where the task paints."""
        return consensus_zarr_url(disagreement.consensus)

    @extend_schema_field(serializers.DictField(child=serializers.JSONField(), allow_null=True))
    def get_consensus_values(self, disagreement: Disagreement) -> dict[str, Any] | None:
        """What is settled so far, where the task asks."""
        if not kind_of(disagreement.item.campaign).answers:
            return None
        return read_values(object_store(), disagreement.consensus.labels_sha256)


class Settlement(serializers.Serializer):
    """Exactly one of the four."""

    option = serializers.IntegerField(required=False, min_value=0, help_text="index of an option")
    nothing = serializers.BooleanField(required=False, default=False, help_text="there is no cell here, or no answer")
    labels = serializers.CharField(required=False, help_text="drawn anew: base64(raw deflate(uint32 LE)) of the box")
    values = serializers.DictField(
        child=serializers.JSONField(allow_null=True), required=False, help_text="said anew, for each key in question"
    )


class AdjudicationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Adjudication
        fields = ["id", "disagreement", "option", "had_read", "created"]
        read_only_fields = fields


class ShareSerializer(serializers.Serializer):
    """A share of `count`, with its 95 % Wilson interval; `value` is null where nothing was counted."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    count = serializers.IntegerField()


class StrengthSerializer(serializers.Serializer):
    """Bradley-Terry strength: log odds against a checkpoint of average strength, with its 95 % interval."""

    strength = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    wins = serializers.FloatField(help_text="a tie is half a win")
    comparisons = serializers.FloatField()


class StandingSerializer(serializers.Serializer):
    checkpoint_sha256 = serializers.CharField(source="checkpoint")
    predictions = serializers.ListField(child=serializers.CharField(), help_text="ids of what people judged")
    strength = StrengthSerializer(allow_null=True, help_text="null where it was never compared")
    trials = ShareSerializer(help_text="in which the real image was found")
    unsure = serializers.IntegerField(help_text="trials answered so; not counted in `trials`")


class PreferencesSerializer(serializers.Serializer):
    """Checkpoints of a campaign by people's preference, strongest first."""

    comparisons = serializers.IntegerField()
    ties = serializers.IntegerField()
    agreement = serializers.FloatField(allow_null=True, help_text="share of answers that name the stronger checkpoint")
    trials = ShareSerializer()
    unsure = serializers.IntegerField()
    standings = StandingSerializer(many=True)
