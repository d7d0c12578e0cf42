"""Who sees a dataset, and what it would mean to change that."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.imaging.access import datasets_seen_by, require_own
from backend.imaging.models import Dataset, Visibility
from backend.modelzoo import services
from backend.people.permissions import IsCurator


class NewVisibility(serializers.Serializer):
    visibility = serializers.ChoiceField(choices=Visibility.choices)
    opens = serializers.IntegerField(
        min_value=0, default=0, help_text="how many releases you were told anybody can read from then on"
    )


@extend_schema_serializer(component_name="VisibilityChange")
class VisibilitySerializer(serializers.Serializer):
    """Who sees a dataset, and what showing it to the other circle would mean."""

    visibility = serializers.ChoiceField(choices=Visibility.choices, help_text="now")
    to = serializers.ChoiceField(choices=Visibility.choices, help_text="the other")
    images = serializers.IntegerField(help_text="that come into sight, or go out of it")
    campaigns = serializers.IntegerField()
    models = serializers.IntegerField()
    opens = serializers.ListField(
        child=serializers.CharField(), help_text="references of releases that anybody could read from then on"
    )
    withdrawn = serializers.ListField(
        child=serializers.CharField(), help_text="references of those whose reason anybody could read from then on"
    )
    refused = serializers.CharField(help_text="why it cannot be; empty where it can")
    remedy = serializers.CharField()


class VisibilityView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="datasets_visibility", responses=VisibilitySerializer)
    def get(self, request: Request, lab: str, slug: str) -> Response:
        """What changing who sees a dataset of your lab would mean."""
        return Response(VisibilitySerializer(services.weigh_visibility(dataset=_own(request, lab, slug))).data)

    @extend_schema(operation_id="datasets_show", request=NewVisibility, responses=VisibilitySerializer)
    def post(self, request: Request, lab: str, slug: str) -> Response:
        """Show a lab's own dataset to the hub; or take it back, as long as nothing of it was published."""
        dataset = _own(request, lab, slug)
        form = NewVisibility(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        change = services.change_visibility(
            dataset=dataset, to=values["visibility"], opens=values["opens"], person=request.user
        )
        return Response(VisibilitySerializer(change).data)


def _own(request: Request, lab: str, slug: str) -> Dataset:
    dataset = get_object_or_404(datasets_seen_by(request.user), lab=lab, slug=slug)
    require_own(request.user, dataset)
    return dataset
