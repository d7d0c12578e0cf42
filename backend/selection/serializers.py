"""Rounds in JSON."""

from __future__ import annotations

from rest_framework import serializers

from backend.selection.models import RankedItem, Round, Strategy


class RoundQuery(serializers.Serializer):
    campaign = serializers.CharField(required=False, help_text="lab/slug")


class NewRound(serializers.Serializer):
    strategy = serializers.ChoiceField(choices=Strategy.choices)
    prediction_run = serializers.UUIDField(required=False, allow_null=True, default=None)
    size = serializers.IntegerField(required=False, allow_null=True, min_value=1, default=None)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1, default=0)


class RankedItemSerializer(serializers.ModelSerializer):
    """One image's place in a round."""

    image = serializers.UUIDField(source="item.image_id", read_only=True)
    name = serializers.CharField(source="item.image.name", read_only=True)
    preview_url = serializers.CharField(source="item.image.preview_url", read_only=True)
    readings = serializers.IntegerField(source="item.readings_done", read_only=True)

    class Meta:
        model = RankedItem
        fields = ["image", "name", "preview_url", "score", "rank", "readings"]
        read_only_fields = fields


class RoundSerializer(serializers.ModelSerializer):
    """One turn of active learning; items in order of rank, the first ``size`` were offered."""

    campaign = serializers.CharField(source="campaign.name", read_only=True, help_text="lab/slug")
    items = RankedItemSerializer(source="ranked", many=True, read_only=True)

    class Meta:
        model = Round
        fields = ["id", "campaign", "number", "strategy", "prediction_run", "size", "seed", "items", "created"]
        read_only_fields = fields
