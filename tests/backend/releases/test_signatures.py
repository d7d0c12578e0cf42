"""What is published is signed by the hub's key; a new key signs all again, and the old one stays listed."""

from __future__ import annotations

import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient

from backend.annotation.models import Campaign
from backend.door.home import Home
from backend.imaging.models import Dataset
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import ManifestSignature, Release, SigningKey
from backend.releases.signatures import sign_release, sweep_signatures
from backend.settings.environment import Environment
from cellcommons.errors import BadSignature
from cellcommons.signing import Signature, check_signature, public_key

Clients = Callable[[Person | None], APIClient]
FIRST, SECOND = secrets.token_hex(32), secrets.token_hex(32)
ADDRESS = "/api/v1/releases/commons/cells/1.0.0/signature"


def published(dataset: Dataset, campaign: Campaign, curator: Person) -> Release:
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    return services.publish_release(release_id=draft.pk)


def test_signed_when_published_and_again_by_a_new_key(
    dataset: Dataset, campaign: Campaign, curator: Person, client_of: Clients, settings: Any
) -> None:
    settings.SIGNING_KEY = FIRST
    release, stranger = published(dataset, campaign, curator), client_of(None)

    def signed() -> Signature:
        answer = stranger.get(ADDRESS)
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-cache"
        return Signature.parse(answer.content)

    check_signature(signed(), release.manifest_sha256, {public_key(FIRST)})
    assert sweep_signatures() == 0
    assert sign_release(release_id=release.pk) == ManifestSignature.objects.get()

    settings.SIGNING_KEY = SECOND
    assert sweep_signatures() == 1
    assert sweep_signatures() == 0
    check_signature(signed(), release.manifest_sha256, {public_key(SECOND)})
    with pytest.raises(BadSignature, match="not trusted"):
        check_signature(signed(), release.manifest_sha256, {public_key(FIRST)})
    listed = stranger.get("/api/v1/keys/").json()
    assert [(row["key"], row["present"]) for row in listed] == [(public_key(SECOND), True), (public_key(FIRST), False)]
    assert SECOND not in stranger.get("/api/v1/keys/").content.decode()

    for change in (SigningKey.objects.all()._raw_delete, lambda _: SigningKey.objects.update(key="0" * 64)):
        with pytest.raises(DatabaseError, match="stays signed"), transaction.atomic():
            change("default")
    with pytest.raises(DatabaseError, match="stays signed"), transaction.atomic():
        ManifestSignature.objects.update(signature="0" * 128)

    services.withdraw_release(release_id=release.pk, person=curator, reason="wrong licence")
    assert stranger.get(ADDRESS).status_code == 410


def test_a_hub_without_a_key_signs_nothing(
    dataset: Dataset, campaign: Campaign, curator: Person, client_of: Clients, settings: Any
) -> None:
    settings.SIGNING_KEY = ""
    release = published(dataset, campaign, curator)
    assert client_of(None).get(ADDRESS).status_code == 404
    assert client_of(None).get("/api/v1/keys/").json() == []
    assert sweep_signatures() == 0
    settings.SIGNING_KEY = FIRST
    assert sweep_signatures() == 1
    assert Signature.parse(client_of(None).get(ADDRESS).content).manifest == release.manifest_sha256


def test_the_key_of_a_home_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = Home(tmp_path).signing_key_file()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = path.read_text()
    assert public_key(first.strip())
    assert Home(tmp_path).signing_key_file().read_text() == first
    values = {"HUB_SIGNING_KEY_FILE": str(path)}
    assert Environment(values).key("HUB_SIGNING_KEY") == first.strip()
    assert Environment({}).key("HUB_SIGNING_KEY") == ""
    with pytest.raises(ImproperlyConfigured, match="HUB_SIGNING_KEY is not 64 hex digits"):
        Environment({"HUB_SIGNING_KEY": "secret"}).key("HUB_SIGNING_KEY")
