"""Consensus, disagreements and adjudications in JSON."""

from __future__ import annotations

from rest_framework import serializers

from backend.consensus.models import Adjudication, Consensus, ConsensusState, Disagreement, DisagreementState
from backend.imaging.serializers import ImageSerializer


class ConsensusQuery(serializers.Serializer):
    campaign = serializers.CharField(required=False, help_text="slug")
    state = serializers.ChoiceField(choices=ConsensusState.choices, required=False)


class DisagreementQuery(serializers.Serializer):
    campaign = serializers.CharField(required=False, help_text="slug")
    state = serializers.ChoiceField(choices=DisagreementState.choices, required=False)


class ConsensusSerializer(serializers.ModelSerializer):
    """The latest revision of one item."""

    campaign = serializers.SlugRelatedField(source="item.campaign", slug_field="slug", read_only=True)
    image = serializers.UUIDField(source="item.image_id", read_only=True)
    readings = serializers.IntegerField(source="reading_count", read_only=True, help_text="how many it was fused from")
    zarr_url = serializers.SerializerMethodField()

    class Meta:
        model = Consensus
        fields = [
            "id", "campaign", "image", "revision", "state", "method", "agreement", "cells", "readings", "zarr_url",
            "created",
        ]  # fmt: skip
        read_only_fields = fields

    def get_zarr_url(self, consensus: Consensus) -> str:
        return f"/api/v1/consensus/{consensus.pk}/zarr"


class DisagreementOption(serializers.Serializer):
    """One structure that readers saw."""

    index = serializers.IntegerField()
    readings = serializers.ListField(child=serializers.UUIDField(), help_text="annotations that saw it")
    cells = serializers.IntegerField()
    labels = serializers.CharField(help_text="base64(raw deflate(uint32 little-endian)) of the box, row-major")


class DisagreementSummary(serializers.ModelSerializer):
    """A place in the experts' queue."""

    campaign = serializers.SlugRelatedField(source="item.campaign", slug_field="slug", read_only=True)
    image = ImageSerializer(source="item.image", read_only=True)
    box = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=4,
        max_length=4,
        read_only=True,
        help_text="y0, x0, y1, x1; half-open",
    )
    kind = serializers.ChoiceField(choices=["existence", "split", "extent"], read_only=True)

    class Meta:
        model = Disagreement
        fields = ["id", "campaign", "image", "box", "kind", "state", "created"]
        read_only_fields = fields


class DisagreementSerializer(DisagreementSummary):
    """What an expert needs to settle it."""

    options = DisagreementOption(many=True, read_only=True)
    consensus_zarr_url = serializers.SerializerMethodField()

    class Meta(DisagreementSummary.Meta):
        fields = [*DisagreementSummary.Meta.fields, "options", "consensus_zarr_url"]
        read_only_fields = fields

    def get_consensus_zarr_url(self, disagreement: Disagreement) -> str:
        return f"/api/v1/consensus/{disagreement.consensus_id}/zarr"


class Settlement(serializers.Serializer):
    """Exactly one of the three."""

    option = serializers.IntegerField(required=False, min_value=0, help_text="index of an option")
    nothing = serializers.BooleanField(required=False, default=False, help_text="there is no cell here")
    labels = serializers.CharField(required=False, help_text="drawn anew: base64(raw deflate(uint32 LE)) of the box")


class AdjudicationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Adjudication
        fields = ["id", "disagreement", "option", "had_read", "created"]
        read_only_fields = fields
