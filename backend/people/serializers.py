"""People in JSON."""

from __future__ import annotations

from rest_framework import serializers

from backend.people.models import Lab, Person, Role
from cellcommons.versions import SLUG


class PersonSerializer(serializers.ModelSerializer):
    """A person as others see them."""

    class Meta:
        model = Person
        fields = ["id", "username", "role", "display_name"]
        read_only_fields = fields


class NewPerson(serializers.Serializer):
    username = serializers.RegexField(r"^[\w.@+-]{1,150}$")
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)
    role = serializers.ChoiceField(choices=Role.choices)
    display_name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    lab = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="", help_text="yours; may be left out if it is one"
    )


class LabSerializer(serializers.ModelSerializer):
    """Who owns datasets."""

    people = serializers.IntegerField(source="person_count", read_only=True, help_text="how many belong to it")

    class Meta:
        model = Lab
        fields = ["slug", "title", "people", "created"]
        read_only_fields = fields


class NewLab(serializers.Serializer):
    slug = serializers.RegexField(f"^{SLUG.pattern}$", max_length=64)
    title = serializers.CharField(max_length=200)


class NewMember(serializers.Serializer):
    username = serializers.CharField(max_length=150)


class Credentials(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)


class Me(serializers.Serializer):
    """Who this browser is signed in as, and the token it needs to write."""

    user = PersonSerializer(allow_null=True)
    labs = LabSerializer(many=True, help_text="that you belong to")
    csrf_token = serializers.CharField()


class AccessToken(serializers.Serializer):
    token = serializers.CharField()
