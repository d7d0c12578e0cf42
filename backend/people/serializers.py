"""People in JSON."""

from __future__ import annotations

from rest_framework import serializers

from backend.people.models import Person, Role


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


class Credentials(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)


class Me(serializers.Serializer):
    """Who this browser is signed in as, and the token it needs to write."""

    user = PersonSerializer(allow_null=True)
    csrf_token = serializers.CharField()


class AccessToken(serializers.Serializer):
    token = serializers.CharField()
