"""Draft, publish, be killed, withdraw, age and collect in any order: what is named never goes, what is not does."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from backend.annotation.models import Campaign, Item
from backend.consensus.models import Consensus
from backend.core.errors import WrongState
from backend.core.garbage import collect_garbage
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import Release, ReleaseState
from cellcommons.errors import Withdrawn
from cellcommons.release import open_release
from cellcommons.store import FolderStore, ObjectStore, object_path
from cellcommons.tree import load_tree

GRACE = 30 * 86_400.0


@pytest.mark.django_db
def test_any_order(
    dataset: Dataset, campaign: Campaign, curator: Person, store: ObjectStore, read: Callable[[Item], None]
) -> None:
    assert isinstance(store, FolderStore)
    folder = store

    class Hub(RuleBasedStateMachine):
        """One hub; each example is rolled back in the database, and its objects are garbage for the next."""

        def __init__(self) -> None:
            super().__init__()
            self.whole = transaction.atomic()
            self.whole.__enter__()
            self.sealed: dict[object, str] = {}
            self.litter: dict[str, bool] = {}

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.whole.__exit__(None, None, None)

        def unpublished(self) -> Release | None:
            return Release.objects.exclude(state=ReleaseState.PUBLISHED).first()

        def standing(self) -> list[Release]:
            return list(Release.objects.filter(state=ReleaseState.PUBLISHED, withdrawal=None).order_by("created"))

        @rule(seed=st.integers(0, 3))
        def draft(self, seed: int) -> None:
            if self.unpublished() is None:
                services.draft_release(dataset=dataset, campaign=campaign, person=curator, seed=seed)
                return
            with pytest.raises(WrongState):
                services.draft_release(dataset=dataset, campaign=campaign, person=curator)

        @precondition(lambda self: self.unpublished() is not None)
        @rule(dies=st.booleans())
        def publish(self, dies: bool) -> None:
            waiting = self.unpublished()
            assert waiting is not None
            if dies:  # everything is sealed, and the process ends before the last transaction
                services.seal_draft(waiting)
                return
            done = services.publish_release(release_id=waiting.pk)
            assert (done.state, done.error) == (ReleaseState.PUBLISHED, "")
            self.sealed[done.pk] = done.manifest_sha256
            again = services.publish_release(release_id=waiting.pk)
            assert again.manifest_sha256 == done.manifest_sha256

        @precondition(lambda self: campaign.items.filter(consensuses=None).exists())
        @rule()
        def settle_another_image(self) -> None:
            read(campaign.items.filter(consensuses=None).order_by("rank").first())

        @precondition(lambda self: self.standing())
        @rule(which=st.integers(0, 9), reason=st.sampled_from(["wrong licence", "a name in a picture"]))
        def withdraw(self, which: int, reason: str) -> None:
            release = self.standing()[which % len(self.standing())]
            services.withdraw_release(release_id=release.pk, person=curator, reason=reason)
            with pytest.raises(Withdrawn, match=reason):
                services.withdraw_release(release_id=release.pk, person=curator, reason="another")

        @rule(number=st.integers(0, 4))
        def put_without_a_name(self, number: int) -> None:
            self.litter[folder.put(b"litter %d" % number)] = False

        @rule()
        def time_passes(self) -> None:
            for digest in folder.digests():
                os.utime(folder.root / object_path(digest), (0, 0))
            self.litter = dict.fromkeys(self.litter, True)

        @rule(dry_run=st.booleans())
        def collect(self, dry_run: bool) -> None:
            before = set(folder.digests())
            done = collect_garbage(folder, grace_seconds=GRACE, dry_run=dry_run)
            gone = before - set(folder.digests())
            assert len(gone) == done.deleted
            old = {digest for digest, is_old in self.litter.items() if is_old}
            assert gone & set(self.litter) == (set() if dry_run else old)
            assert old <= {found.digest for found in done.unnamed}
            if not dry_run:
                self.litter = {digest: is_old for digest, is_old in self.litter.items() if not is_old}

        @invariant()
        def whatever_is_named_is_there_and_as_it_was(self) -> None:
            for release in Release.objects.filter(state=ReleaseState.PUBLISHED):
                assert release.manifest_sha256 == self.sealed[release.pk]
                opened = open_release(folder, release.manifest_sha256)
                assert all(folder.exists(digest) for digest, _ in opened.objects())
            for image in Image.objects.all():
                for entry in load_tree(folder, image.tree_sha256).entries:
                    assert folder.exists(entry.sha256)
                assert folder.exists(image.original_sha256)
                assert folder.exists(image.preview_sha256)
            for consensus in Consensus.objects.all():
                assert folder.exists(consensus.cells_sha256)
                assert all(folder.exists(e.sha256) for e in load_tree(folder, consensus.labels_sha256).entries)

    profile: Any = settings(
        max_examples=12, stateful_step_count=14, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Hub, settings=profile)
