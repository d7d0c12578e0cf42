"""Sign manifests with the hub's key; keys used before stay listed, and what they signed stays signed."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import transaction

from backend.releases.models import ManifestSignature, Release, ReleaseState, SigningKey
from cellcommons.signing import Signature, public_key, sign_manifest


def signing_key() -> str:
    """The hub's private key; "" where it has none and signs nothing. Raises InvalidDocument where it is no key."""
    return str(settings.SIGNING_KEY)


@transaction.atomic
def sign_release(*, release_id: uuid.UUID | str) -> ManifestSignature | None:
    """Sign a published release with the hub's present key, once; None where there is no key, or nothing to sign."""
    private = signing_key()
    release = Release.objects.filter(pk=release_id, state=ReleaseState.PUBLISHED).first()
    if not private or release is None:
        return None
    key, _ = SigningKey.objects.get_or_create(key=public_key(private))
    said = sign_manifest(release.manifest_sha256, private).signature
    signature, _ = ManifestSignature.objects.get_or_create(release=release, key=key, defaults={"signature": said})
    return signature


def sweep_signatures() -> int:
    """Sign what the present key has not signed: releases from before it, and those whose worker died; how many."""
    private = signing_key()
    if not private:
        return 0
    unsigned = Release.objects.filter(state=ReleaseState.PUBLISHED).exclude(signatures__key__key=public_key(private))
    waiting = list(unsigned.values_list("pk", flat=True))
    for release_id in waiting:
        sign_release(release_id=release_id)
    return len(waiting)


def signature_of(release: Release) -> Signature | None:
    """By the newest key that signed it."""
    row = release.signatures.select_related("key").order_by("-key__created", "-created").first()
    return Signature(release.manifest_sha256, row.key.key, row.signature) if row else None
