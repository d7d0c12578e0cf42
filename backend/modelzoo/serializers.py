"""Runs, model cards and predictions in JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.annotation.models import Task
from backend.annotation.serializers import CampaignField
from backend.modelzoo.models import (
    ModelCard,
    Prediction,
    PredictionRun,
    PredictionScope,
    RunState,
    TrainingRun,
    Weights,
)
from backend.releases.serializers import WithdrawalSerializer
from cellcommons.versions import NAME, WANTED


class RunQuery(serializers.Serializer):
    state = serializers.ChoiceField(choices=RunState.choices, required=False)


class PredictionQuery(serializers.Serializer):
    run = serializers.UUIDField(required=False)


class NewTrainingRun(serializers.Serializer):
    release = serializers.RegexField(
        f"^{NAME.pattern}@{WANTED.pattern}$", help_text="lab/slug@2.1.0, or lab/slug@2: the newest that fits"
    )
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1, default=0)
    budget_seconds = serializers.FloatField(required=False, min_value=1, max_value=7 * 24 * 3600, default=120.0)
    config = serializers.DictField(required=False, default=dict, help_text="settings of the trainer")
    start_from = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="model card (id or name) or sha256 of weights brought; empty: from scratch",
    )


class NewPredictionRun(serializers.Serializer):
    model_card = serializers.UUIDField()
    campaign = CampaignField(help_text="lab/slug")
    scope = serializers.ChoiceField(
        choices=PredictionScope.choices,
        required=False,
        default=PredictionScope.UNREAD,
        help_text="unread: images nobody has read, which get drafts; all: every image, to measure; "
        "detections: movies without masks get them from a segmenter",
    )


class NewWeights(serializers.Serializer):
    file = serializers.FileField(allow_empty_file=True, max_length=255)


class WeightsSerializer(serializers.ModelSerializer):
    class Meta:
        model = Weights
        fields = ["sha256", "name", "bytes", "tensors", "created"]
        read_only_fields = fields


class RunProgress(serializers.Serializer):
    """How far a run is, as its worker last said; empty before it started."""

    step = serializers.IntegerField(required=False)
    steps = serializers.IntegerField(required=False)
    fraction = serializers.FloatField(required=False, help_text="0 to 1")
    loss = serializers.FloatField(required=False)
    validation = serializers.FloatField(required=False)
    seconds = serializers.FloatField(required=False)
    message = serializers.CharField(required=False)


class CurvePoint(serializers.Serializer):
    step = serializers.IntegerField()
    seconds = serializers.FloatField(required=False)
    loss = serializers.FloatField(required=False)
    validation = serializers.FloatField(required=False)


class TrainingRunSummary(serializers.ModelSerializer):
    """A training without its curve."""

    release = serializers.CharField(source="release.reference", read_only=True, help_text="lab/slug@version")
    progress = RunProgress(read_only=True)
    model_card = serializers.SerializerMethodField(help_text="id, once finished")

    class Meta:
        model = TrainingRun
        fields = [
            "id", "release", "state", "seed", "budget_seconds", "progress", "model_card", "error", "created",
            "heartbeat", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_model_card(self, run: TrainingRun) -> str | None:
        card = getattr(run, "model_card", None)
        return str(card.pk) if card else None


class TrainingRunSerializer(TrainingRunSummary):
    """A training with its curve."""

    curve = CurvePoint(many=True, read_only=True)
    config = serializers.DictField(read_only=True)

    class Meta(TrainingRunSummary.Meta):
        fields = [*TrainingRunSummary.Meta.fields, "config", "start_from", "order_sha256", "report_sha256", "curve"]
        read_only_fields = fields


class PredictionRunSerializer(serializers.ModelSerializer):
    campaign = serializers.CharField(source="campaign.name", read_only=True, help_text="lab/slug")
    progress = RunProgress(read_only=True)
    failures = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="image id: why")

    class Meta:
        model = PredictionRun
        fields = [
            "id", "model_card", "campaign", "scope", "state", "progress", "images", "failures", "error", "created",
            "heartbeat", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class ModelCardSummary(serializers.ModelSerializer):
    """A checkpoint and how well it does."""

    release = serializers.CharField(
        source="training_run.release.reference", read_only=True, help_text="lab/slug@version"
    )
    task = serializers.ChoiceField(choices=Task.choices, source="training_run.release.campaign.task", read_only=True)
    release_withdrawn = WithdrawalSerializer(
        source="training_run.release.tombstone",
        read_only=True,
        allow_null=True,
        help_text="null while the release it learned from stands",
    )
    measures = serializers.DictField(read_only=True, help_text="on the release's test split")
    baseline = serializers.DictField(read_only=True, help_text="the same of the task's plain method")
    notes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ModelCard
        fields = [
            "id", "name", "task", "training_run", "release", "release_withdrawn", "checkpoint_sha256",
            "checkpoint_bytes", "headline", "measures", "baseline", "notes", "created",
        ]  # fmt: skip
        read_only_fields = fields


class ImageScore(serializers.Serializer):
    """One test image: how well the checkpoint does on it."""

    image = serializers.UUIDField()
    name = serializers.CharField()
    stratum = serializers.CharField(allow_blank=True)
    measures = serializers.DictField()
    picture_url = serializers.CharField(help_text="image, truth and prediction side by side")


class ModelCardSerializer(ModelCardSummary):
    """The whole card. ``context["names"]`` maps image id to name."""

    by_stratum = serializers.DictField(child=serializers.DictField(), read_only=True)
    images = serializers.SerializerMethodField(help_text="best first")

    class Meta(ModelCardSummary.Meta):
        fields = [*ModelCardSummary.Meta.fields, "by_stratum", "images", "text"]
        read_only_fields = fields

    @extend_schema_field(ImageScore(many=True))
    def get_images(self, card: ModelCard) -> list[dict[str, Any]]:
        names = self.context["names"]
        return [
            {
                "image": score["image"],
                "name": names.get(score["image"], ""),
                "stratum": score["stratum"],
                "measures": score["measures"],
                "picture_url": f"/api/v1/model-cards/{card.pk}/pictures/{score['picture']}.png",
            }
            for score in card.images
        ]


class PredictionSerializer(serializers.ModelSerializer):
    image = serializers.UUIDField(source="image_id", read_only=True)
    name = serializers.CharField(source="image.name", read_only=True)
    zarr_url = serializers.SerializerMethodField()

    class Meta:
        model = Prediction
        fields = ["id", "run", "image", "name", "cells", "uncertainty", "zarr_url"]
        read_only_fields = fields

    def get_zarr_url(self, prediction: Prediction) -> str:
        return f"/api/v1/predictions/{prediction.pk}/zarr"
