"""A store that is away for a while fails no release and no import; one that is full says so, and is asked again."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image as Picture
from s3_server import S3Server

from backend.annotation.models import Campaign
from backend.core.storage import object_store
from backend.imaging.models import Dataset, Import
from backend.imaging.services.imports import receive_import, run_import
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import Release, ReleaseState
from cellcommons.errors import StoreUnusable
from cellcommons.release import open_release
from cellcommons.store import FolderStore, ObjectStore

LONG_AGO = timezone.now() - timedelta(days=1)


@pytest.fixture
def away(s3_server: S3Server, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """``away()``: from now on the hub's bucket is not there."""
    for name, word in s3_server.env.items():
        monkeypatch.setenv(name, word)

    def leave() -> None:
        settings.OBJECTS_URL = s3_server.address("hub", bucket="absent")

    return leave


def test_a_release_waits_for_the_store(
    dataset: Dataset, campaign: Campaign, curator: Person, away: Callable[[], None], settings: Any
) -> None:
    here = settings.OBJECTS_URL
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    away()
    with pytest.raises(StoreUnusable):
        services.publish_release(release_id=draft.pk)
    kept = Release.objects.get(pk=draft.pk)
    assert (kept.state, kept.error) == (ReleaseState.PUBLISHING, "")
    settings.OBJECTS_URL = here
    Release.objects.filter(pk=draft.pk).update(heartbeat=LONG_AGO)
    assert services.publish_release(release_id=draft.pk).state == ReleaseState.PUBLISHED


def test_an_import_waits_for_the_store(
    dataset: Dataset, curator: Person, away: Callable[[], None], settings: Any, tmp_path: Path
) -> None:
    here = settings.OBJECTS_URL
    picture = io.BytesIO()
    Picture.fromarray(np.full((40, 50), 90, np.uint8)).save(picture, "PNG")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("one.png", picture.getvalue())
    archive = tmp_path / "archive.zip"
    digest = object_store().put_file(archive)
    record = receive_import(dataset=dataset, layout="plain", archive=archive, digest=digest, person=curator)
    away()
    with pytest.raises(StoreUnusable):
        run_import(record_id=str(record.pk))
    assert Import.objects.get(pk=record.pk).state == "running"
    settings.OBJECTS_URL = here
    Import.objects.filter(pk=record.pk).update(heartbeat=LONG_AGO)
    run_import(record_id=str(record.pk))
    done = Import.objects.get(pk=record.pk)
    assert (done.state, done.imported, done.error) == ("finished", 1, "")


def test_a_release_that_finds_no_room_is_asked_for_again(
    dataset: Dataset,
    campaign: Campaign,
    curator: Person,
    store: ObjectStore,
    settings: Any,
    small_disk: Path,
    fill: Callable[[int], Path],
) -> None:
    assert isinstance(store, FolderStore)
    shutil.copytree(store.root, small_disk / "objects")
    settings.OBJECTS_URL = (small_disk / "objects").as_uri()
    before = set(object_store().digests())
    ballast = fill(12 << 10)
    failed = services.publish_release(
        release_id=services.draft_release(dataset=dataset, campaign=campaign, person=curator).pk
    )
    assert failed.state == ReleaseState.FAILED
    assert "the disk is full" in failed.error
    assert (failed.manifest_sha256, failed.published_at) == ("", None)
    for digest in object_store().digests():
        assert object_store().get(digest) is not None
    assert set(object_store().digests()) >= before
    ballast.unlink()
    again = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    done = services.publish_release(release_id=again.pk)
    assert (done.state, done.version) == (ReleaseState.PUBLISHED, "1.0.0")
    open_release(object_store(), done.manifest_sha256).verify()
