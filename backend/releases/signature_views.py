"""Who signed a release, and the keys of this hub."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core.permissions import Anyone
from backend.releases.models import ReleaseState, SigningKey
from backend.releases.signatures import signature_of, signing_key
from backend.releases.views import asked_release
from cellcommons.errors import NotFound
from cellcommons.signing import public_key


class SigningKeySerializer(serializers.ModelSerializer):
    """A public key of this hub."""

    present = serializers.SerializerMethodField(help_text="whether it signs now; the others signed before")

    class Meta:
        model = SigningKey
        fields = ["key", "created", "present"]
        read_only_fields = fields

    def get_present(self, key: SigningKey) -> bool:
        return key.key == self.context["present"]


class SignatureDocument(serializers.Serializer):
    """Who signed a manifest, as ``cellcommons.signing`` writes it."""

    kind = serializers.CharField()
    manifest = serializers.CharField(help_text="its sha256")
    key = serializers.CharField(help_text="public, ed25519, 32 bytes as hex")
    signature = serializers.CharField(help_text="64 bytes as hex")


class SigningKeysView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="keys_list", responses=SigningKeySerializer(many=True))
    def get(self, request: Request) -> Response:
        """Ed25519 keys that sign this hub's manifests, and those that did before, newest first."""
        keys = list(SigningKey.objects.order_by("-created"))
        # Where only the worker that publishes holds the key, the newest that it has signed with is the present one.
        newest = keys[0].key if keys else ""
        present = public_key(signing_key()) if settings.SIGNING_KEY else newest
        return Response(SigningKeySerializer(keys, many=True, context={"present": present}).data)


class SignatureView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="releases_signature", responses=SignatureDocument)
    def get(self, request: Request, lab: str, slug: str, version: str) -> HttpResponse:
        """The manifest's signature as `cellcommons.signing` has it; 404 where the hub has not signed it."""
        release = asked_release(request, f"{lab}/{slug}", version, state=ReleaseState.PUBLISHED)
        signature = signature_of(release)
        if signature is None:
            raise NotFound("the release is not signed", where=release.reference)
        headers = {"Cache-Control": "no-cache"}  # a new key may sign it again
        return HttpResponse(signature.to_bytes(), content_type="application/json", headers=headers)
