"""Messages delivered twice at the same moment, on real connections and real transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from agreed import PLACES, SHAPE
from django.db import connection
from readings import add_reading, disks

from backend.annotation.models import Campaign
from backend.consensus import services as consensus
from backend.consensus.models import Adjudication, Consensus, Disagreement
from backend.core.errors import WrongState
from backend.imaging.models import Dataset
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import Release, ReleaseImage, ReleaseState

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all calls together; results or exceptions, in order."""
    results: list[Any] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def work(index: int) -> None:
        try:
            start.wait()
            results[index] = calls[index]()
        except Exception as error:  # handed to the test
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_everything_asked_at_once_happens_once(
    dataset: Dataset, campaign: Campaign, curator: Person, expert: Person, readers: list[Person]
) -> None:
    item = campaign.items.get(readings_done=0)
    for slot, person in enumerate(readers, start=1):
        add_reading(item, person, disks(SHAPE, PLACES[: slot + 1]), slot=slot)
    fused = at_once([lambda: consensus.fuse_item(item_id=item.pk)] * 4)
    assert len({found.pk for found in fused}) == 1
    assert Consensus.objects.filter(item=item).count() == 1

    question = Disagreement.objects.get(item=item)
    settle = [
        lambda: consensus.settle_disagreement(disagreement_id=question.pk, person=expert, nothing=True),
        lambda: consensus.settle_disagreement(disagreement_id=question.pk, person=expert, option=0),
    ]
    decided = at_once(settle)
    assert sorted(type(result).__name__ for result in decided) == ["Adjudication", "WrongState"]
    assert Adjudication.objects.count() == 1
    at_once([lambda: consensus.settle_consensus(consensus_id=fused[0].pk)] * 3)
    assert list(Consensus.objects.filter(item=item).order_by("revision").values_list("revision", "state")) == [
        (1, "disputed"),
        (2, "settled"),
    ]

    drafted = at_once(
        [lambda: services.draft_release(dataset=dataset, campaign=campaign, person=curator) for _ in range(3)]
    )
    assert sum(isinstance(result, WrongState) for result in drafted) == 2
    release = Release.objects.get()
    published = at_once([lambda: services.publish_release(release_id=release.pk)] * 3)
    assert {result.state for result in published} <= {ReleaseState.PUBLISHED}
    assert len({result.manifest_sha256 for result in published}) == 1
    assert ReleaseImage.objects.count() == 5
