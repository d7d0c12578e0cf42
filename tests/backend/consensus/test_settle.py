"""Experts settle what readers could not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction
from messages import Messages
from readings import add_reading, disks, open_campaign

from backend.annotation.models import Annotation, Item
from backend.consensus import services
from backend.consensus.evidence import Evidence
from backend.consensus.models import Adjudication, Consensus, ConsensusState, Disagreement, DisagreementState
from backend.consensus.selectors import latest_consensus
from backend.core.errors import WrongState
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from cellcommons.edits import deflate
from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_labels
from cellcommons.store import ObjectStore

SHAPE = (96, 160)
AGREED = [(20, 20), (60, 30)]
DOUBTFUL = [(20, 80), (70, 130)]


@pytest.fixture
def disputed(dataset: Dataset, make_image: Callable[..., Image], readers: list[Person]) -> Item:
    """Two readers: one saw four cells, the other the first two."""
    item = open_campaign(dataset, [make_image(shape=SHAPE)], readings_needed=2).items.get()
    add_reading(item, readers[0], disks(SHAPE, AGREED + DOUBTFUL), slot=1)
    add_reading(item, readers[1], disks(SHAPE, AGREED), slot=2)
    services.fuse_item(item_id=item.pk)
    return item


def the_option(disagreement: Disagreement, cells: int) -> int:
    return next(option["index"] for option in disagreement.options if option["cells"] == cells)


def test_the_last_decision_settles_the_image_and_each_cell_names_its_decision(
    disputed: Item, expert: Person, store: ObjectStore, sent: Messages, django_capture_on_commit_callbacks: Any
) -> None:
    one, two = Disagreement.objects.order_by("index")
    with django_capture_on_commit_callbacks(execute=True):
        kept = services.settle_disagreement(disagreement_id=one.pk, person=expert, option=the_option(one, 1))
    assert sent() == []
    base = latest_consensus(disputed.pk)
    assert base is not None
    assert services.settle_consensus(consensus_id=base.pk) is None  # one region is still open
    with django_capture_on_commit_callbacks(execute=True):
        services.settle_disagreement(disagreement_id=two.pk, person=expert, nothing=True)
    assert sent() == [("consensus.settle_consensus", [str(base.pk)])]

    settled = services.settle_consensus(consensus_id=base.pk)
    assert settled is not None
    assert (settled.revision, settled.state, settled.method) == (2, ConsensusState.SETTLED, "fusion+adjudication")
    assert set(settled.readings.all()) == set(base.readings.all())
    labels = read_labels(store, settled.labels_sha256)
    assert settled.cells == int(np.count_nonzero(np.unique(labels))) == 3
    assert labels[20, 80] > 0
    assert labels[70, 130] == 0
    cells = {cell.id: cell for cell in Evidence.load(store, settled.cells_sha256).cells}
    assert cells[int(labels[20, 80])].adjudication == str(kept.pk)
    assert len(cells[int(labels[20, 20])].support) == 2

    # Delivered twice, fused again, swept: nothing changes.
    assert services.settle_consensus(consensus_id=base.pk) is None
    assert services.fuse_item(item_id=disputed.pk) == settled
    assert services.sweep_consensus() == 0
    assert Consensus.objects.count() == 2


def test_an_expert_may_draw_anew(disputed: Item, expert: Person, store: ObjectStore) -> None:
    one, two = Disagreement.objects.order_by("index")
    y0, x0, y1, x1 = one.box
    drawn = np.zeros((y1 - y0, x1 - x0), dtype=np.uint32)
    drawn[1:6, 1:6], drawn[8:12, 1:4] = 7, 9
    services.settle_disagreement(disagreement_id=one.pk, person=expert, labels=deflate(drawn))
    services.settle_disagreement(disagreement_id=two.pk, person=expert, nothing=True)
    settled = services.settle_consensus(consensus_id=one.consensus_id)
    assert settled is not None
    crop = read_labels(store, settled.labels_sha256)[y0:y1, x0:x1]
    assert np.array_equal(crop > 0, drawn > 0)
    assert settled.cells == 4


def test_a_disagreement_is_decided_once(disputed: Item, expert: Person) -> None:
    one = Disagreement.objects.order_by("index")[0]
    services.settle_disagreement(disagreement_id=one.pk, person=expert, nothing=True)
    with pytest.raises(WrongState):
        services.settle_disagreement(disagreement_id=one.pk, person=expert, option=0)
    assert Adjudication.objects.count() == 1


def test_what_a_later_reading_superseded_takes_no_decision(
    disputed: Item, expert: Person, readers: list[Person]
) -> None:
    one, two = Disagreement.objects.order_by("index")
    services.settle_disagreement(disagreement_id=one.pk, person=expert, nothing=True)
    Item.objects.filter(pk=disputed.pk).update(readings_needed=3)
    add_reading(disputed, readers[2], disks(SHAPE, AGREED), slot=3)
    services.fuse_item(item_id=disputed.pk)
    with pytest.raises(WrongState):
        services.settle_disagreement(disagreement_id=two.pk, person=expert, nothing=True)
    two.refresh_from_db()
    assert two.state == DisagreementState.SUPERSEDED
    assert services.settle_consensus(consensus_id=one.consensus_id) is None
    latest = latest_consensus(disputed.pk)
    assert latest is not None
    assert (latest.state, latest.method) == (ConsensusState.SETTLED, "fusion")


@pytest.mark.parametrize(
    "decision",
    [
        {},
        {"option": 0, "nothing": True},
        {"option": 99},
        {"labels": "not base64!"},
        {"labels": deflate(np.zeros((3, 3), dtype=np.uint32))},
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(disputed: Item, expert: Person, decision: dict[str, Any]) -> None:
    one = Disagreement.objects.order_by("index")[0]
    with pytest.raises(InvalidDocument):
        services.settle_disagreement(disagreement_id=one.pk, person=expert, **decision)
    assert not Adjudication.objects.exists()


def test_an_expert_who_read_the_image_may_settle_it_and_that_is_kept(
    dataset: Dataset, make_image: Callable[..., Image], readers: list[Person], expert: Person
) -> None:
    item = open_campaign(dataset, [make_image(shape=SHAPE)], readings_needed=2).items.get()
    add_reading(item, readers[0], disks(SHAPE, AGREED), slot=1)
    add_reading(item, expert, disks(SHAPE, AGREED + DOUBTFUL[:1]), slot=2)
    services.fuse_item(item_id=item.pk)
    decided = services.settle_disagreement(disagreement_id=Disagreement.objects.get().pk, person=expert, nothing=True)
    assert decided.had_read


def test_the_sweep_settles_what_a_dead_process_left(
    disputed: Item, expert: Person, sent: Messages, django_capture_on_commit_callbacks: Any
) -> None:
    for disagreement in Disagreement.objects.all():
        services.settle_disagreement(disagreement_id=disagreement.pk, person=expert, nothing=True)
    with django_capture_on_commit_callbacks(execute=True):
        assert services.sweep_consensus() == 1
    assert sent() == [("consensus.settle_consensus", [str(Consensus.objects.get().pk)])]


def test_postgres_refuses_to_change_a_decision(disputed: Item, expert: Person) -> None:
    one = Disagreement.objects.order_by("index")[0]
    services.settle_disagreement(disagreement_id=one.pk, person=expert, nothing=True)
    for statement in (
        "UPDATE consensus_adjudication SET had_read = true",
        "DELETE FROM consensus_adjudication",
        "UPDATE consensus_disagreement SET state = 'open' WHERE state = 'settled'",
    ):
        with pytest.raises(DatabaseError, match=r"append-only|and once"), transaction.atomic():
            connection.cursor().execute(statement)


class TestApi:
    def test_the_queue_shows_every_option_and_takes_a_decision_once(
        self, disputed: Item, expert: Person, client_of: Callable[..., Any], django_assert_max_num_queries: Any
    ) -> None:
        client = client_of(expert)
        with django_assert_max_num_queries(8):
            page = client.get("/api/v1/disagreements/?campaign=commons/round-one&state=open&page_size=1").json()
        assert page["count"] == 2
        assert page["next"]
        path = f"/api/v1/disagreements/{page['results'][0]['id']}/"
        shown = client.get(path).json()
        assert shown["image"]["id"] == str(disputed.image_id)
        assert {option["cells"] for option in shown["options"]} == {0, 1}
        readers = {reading for option in shown["options"] for reading in option["readings"]}
        assert readers == {str(pk) for pk in Annotation.objects.values_list("pk", flat=True)}
        assert client.get(f"{shown['consensus_zarr_url']}/zarr.json").status_code == 200
        assert client.get(f"{shown['consensus_zarr_url']}/../secret").status_code == 404
        assert client.post(f"{path}settle/", {"option": 0}).status_code == 200
        again = client.post(f"{path}settle/", {"option": 0})
        assert (again.status_code, again.json()["type"]) == (409, "urn:cellcommons:wrong-state")
        assert client.post(f"{path}settle/", {"option": -1}).status_code == 400
        assert client.get(path).json()["state"] == "settled"

    def test_the_campaign_counts_what_is_settled_and_disputed(
        self, disputed: Item, expert: Person, client_of: Callable[..., Any]
    ) -> None:
        progress = client_of(expert).get("/api/v1/campaigns/commons/round-one/").json()["progress"]
        assert (progress["settled"], progress["disputed"]) == (0, 1)
        for disagreement in Disagreement.objects.all():
            services.settle_disagreement(disagreement_id=disagreement.pk, person=expert, nothing=True)
        services.settle_consensus(consensus_id=Consensus.objects.get().pk)
        progress = client_of(expert).get("/api/v1/campaigns/commons/round-one/").json()["progress"]
        assert (progress["settled"], progress["disputed"]) == (1, 0)

    def test_the_list_shows_the_latest_revision_only(
        self, disputed: Item, expert: Person, client_of: Callable[..., Any]
    ) -> None:
        for disagreement in Disagreement.objects.all():
            services.settle_disagreement(disagreement_id=disagreement.pk, person=expert, nothing=True)
        services.settle_consensus(consensus_id=Consensus.objects.get().pk)
        client = client_of(expert)
        rows = client.get("/api/v1/consensus/?campaign=commons/round-one").json()["results"]
        assert [(row["revision"], row["state"], row["cells"], row["readings"]) for row in rows] == [
            (2, "settled", 2, 2)
        ]
        assert rows[0]["image"] == str(disputed.image_id)
        assert client.get("/api/v1/consensus/?state=disputed").json()["count"] == 0
        assert client.get("/api/v1/consensus/?state=nonsense").status_code == 400

    @pytest.mark.parametrize(
        ("who", "status"), [("stranger", 401), ("annotator", 403), ("expert", 200), ("curator", 200)]
    )
    def test_only_experts_look_in(
        self, disputed: Item, who: str, status: int, client_of: Callable[..., Any], request: pytest.FixtureRequest
    ) -> None:
        client = client_of(None if who == "stranger" else request.getfixturevalue(who))
        disagreement, consensus = Disagreement.objects.first(), Consensus.objects.get()
        assert disagreement is not None
        for path in (
            "consensus/",
            f"consensus/{consensus.pk}/zarr/zarr.json",
            "disagreements/",
            f"disagreements/{disagreement.pk}/",
        ):
            assert client.get(f"/api/v1/{path}").status_code == status, path
        answer = client.post(f"/api/v1/disagreements/{disagreement.pk}/settle/", {"nothing": True})
        assert answer.status_code == status
