"""A publication that dies at a hundred seeded points of its way through the store: nothing is ever half published."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from backend.annotation.models import Campaign
from backend.consensus.models import Consensus, ConsensusState
from backend.imaging.models import Dataset
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import Release, ReleaseImage, ReleaseObject, ReleaseState, SplitLock
from cellcommons.release import open_release
from cellcommons.store import FolderStore, ObjectStore

POINTS, SEED = 100, 5
USES = ("put", "put_file", "get", "open", "exists", "size")


class Killed(BaseException):
    """The process dies here: no handler of the service sees it."""


class Fate:
    """Counts the uses of the store, and dies at one of them: before it is done, or after."""

    def __init__(self) -> None:
        self.used, self.dies_at, self.afterwards = 0, -1, False

    def arm(self, dies_at: int, afterwards: bool) -> None:
        self.used, self.dies_at, self.afterwards = 0, dies_at, afterwards

    def wrap(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def use(*arguments: Any, **named: Any) -> Any:
            self.used += 1
            dies = self.used == self.dies_at
            if dies and not self.afterwards:
                raise Killed
            answer = real(*arguments, **named)
            if dies:
                if hasattr(answer, "close"):
                    answer.close()
                raise Killed
            return answer

        return use


@pytest.mark.django_db
def test_nothing_is_half_published(
    dataset: Dataset, campaign: Campaign, curator: Person, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = services.draft_release(dataset=dataset, campaign=campaign, person=curator, seed=1)
    services.publish_release(release_id=first.pk)
    locks = list(SplitLock.objects.order_by("id").values_list("source_id", "split"))
    for settled in list(Consensus.objects.all()):
        again = Consensus.objects.create(
            item=settled.item,
            revision=settled.revision + 1,
            state=ConsensusState.SETTLED,
            agreement=1.0,
            labels_sha256=settled.labels_sha256,
            cells_sha256=settled.cells_sha256,
            cells=settled.cells,
            method="expert",
        )
        again.readings.set(settled.readings.all())
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator, title="Second")
    fate = Fate()
    for name in USES:
        monkeypatch.setattr(FolderStore, name, fate.wrap(getattr(FolderStore, name)))
    manifest = services.seal_draft(draft).digest
    uses = fate.used
    assert uses > POINTS // 2, "each of them before it is done and after"

    rng = random.Random(SEED)
    deaths = [(point, afterwards) for point in range(1, uses + 1) for afterwards in (False, True)]
    for point, afterwards in sorted(rng.sample(deaths, POINTS)):
        fate.arm(point, afterwards=afterwards)
        with pytest.raises(Killed):
            services.publish_release(release_id=draft.pk)
        row = Release.objects.get(pk=draft.pk)
        assert (row.state, row.manifest_sha256, row.version, row.published_at) == ("publishing", "", "", None), point
        assert not ReleaseImage.objects.filter(release=row).exists()
        assert not ReleaseObject.objects.filter(release=row).exists()
        assert list(SplitLock.objects.order_by("id").values_list("source_id", "split")) == locks
    fate.arm(-1, afterwards=False)

    done = services.publish_release(release_id=draft.pk)
    assert (done.state, done.manifest_sha256) == (ReleaseState.PUBLISHED, manifest), "as if it had never died"
    assert done.reference == "commons/cells@1.0.1"
    for release in Release.objects.all():
        open_release(store, release.manifest_sha256).verify()
    for digest in store.digests():
        assert store.get(digest) is not None, "and no object is a part of one"
