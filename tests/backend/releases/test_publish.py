"""A release is sealed once, and stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from messages import Messages
from PIL import Image as Picture
from readings import open_campaign

from backend.annotation.models import Campaign, Item
from backend.consensus.models import Consensus, ConsensusState
from backend.core.errors import WrongState
from backend.core.storage import object_store
from backend.imaging.models import Dataset, Image
from backend.imaging.services.images import receive_image
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import Release, ReleaseImage, ReleaseObject, ReleaseState, SplitLock
from backend.releases.tasks import publish
from cellcommons.errors import InvalidDocument
from cellcommons.release import open_release
from cellcommons.sealing import seal_release
from cellcommons.split_checks import check_splits
from cellcommons.store import ObjectStore


@pytest.fixture
def draft(dataset: Dataset, campaign: Campaign, curator: Person) -> Release:
    return services.draft_release(dataset=dataset, campaign=campaign, person=curator, title="First", seed=3)


class Killed(BaseException):
    """The process dies here: no handler of the service sees it."""


def test_what_is_settled_becomes_a_release_that_opens_and_verifies(
    draft: Release, campaign: Campaign, store: ObjectStore
) -> None:
    publish(str(draft.pk))
    draft.refresh_from_db()
    assert (draft.state, draft.error, draft.reference) == (ReleaseState.PUBLISHED, "", "commons/cells@1.0.0")
    release = open_release(store, draft.manifest_sha256)
    counted = release.verify()
    items = list(release.items())
    assert len(items) == 4 == draft.counts["images"]
    assert draft.counts["cells"] == 12
    assert draft.counts["readings"] == 8
    assert set(draft.counts["splits"]) == {"train", "validation", "test"}
    assert all(draft.counts["splits"].values())
    rows = {str(row.image_id): row for row in ReleaseImage.objects.select_related("consensus")}
    for item in items:
        row = rows[item.image]
        assert (item.split, item.labels) == (row.split, row.consensus.labels_sha256)
        assert len(item.cells) == row.cells == 3
        assert item.provenance.consensus == str(row.consensus_id)
        assert len(item.provenance.annotations) == 2
        assert len(item.provenance.people) == 2
        assert not {"ada", "bo"} & set(item.provenance.people)
    needed = dict(ReleaseObject.objects.values_list("sha256", "size"))
    assert needed == dict(release.objects())
    assert draft.bytes == draft.delta_bytes == sum(needed.values())
    assert counted.count == len(needed) - 1  # the manifest does not count itself
    assert release.manifest.created == draft.drafted_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_asked_twice_is_a_no_op(draft: Release) -> None:
    first = services.publish_release(release_id=draft.pk)
    second = services.publish_release(release_id=draft.pk)
    assert (first.manifest_sha256, first.published_at) == (second.manifest_sha256, second.published_at)
    assert ReleaseImage.objects.count() == 4


def test_killed_at_any_step_and_run_again_gives_the_same_manifest(
    campaign: Campaign, draft: Release, read: Callable[[Item], None]
) -> None:
    """What was settled after the draft does not get in, however often the publication starts."""

    def die(*args: Any, **kwargs: Any) -> Any:
        raise Killed

    expected = services.seal_draft(draft).digest
    for step in ("place_changes", "release_item", "seal_release", "open_release", "record_objects"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(services, step, die)
            with pytest.raises(Killed):
                services.publish_release(release_id=draft.pk)
        draft.refresh_from_db()
        assert draft.state == ReleaseState.PUBLISHING, step
        assert not ReleaseImage.objects.exists(), step
        assert not SplitLock.objects.exists(), step
    read(campaign.items.order_by("rank").last())
    published = services.publish_release(release_id=draft.pk)
    assert (published.state, published.manifest_sha256) == (ReleaseState.PUBLISHED, expected)
    assert ReleaseImage.objects.count() == 4


def test_a_failure_is_kept_in_one_line_and_it_can_be_asked_for_again(
    draft: Release, dataset: Dataset, campaign: Campaign, curator: Person, store: ObjectStore
) -> None:
    consensus = Consensus.objects.first()
    assert consensus is not None
    evidence = store.get(consensus.cells_sha256)
    store.delete(consensus.cells_sha256)
    failed = services.publish_release(release_id=draft.pk)
    assert failed.state == ReleaseState.FAILED
    assert "no such object" in failed.error
    assert "\n" not in failed.error
    assert services.publish_release(release_id=draft.pk).state == ReleaseState.FAILED
    store.put(evidence)
    again = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    assert (again.pk, again.version, again.error) == (draft.pk, "", "")
    assert services.publish_release(release_id=again.pk).state == ReleaseState.PUBLISHED


def test_the_next_release_keeps_the_splits_and_ships_only_what_is_new(
    draft: Release, dataset: Dataset, campaign: Campaign, curator: Person, read: Callable[[Item], None]
) -> None:
    first = services.publish_release(release_id=draft.pk)
    before = dict(first.images.values_list("image_id", "split"))
    read(campaign.items.order_by("rank").last())
    # Fractions that would move everything, were the sources not locked.
    second = services.draft_release(
        dataset=dataset,
        campaign=campaign,
        person=curator,
        seed=99,
        fractions={"train": 0.1, "validation": 0.1, "test": 0.8},
    )
    second = services.publish_release(release_id=second.pk)
    assert (second.reference, second.parent) == ("commons/cells@1.1.0", first)
    after = dict(second.images.values_list("image_id", "split"))
    assert len(after) == 5
    assert {image: after[image] for image in before} == before
    assert 0 < second.delta_bytes < second.bytes
    held = set(ReleaseObject.objects.filter(release=first).values_list("sha256", flat=True))
    new = ReleaseObject.objects.filter(release=second).exclude(sha256__in=held)
    assert second.delta_bytes == sum(new.values_list("size", flat=True))
    assert_rows_are_those_of_the_manifest(second, object_store())


def assert_rows_are_those_of_the_manifest(release: Release, store: ObjectStore) -> None:
    """Rows taken over from the parent by difference are those of a full count."""
    sealed = open_release(store, release.manifest_sha256)
    rows = ReleaseObject.objects.filter(release=release)
    assert dict(rows.values_list("sha256", "size")) == dict(sealed.objects())
    assert sum(rows.values_list("uses", flat=True)) == sealed.manifest.objects.count + 1
    assert release.bytes == sum(rows.values_list("size", flat=True))
    held = {
        str(image): (split, cells, str(consensus))
        for image, split, cells, consensus in release.images.values_list("image_id", "split", "cells", "consensus_id")
    }
    assert held == {i.image: (i.split, len(i.cells), i.provenance.consensus) for i in sealed.items()}
    assert release.counts["images"] == len(held)
    assert check_splits(sealed, quick=True).failures == (), "what was placed by difference follows from everything"
    sealed.check_counts()
    whole = seal_release(
        store,
        items=list(sealed.items()),
        parent=sealed.manifest.parent,
        created=sealed.manifest.created,
        card_text=sealed.card(),
        split_certificate=json.loads(store.get(sealed.manifest.certificate.sha256)),
        **{name: getattr(sealed.manifest, name) for name in ("dataset", "title", "licence", "task")},
    )
    assert whole == (sealed.manifest, sealed.digest), "sealed from changes it is what sealing all of it gives"


def test_releases_that_follow_one_another_hold_what_a_full_count_gives(
    draft: Release,
    dataset: Dataset,
    campaign: Campaign,
    curator: Person,
    read: Callable[[Item], None],
    store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Images come, are read again, and go; what stays as it was is not read anew."""
    services.publish_release(release_id=draft.pk)
    asked: list[str] = []
    real = services.release_item
    monkeypatch.setattr(
        services, "release_item", lambda s, c, *more: asked.append(str(c.item.image_id)) or real(s, c, *more)
    )

    def publish_next() -> Release:
        asked.clear()
        following = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
        done = services.publish_release(release_id=following.pk)
        assert (done.state, done.error) == (ReleaseState.PUBLISHED, "")
        assert_rows_are_those_of_the_manifest(done, store)
        return done

    last = campaign.items.order_by("rank").last()
    read(last)
    assert publish_next().reference == "commons/cells@1.1.0"
    assert asked == [str(last.image_id)]
    assert publish_next().reference == "commons/cells@1.1.1"
    assert asked == []
    item = campaign.items.order_by("rank").first()
    settled = Consensus.objects.filter(item=item).order_by("revision").last()
    again = Consensus.objects.create(
        item=item,
        revision=settled.revision + 1,
        state=ConsensusState.SETTLED,
        labels_sha256=settled.labels_sha256,
        cells_sha256=settled.cells_sha256,
        cells=settled.cells,
        agreement=settled.agreement,
        method="expert",
    )
    again.readings.set(settled.readings.all())
    publish_next()
    assert asked == [str(item.image_id)]
    Consensus.objects.create(
        item=item,
        revision=again.revision + 1,
        state=ConsensusState.DISPUTED,
        labels_sha256=settled.labels_sha256,
        cells_sha256=settled.cells_sha256,
        cells=settled.cells,
        agreement=settled.agreement,
        method="expert",
    )
    gone = publish_next()
    assert (gone.reference, asked, gone.counts["images"]) == ("commons/cells@2.0.0", [], 4)
    assert not gone.images.filter(image=item.image).exists()


