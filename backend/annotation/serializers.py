"""Campaigns, assignments and edits in JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.annotation.given import draft_json, given_json
from backend.annotation.kinds.registry import kind_of
from backend.annotation.models import Annotation, Assignment, Campaign, ProposalState, Task
from backend.annotation.selectors import campaigns_seen_by
from backend.imaging.serializers import DatasetField, ImageSerializer, OntologySerializer
from backend.people.names import by_name
from cellcommons.linking.registry import DEFAULT, all_linkers
from cellcommons.versions import SLUG

MAX_EDITS = 500
MAX_TILES = 16_384  # all tiles of the largest image a hub takes


class Progress(serializers.Serializer):
    """Items, and readings over all of them."""

    items = serializers.IntegerField()
    readings_needed = serializers.IntegerField()
    readings_done = serializers.IntegerField()
    settled = serializers.IntegerField()
    disputed = serializers.IntegerField()


class CampaignSerializer(serializers.ModelSerializer):
    """A campaign; ``context["outcomes"]`` holds campaign id -> (settled, disputed)."""

    name = serializers.CharField(read_only=True, help_text="lab/slug")
    lab = serializers.CharField(source="lab_id", read_only=True)
    dataset = serializers.CharField(source="dataset.name", read_only=True, help_text="lab/slug")
    ontology = OntologySerializer(read_only=True, allow_null=True)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Campaign
        fields = [
            "name", "lab", "slug", "title", "dataset", "task", "ontology", "guidelines", "state", "readings_needed",
            "lease_seconds", "progress", "created",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(Progress)
    def get_progress(self, campaign: Any) -> dict[str, int]:
        settled, disputed = self.context["outcomes"].get(campaign.pk, (0, 0))
        return {
            "items": campaign.item_count,
            "readings_needed": campaign.needed_count,
            "readings_done": campaign.done_count,
            "settled": settled,
            "disputed": disputed,
        }


@extend_schema_field(OpenApiTypes.STR)
class CampaignField(serializers.Field):
    """A campaign by its name, ``lab/slug``, that the person of ``context["request"]`` may see."""

    def to_internal_value(self, data: Any) -> Campaign:
        found = campaigns_seen_by(self.context["request"].user).filter(by_name(str(data))).first()
        if found is None:
            raise serializers.ValidationError("There is no such campaign.")
        return found

    def to_representation(self, campaign: Campaign) -> str:
        return campaign.name


class NewCampaign(serializers.Serializer):
    slug = serializers.RegexField(f"^{SLUG.pattern}$", max_length=64, help_text="the lab is the dataset's")
    title = serializers.CharField(max_length=200)
    dataset = DatasetField(help_text="lab/slug")
    task = serializers.ChoiceField(choices=Task.choices)
    ontology = OntologySerializer(
        required=False, allow_null=True, default=None, help_text="the dataset's, where none is given"
    )
    guidelines = serializers.CharField(required=False, allow_blank=True, default="", max_length=50_000)
    readings_needed = serializers.IntegerField(min_value=1, max_value=100)
    lease_seconds = serializers.IntegerField(required=False, default=900, min_value=1, max_value=7 * 24 * 3600)


class Draft(serializers.Serializer):
    """What a checkpoint said: where the person starts."""

    annotation = serializers.UUIDField()
    zarr_url = serializers.CharField(allow_null=True, help_text="its label map, where the task paints")
    values = serializers.DictField(child=serializers.JSONField(), help_text="its answers, where the task asks")
    cells = serializers.DictField(child=serializers.FloatField(), help_text="cell, subject or node: certainty 0..1")


class Given(serializers.Serializer):
    """What is given beside the image."""

    key = serializers.CharField()
    kind = serializers.ChoiceField(choices=["cells", "boxes", "detections", "target", "candidate"])
    title = serializers.CharField()
    role = serializers.CharField(allow_null=True, help_text="of a candidate, once the question is answered")
    zarr_url = serializers.CharField(allow_null=True)
    values = serializers.DictField(child=serializers.JSONField(), allow_null=True)
    channels = serializers.ListField(child=serializers.CharField(), allow_null=True)


class AssignmentSummary(serializers.ModelSerializer):
    campaign = serializers.CharField(source="item.campaign.name", read_only=True, help_text="lab/slug")
    task = serializers.ChoiceField(choices=Task.choices, source="item.campaign.task", read_only=True)
    image = ImageSerializer(source="item.image", read_only=True)
    guidelines = serializers.CharField(source="item.campaign.guidelines", read_only=True)
    tile_versions = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    rank = serializers.IntegerField(source="item.rank", read_only=True)

    class Meta:
        model = Assignment
        fields = [
            "id", "campaign", "task", "image", "guidelines", "state", "lease_expires_at", "edit_count",
            "tile_versions", "rank", "created",
        ]  # fmt: skip
        read_only_fields = fields


class AssignmentSerializer(AssignmentSummary):
    """With all that the workbench needs."""

    ontology = OntologySerializer(source="item.campaign.ontology", read_only=True, allow_null=True)
    changed = serializers.DictField(
        child=serializers.JSONField(allow_null=True), read_only=True, help_text="answers changed since the base"
    )
    draft = serializers.SerializerMethodField()
    given = serializers.SerializerMethodField()
    question = serializers.SerializerMethodField()

    class Meta(AssignmentSummary.Meta):
        fields = [*AssignmentSummary.Meta.fields, "ontology", "changed", "draft", "given", "question"]
        read_only_fields = fields

    @extend_schema_field(Draft(allow_null=True))
    def get_draft(self, assignment: Assignment) -> dict[str, Any] | None:
        return draft_json(assignment)

    @extend_schema_field(Given(many=True))
    def get_given(self, assignment: Assignment) -> list[dict[str, Any]]:
        kind = kind_of(assignment.item.campaign)
        hidden = kind.question(assignment) not in (None, *assignment.changed)
        return given_json(assignment.given, url=f"/api/v1/assignments/{assignment.pk}/given", hidden=hidden)

    @extend_schema_field(serializers.ChoiceField(choices=["trial", "preference"], allow_null=True))
    def get_question(self, assignment: Assignment) -> str | None:
        return kind_of(assignment.item.campaign).question(assignment)


class Lease(serializers.Serializer):
    lease_expires_at = serializers.DateTimeField()


class Tile(serializers.Serializer):
    """One changed tile of 128 x 128 pixels."""

    y = serializers.IntegerField(min_value=0)
    x = serializers.IntegerField(min_value=0)
    version = serializers.IntegerField(min_value=0, help_text="earlier edits that touched this tile")
    # 65,536 bytes of incompressible XOR are some 87,400 characters of base64.
    xor = serializers.CharField(max_length=90_000, help_text="base64 of the raw deflate of old XOR new, uint32 LE")


class Edit(serializers.Serializer):
    """One stroke, or one answer."""

    uuid = serializers.UUIDField()
    seq = serializers.IntegerField(min_value=1)
    tool = serializers.CharField(max_length=32)
    params = serializers.DictField()
    tiles = serializers.ListField(child=Tile(), max_length=MAX_TILES)
    changes = serializers.DictField(
        child=serializers.ListField(child=serializers.JSONField(allow_null=True), min_length=2, max_length=2),
        required=False,
        default=dict,
        help_text="key: [old, new]; null: not said",
    )


class EditBatch(serializers.Serializer):
    edits = serializers.ListField(child=Edit(), max_length=MAX_EDITS)


class Edits(serializers.Serializer):
    """All edits of an assignment in order of seq."""

    edits = Edit(many=True)
    tile_versions = serializers.DictField(child=serializers.IntegerField())


class Accepted(serializers.Serializer):
    accepted = serializers.ListField(child=serializers.UUIDField())
    duplicates = serializers.ListField(child=serializers.UUIDField())
    edit_count = serializers.IntegerField()
    tile_versions = serializers.DictField(child=serializers.IntegerField())


class Submission(serializers.Serializer):
    edit_count = serializers.IntegerField(min_value=0)
    labels_sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")
    active_seconds = serializers.FloatField(min_value=0, max_value=30 * 24 * 3600)


class Submitted(serializers.ModelSerializer):
    annotation = serializers.UUIDField(source="pk", read_only=True)

    class Meta:
        model = Annotation
        fields = ["annotation", "cells", "accepted_unchanged"]
        read_only_fields = fields


class NewProposal(serializers.Serializer):
    """Frames to be linked, counted from 0, both included, and by which linker."""

    linker = serializers.ChoiceField(choices=[linker.name for linker in all_linkers()], default=DEFAULT)
    first = serializers.IntegerField(min_value=0)
    last = serializers.IntegerField(min_value=1)


class Proposal(serializers.Serializer):
    """Links that a linker proposes; `none` as long as none were ordered."""

    state = serializers.ChoiceField(choices=["none", *ProposalState.values])
    linker = serializers.CharField(allow_blank=True)
    first = serializers.IntegerField(allow_null=True)
    last = serializers.IntegerField(allow_null=True)
    links = serializers.DictField(
        child=serializers.ListField(), help_text="child -> [parent, whether a second linker agrees]"
    )
    error = serializers.CharField(allow_blank=True)
