"""Work that writes no rows for long is not taken for lost: a second worker would begin it, and then a third."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from backend.annotation.models import Campaign
from backend.imaging.models import Dataset, Import
from backend.imaging.services.heartbeat import beating
from backend.people.models import Person
from backend.releases import placing, services
from backend.releases.models import Release, ReleaseState

pytestmark = pytest.mark.django_db(transaction=True)


def moves(rows: Any, *, patience: float = 60.0) -> None:
    """Wait until the heartbeat of the one row is another. Raises AssertionError where it is not."""
    first, deadline = rows.get().heartbeat, time.monotonic() + patience
    while rows.get().heartbeat == first:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_long_comparison_of_images_is_alive(
    dataset: Dataset, campaign: Campaign, curator: Person, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOST_AFTER = timedelta(seconds=1)
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    compare, rows, looked = placing.near_duplicate_pairs, Release.objects.filter(pk=draft.pk), []

    def for_long(*given: Any, **more: Any) -> Any:
        for _ in range(8):
            moves(rows)
        looked.append(services.sweep_releases())
        return compare(*given, **more)

    monkeypatch.setattr(placing, "near_duplicate_pairs", for_long)
    assert services.publish_release(release_id=draft.pk).state == ReleaseState.PUBLISHED
    assert looked == [0]


def test_the_sign_of_life_outlives_the_database_it_is_written_to(dataset: Dataset, settings: Any) -> None:
    settings.LOST_AFTER = timedelta(seconds=1)
    record = Import.objects.create(dataset=dataset, layout="plain", state="running")
    rows = Import.objects.filter(pk=record.pk)
    with beating(rows):
        moves(rows)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.fetchone()[0] >= 1
        moves(rows)
        moves(rows)