def test_near_duplicates_of_two_sources_lie_in_one_split_and_a_test_source_pulls_the_other_in(
    dataset: Dataset, curator: Person, tmp_path: Any, read: Callable[[Item], None]
) -> None:
    def picture(name: str, pixels: np.ndarray, source: str) -> Image:
        path = tmp_path / f"{name}.png"
        Picture.fromarray(pixels).save(path)
        return receive_image(dataset=dataset, path=path, filename=path.name, name=name, source=source)

    rng = np.random.default_rng(0)
    fields = [np.kron(rng.integers(0, 200, (10, 12)), np.ones((8, 8))).astype(np.uint8) for _ in range(5)]
    images = [picture(f"field {n}", pixels, f"slide {n}") for n, pixels in enumerate(fields)]
    campaign = open_campaign(dataset, images, slug="first", readings_needed=2)
    for item in campaign.items.all():
        read(item)
    first = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    services.publish_release(release_id=first.pk)
    locks = dict(SplitLock.objects.values_list("source__name", "split"))
    tested = next(n for n in range(5) if locks[f"slide {n}"] == "test")
    copy = picture("a copy, brighter", (fields[tested] + 20).astype(np.uint8), "slide 9")
    item = Item.objects.create(campaign=campaign, image=copy, readings_needed=2)
    read(item)
    second = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    second = services.publish_release(release_id=second.pk)
    assert second.images.get(image=copy).split == "test"
    assert SplitLock.objects.get(source=copy.source).split == "test"


