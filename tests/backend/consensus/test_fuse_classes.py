"""Classes of subjects: fused with what the campaign knows of its readers, asked where unsure, settled, published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from every_task import BLOOD, boxed_image, say, task_campaign

from backend.annotation.models import Item
from backend.consensus import services
from backend.consensus.evidence import Evidence
from backend.consensus.models import Adjudication, Consensus, ConsensusState, Disagreement
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from cellcommons.classes import Ontology
from cellcommons.edits import deflate
from cellcommons.errors import InvalidDocument
from cellcommons.labels import as_labels
from cellcommons.reading import read_reading
from cellcommons.store import ObjectStore

CELLS = 12
TRUTH = {str(n + 1): [BLOOD.names[n % 3]] for n in range(CELLS)}


def wrong(subjects: range, turn: int = 1) -> dict[str, Any]:
    """The truth, but for ``subjects``: each the next class but ``turn``."""
    said = dict(TRUTH)
    for subject in subjects:
        said[str(subject)] = [BLOOD.names[(subject - 1 + turn) % 3]]
    return said


@pytest.fixture
def items(dataset: Dataset, bring_image: Callable[..., Image]) -> list[Item]:
    """Four images of twelve boxed cells, two readings each."""
    images = [bring_image(*boxed_image(CELLS, seed)) for seed in range(4)]
    campaign = task_campaign(dataset, images, "classification", ontology=BLOOD, readings_needed=2)
    return list(campaign.items.order_by("rank"))


def test_with_few_answers_heads_are_counted_and_a_tie_is_asked(
    items: list[Item], readers: list[Person], store: ObjectStore
) -> None:
    first = say(items[0], readers[0], values=TRUTH)
    second = say(items[0], readers[1], values=wrong(range(3, 4)))
    consensus = services.fuse_item(item_id=items[0].pk)
    assert consensus is not None
    assert (consensus.state, consensus.method, consensus.cells) == (ConsensusState.DISPUTED, "majority", CELLS - 1)
    assert consensus.agreement == pytest.approx(11 / 12)
    assert read_reading(store, consensus.labels_sha256).values == {k: v for k, v in TRUTH.items() if k != "3"}
    asked = Disagreement.objects.get()
    assert (asked.kind, asked.keys, asked.frame, asked.box) == ("class", ["3"], None, [0, 20, 8, 28])
    options = {tuple(option["values"]["3"]): option["readings"] for option in asked.options}
    assert options == {("Platelets",): [str(first.pk)], ("RBC",): [str(second.pk)]}
    evidence = Evidence.load(store, consensus.cells_sha256)
    cell = evidence.cells[0]
    assert (cell.id, cell.classes, cell.box, cell.agreement) == (1, ("RBC",), (0, 0, 8, 8), 1.0)
    assert {support.annotation for support in cell.support} == {str(first.pk), str(second.pk)}
    assert evidence.context == 0


def test_what_readers_said_of_other_images_decides_between_them(
    items: list[Item], readers: list[Person], store: ObjectStore
) -> None:
    """Ada and Bo agree elsewhere, Cleo is often wrong; then Ada and Cleo differ alone: Ada is believed."""
    for item in items[:3]:
        say(item, readers[0], values=TRUTH)
        say(item, readers[1], values=TRUTH)
        say(item, readers[2], values=wrong(range(1, 9)))
    say(items[3], readers[0], values=TRUTH)
    say(items[3], readers[2], values=wrong(range(1, 7)))
    alone = services.fuse_item(item_id=items[3].pk)
    assert alone is not None
    assert (alone.state, alone.method) == (ConsensusState.SETTLED, "dawid-skene")
    assert read_reading(store, alone.labels_sha256).values == TRUTH
    evidence = Evidence.load(store, alone.cells_sha256)
    assert evidence.context == 9
    assert all(0.7 <= cell.agreement <= 1 for cell in evidence.cells)
    assert len(evidence.cells[0].support) == 1  # only Ada saw it so
    assert len(evidence.cells[-1].support) == 2


def test_the_context_is_bounded_and_holds_no_accepted_drafts(
    items: list[Item], readers: list[Person], monkeypatch: pytest.MonkeyPatch, store: ObjectStore
) -> None:
    for item in items[:3]:
        say(item, readers[0], values=TRUTH)
        say(item, readers[1], values=TRUTH)
        say(item, readers[2], values=TRUTH, independent=False)
    for person in readers[:2]:
        say(items[3], person, values=TRUTH)
    consensus = services.fuse_item(item_id=items[3].pk)
    assert consensus is not None
    assert Evidence.load(store, consensus.cells_sha256).context == 6
    monkeypatch.setattr("backend.consensus.kinds.classification.Classification.context", 4)
    draft = services._fuse_readings(items[3], list(consensus.readings.all()))
    assert Evidence.load(store, draft.cells_sha256).context == 4


def test_a_reader_who_left_out_a_subject_has_no_vote_on_it(
    items: list[Item], readers: list[Person], store: ObjectStore
) -> None:
    say(items[0], readers[0], values=TRUTH)
    say(items[0], readers[1], values={k: v for k, v in TRUTH.items() if k not in ("1", "2")})
    say(items[0], readers[2], values={k: v for k, v in TRUTH.items() if k != "1"})
    consensus = services.fuse_item(item_id=items[0].pk)
    assert consensus is not None
    assert consensus.state == ConsensusState.SETTLED
    assert read_reading(store, consensus.labels_sha256).values == TRUTH


def test_one_reading_stands_as_it_is(items: list[Item], readers: list[Person], store: ObjectStore) -> None:
    Item.objects.filter(pk=items[0].pk).update(readings_needed=1)
    only = say(items[0], readers[0], values={"2": ["WBC"]})
    consensus = services.fuse_item(item_id=items[0].pk)
    assert consensus is None  # two were asked for
    second = say(items[0], readers[1], values={}, independent=False)
    assert second.cells == 0
    Item.objects.filter(pk=items[1].pk).update(readings_needed=1)
    items[1].refresh_from_db()
    alone = say(items[1], readers[0], values={"2": ["WBC"]})
    single = services.fuse_item(item_id=items[1].pk)
    assert single is not None
    assert (single.method, single.labels_sha256, single.cells) == ("single", alone.labels_sha256, 1)
    assert only.labels_sha256 == alone.labels_sha256


def test_experts_settle_by_option_by_another_class_or_not_at_all(
    items: list[Item], readers: list[Person], expert: Person, store: ObjectStore
) -> None:
    say(items[0], readers[0], values=TRUTH)
    say(items[0], readers[1], values=wrong(range(1, 4)))
    services.fuse_item(item_id=items[0].pk)
    one, two, three = Disagreement.objects.order_by("index")
    first = next(option["index"] for option in one.options if option["values"] == {"1": ["RBC"]})
    services.settle_disagreement(disagreement_id=one.pk, person=expert, option=first)
    services.settle_disagreement(disagreement_id=two.pk, person=expert, values={"2": ["RBC"]})
    last = services.settle_disagreement(disagreement_id=three.pk, person=expert, nothing=True)
    assert (last.labels, last.values) == ("", {"3": None})
    settled = services.settle_consensus(consensus_id=one.consensus_id)
    assert settled is not None
    assert (settled.state, settled.method, settled.cells) == ("settled", "majority+adjudication", CELLS - 1)
    values = read_reading(store, settled.labels_sha256).values
    assert (values["1"], values["2"], "3" in values) == (["RBC"], ["RBC"], False)
    cells = {cell.id: cell for cell in Evidence.load(store, settled.cells_sha256).cells}
    assert cells[2].adjudication == str(Adjudication.objects.get(disagreement=two).pk)
    assert (cells[2].agreement, cells[2].classes) == (None, ("RBC",))
    assert cells[5].adjudication is None
    assert len(cells[5].support) == 2


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"values": {"1": ["Martian"]}}, "not in the ontology"),
        ({"values": {"1": ["RBC", "WBC"]}}, "one class is asked for"),
        ({"values": {"2": ["RBC"]}}, "each key in question"),
        ({"values": {"1": ["RBC"], "2": ["RBC"]}}, "each key in question"),
        ({"values": {"1": "RBC"}}, "a list of names"),
        ({"values": {"1": {"a": 1}}}, "a value is text"),
        ({"values": {}}, "each key in question"),
        ({"labels": deflate(as_labels([[1]]))}, "about values, not pixels"),
        ({"values": {"1": ["RBC"]}, "nothing": True}, "exactly one"),
        ({"option": 5}, "no option 5"),
    ],
)
def test_a_decision_that_means_nothing_is_refused(
    items: list[Item], readers: list[Person], expert: Person, decision: dict[str, Any], words: str
) -> None:
    say(items[0], readers[0], values=TRUTH)
    say(items[0], readers[1], values=wrong(range(1, 2)))
    services.fuse_item(item_id=items[0].pk)
    with pytest.raises(InvalidDocument, match=words):
        services.settle_disagreement(disagreement_id=Disagreement.objects.get().pk, person=expert, **decision)
    assert not Adjudication.objects.exists()


def test_several_classes_or_none_are_settled_class_by_class(
    dataset: Dataset, make_image: Callable[..., Image], readers: list[Person], store: ObjectStore
) -> None:
    places = Ontology(("nucleus", "cytosol", "membrane"), multi=True)
    campaign = task_campaign(dataset, [make_image(), make_image()], "classification", ontology=places)
    one, two = campaign.items.order_by("rank")
    for person, said in zip(readers, (["nucleus", "cytosol"], ["nucleus"], ["nucleus", "cytosol"]), strict=False):
        say(one, person, values={"0": said})
    settled = services.fuse_item(item_id=one.pk)
    assert settled is not None
    assert read_reading(store, settled.labels_sha256).values == {"0": ["nucleus", "cytosol"]}
    for person, said in zip(readers, ([], [], ["membrane"]), strict=False):
        say(two, person, values={"0": said})
    none = services.fuse_item(item_id=two.pk)
    assert none is not None
    assert none.state == ConsensusState.SETTLED
    assert read_reading(store, none.labels_sha256).values == {"0": []}
    (cell,) = Evidence.load(store, none.cells_sha256).cells
    assert (cell.id, cell.classes, len(cell.support)) == (0, (), 2)


def test_ranks_that_spread_are_asked(
    dataset: Dataset, make_image: Callable[..., Image], readers: list[Person], store: ObjectStore
) -> None:
    doses = Ontology(("none", "low", "middle", "high"), ordinal=True)
    (item,) = task_campaign(dataset, [make_image()], "classification", ontology=doses).items.all()
    for person, said in zip(readers, ("low", "middle", "high"), strict=False):
        say(item, person, values={"0": [said]})
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (consensus.state, consensus.cells) == (ConsensusState.DISPUTED, 0)
    asked = Disagreement.objects.get()
    assert (len(asked.options), asked.box) == (3, [0, 0, item.image.height, item.image.width])


class TestApi:
    def test_the_queue_says_what_is_asked_and_what_is_given(
        self, items: list[Item], readers: list[Person], expert: Person, client_of: Callable[..., Any]
    ) -> None:
        say(items[0], readers[0], values=TRUTH)
        say(items[0], readers[1], values=wrong(range(1, 2)))
        services.fuse_item(item_id=items[0].pk)
        client = client_of(expert)
        (row,) = client.get("/api/v1/disagreements/?state=open").json()["results"]
        assert (row["task"], row["kind"], row["keys"], row["frame"]) == ("classification", "class", ["1"], None)
        assert row["ontology"]["names"] == list(BLOOD.names)
        shown = client.get(f"/api/v1/disagreements/{row['id']}/").json()
        assert shown["consensus_zarr_url"] is None
        assert shown["consensus_values"] == {k: v for k, v in TRUTH.items() if k != "1"}
        assert [option["labels"] for option in shown["options"]] == [None, None]
        (given,) = shown["given"]
        assert (given["kind"], given["zarr_url"], given["values"]["1"]) == ("boxes", None, [0, 0, 8, 8])
        answer = client.post(
            f"/api/v1/disagreements/{row['id']}/settle/", {"values": {"1": ["Martian"]}}, format="json"
        )
        assert (answer.status_code, "ontology" in answer.json()["detail"]) == (400, True)
        answer = client.post(f"/api/v1/disagreements/{row['id']}/settle/", {"values": {"1": ["WBC"]}}, format="json")
        assert answer.status_code == 200
        listed = client.get("/api/v1/consensus/").json()["results"]
        assert [(one["task"], one["zarr_url"]) for one in listed] == [("classification", None)]
        assert Consensus.objects.count() == 1