def test_nothing_settled_is_no_release(dataset: Dataset, make_image: Callable[..., Image], curator: Person) -> None:
    empty = open_campaign(dataset, [make_image()], slug="empty")
    with pytest.raises(InvalidDocument, match="no image of the campaign is settled"):
        services.draft_release(dataset=dataset, campaign=empty, person=curator)
    assert not Release.objects.exists()


def test_one_release_at_a_time(draft: Release, dataset: Dataset, campaign: Campaign, curator: Person) -> None:
    with pytest.raises(WrongState, match="still being published"):
        services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    with pytest.raises(IntegrityError, match="one_unpublished_release_per_dataset"), transaction.atomic():
        Release.objects.create(dataset=dataset, campaign=campaign, title="2", licence="CC0-1.0")


def test_a_draft_is_sent_to_the_queue_and_the_sweep_sends_it_again(
    dataset: Dataset, campaign: Campaign, curator: Person, sent: Messages, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        release = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
        assert services.sweep_releases() == 0
    message = ("releases.publish", [str(release.pk)])
    assert sent() == [message]
    Release.objects.update(state=ReleaseState.PUBLISHING, heartbeat=timezone.now() - timedelta(hours=1))
    with django_capture_on_commit_callbacks(execute=True):
        assert services.sweep_releases() == 1
    assert sent() == [message]
    services.publish_release(release_id=release.pk)
    assert services.sweep_releases() == 0


REFUSED = (
    "UPDATE releases_release SET title = 'x'",
    "UPDATE releases_release SET state = 'draft'",
    "DELETE FROM releases_release",
    "UPDATE releases_heldimage SET split = 'train'",
    "UPDATE releases_heldimage SET until = 2",
    "UPDATE releases_heldimage SET since = 2",
    "DELETE FROM releases_heldimage",
    "INSERT INTO releases_heldobject (dataset_id, sha256, size, uses, since) "
    "SELECT dataset_id, repeat('0', 64), 1, 1, 1 FROM releases_release",
    "INSERT INTO releases_heldobject (dataset_id, sha256, size, uses, since) "
    "SELECT dataset_id, repeat('0', 64), 1, 1, 2 FROM releases_release",
    "UPDATE releases_heldobject SET uses = 7",
    "DELETE FROM releases_heldobject",
    "UPDATE releases_splitlock SET split = 'validation'",
    "UPDATE releases_splitlock SET split = 'train' WHERE split = 'test'",
    "DELETE FROM releases_splitlock",
)


def test_postgres_refuses_to_change_what_is_published(draft: Release) -> None:
    services.publish_release(release_id=draft.pk)
    for statement in REFUSED:
        with pytest.raises(DatabaseError, match=r"admit|stays"), transaction.atomic():
            connection.cursor().execute(statement)


def test_postgres_lets_a_source_move_into_test(draft: Release) -> None:
    services.publish_release(release_id=draft.pk)
    lock = SplitLock.objects.filter(split="train").first()
    assert lock is not None
    lock.split = "test"
    lock.save(update_fields=["split"])
    assert SplitLock.objects.get(pk=lock.pk).split == "test"
