"""Failure regions fused and settled; trials and preferences counted over the campaign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from every_task import noise, paired_image, say, task_campaign

from backend.annotation.models import Annotation, Campaign, Item
from backend.annotation.services import attach_draft
from backend.consensus import services
from backend.consensus.evidence import Evidence
from backend.consensus.models import ConsensusState, Disagreement
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from cellcommons.edits import inflate
from cellcommons.images.ome_zarr import read_labels, write_image
from cellcommons.reading import read_reading
from cellcommons.store import ObjectStore

SHAPE = (64, 80)


def marks(*places: tuple[int, int]) -> np.ndarray:
    """Squares of 10 pixels at the places given."""
    raster = np.zeros(SHAPE, np.uint32)
    for number, (y, x) in enumerate(places, start=1):
        raster[y : y + 10, x : x + 10] = number
    return raster


@pytest.fixture
def campaign(dataset: Dataset, bring_image: Callable[..., Image]) -> Campaign:
    images = [bring_image(*paired_image(seed)) for seed in range(4)]
    return task_campaign(dataset, images, "augmented", readings_needed=2)


@pytest.fixture
def item(campaign: Campaign) -> Item:
    return campaign.items.order_by("rank")[0]


def predict(item: Item, store: ObjectStore, checkpoint: str) -> Annotation:
    """A checkpoint's image of ``item``, as a prediction run leaves it."""
    tree = write_image(store, noise((2, *SHAPE), "cyx", int(checkpoint[:4], 16)))
    return attach_draft(
        item=item, labels_sha256=tree.digest, cells=0, cell_scores={},
        provenance={"checkpoint_sha256": checkpoint, "prediction": f"prediction-{checkpoint[:2]}-{item.rank}"},
    )  # fmt: skip


def test_marks_that_agree_settle_and_one_of_two_is_asked(
    item: Item, readers: list[Person], expert: Person, store: ObjectStore
) -> None:
    first = say(item, readers[0], raster=marks((5, 5), (30, 50)))
    second = say(item, readers[1], raster=marks((6, 5)))
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (consensus.state, consensus.method, consensus.cells) == (ConsensusState.DISPUTED, "vote", 1)
    labels = read_labels(store, consensus.labels_sha256)
    assert labels[8, 10] == 1
    assert not labels[30:40, 50:60].any()
    (row,) = Evidence.load(store, consensus.cells_sha256).cells
    assert row.agreement == 1.0
    assert {(s.annotation, s.cell) for s in row.support} == {(str(first.pk), 1), (str(second.pk), 1)}
    asked = Disagreement.objects.get()
    y0, x0, y1, x1 = asked.box
    assert (asked.kind, asked.keys) == ("failure", [])
    crops = {o["cells"]: (inflate(o["labels"], (y1 - y0, x1 - x0)), o["readings"]) for o in asked.options}
    assert np.count_nonzero(crops[1][0]) == 100
    assert not crops[0][0].any()
    assert (crops[1][1], crops[0][1]) == ([str(first.pk)], [str(second.pk)])
    marked = next(o["index"] for o in asked.options if o["cells"] == 1)
    decided = services.settle_disagreement(disagreement_id=asked.pk, person=expert, option=marked)
    settled = services.settle_consensus(consensus_id=consensus.pk)
    assert settled is not None
    assert settled.cells == 2
    labels = read_labels(store, settled.labels_sha256)
    assert (labels[30:40, 50:60] == 2).all()
    rows = Evidence.load(store, settled.cells_sha256).cells
    assert [row.adjudication for row in rows] == [None, str(decided.pk)]


def test_of_three_one_who_marks_like_nobody_weighs_little(
    item: Item, readers: list[Person], store: ObjectStore
) -> None:
    wild = marks((45, 5), (45, 25), (5, 50))
    for person, raster in zip(readers, (marks((5, 5), (30, 50)), marks((6, 5), (31, 50)), wild), strict=False):
        say(item, person, raster=raster)
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (consensus.state, consensus.method, consensus.cells) == (ConsensusState.SETTLED, "weighted-vote", 2)
    labels = read_labels(store, consensus.labels_sha256)
    assert not labels[wild > 0].any()
    rows = Evidence.load(store, consensus.cells_sha256).cells
    assert all(row.agreement is not None and row.agreement > 0.9 for row in rows)


def test_nothing_wrong_is_a_consensus_too(item: Item, readers: list[Person], store: ObjectStore) -> None:
    for person in readers[:2]:
        say(item, person, raster=marks())
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (consensus.state, consensus.cells, consensus.agreement) == (ConsensusState.SETTLED, 0, 1.0)


def test_the_consensus_says_that_there_was_a_trial_and_not_what_was_answered(
    item: Item, readers: list[Person], store: ObjectStore
) -> None:
    predict(item, store, "ab" * 32)
    Item.objects.filter(pk=item.pk).update(readings_needed=1)
    item.refresh_from_db()
    only = say(item, readers[0], raster=marks((5, 5)), values={"trial": "a"})
    assert "trial_right" in read_reading(store, only.labels_sha256).values
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert consensus.method == "single"
    kept = read_reading(store, consensus.labels_sha256)
    # Marks beside an answer are failures of a prediction: a trainer must not take them for failures of the target.
    assert dict(kept.values) == {"trial": 1}
    assert np.array_equal(kept.labels, marks((5, 5)))


def naming(question: str, role: str) -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
    """The answer that points to the image of ``role``, whichever letter hides it."""
    return lambda given: {question: next(row["key"] for row in given if row.get("role") == role)}


def test_preferences_and_trials_are_counted_over_the_campaign(
    campaign: Campaign, readers: list[Person], expert: Person, store: ObjectStore, client_of: Callable[..., Any]
) -> None:
    old, new = "aa" * 32, "bb" * 32
    items = list(campaign.items.order_by("rank"))
    predict(items[0], store, old)
    for person, role in zip(readers, ("real", "real", "predicted"), strict=False):
        say(items[0], person, raster=marks(), values=naming("trial", role))
    say(items[0], readers[3], raster=marks(), values={"trial": "unsure"})
    for item in items[1:3]:
        predict(item, store, old)
        predict(item, store, new)
        for person in readers[:3]:
            say(item, person, raster=marks(), values=naming("preference", "predicted"))  # the newer
    say(items[2], readers[3], raster=marks(), values={"preference": "same"})
    say(items[3], readers[0], raster=marks())  # no prediction, no question

    found = client_of(expert).get(f"/api/v1/campaigns/{campaign.name}/preferences/").json()
    assert (found["comparisons"], found["ties"], found["agreement"], found["unsure"]) == (7, 1, 1.0, 1)
    better, worse = found["standings"]
    assert (better["checkpoint_sha256"], worse["checkpoint_sha256"]) == (new, old)
    assert better["strength"]["strength"] > 0 > worse["strength"]["strength"]
    assert better["strength"]["low"] < better["strength"]["strength"] < better["strength"]["high"]
    assert (better["strength"]["wins"], better["strength"]["comparisons"]) == (6.5, 7)
    assert better["predictions"] == ["prediction-bb-1", "prediction-bb-2"]
    assert better["trials"] == {"value": None, "low": 0.0, "high": 1.0, "count": 0}
    assert worse["trials"]["value"] == pytest.approx(2 / 3)
    assert worse["trials"]["low"] == pytest.approx(0.2077, abs=1e-3)
    assert worse["trials"]["high"] == pytest.approx(0.9385, abs=1e-3)
    assert (worse["trials"]["count"], worse["unsure"]) == (3, 1)
    assert found["trials"]["count"] == 3


def test_a_campaign_without_answers_has_no_standings(
    campaign: Campaign, expert: Person, client_of: Callable[..., Any]
) -> None:
    found = client_of(expert).get(f"/api/v1/campaigns/{campaign.name}/preferences/").json()
    assert (found["standings"], found["comparisons"], found["agreement"]) == ([], 0, None)


def test_preferences_are_for_experts_and_for_campaigns_that_ask(
    campaign: Campaign, dataset: Dataset, expert: Person, annotator: Person, client_of: Callable[..., Any]
) -> None:
    path = f"/api/v1/campaigns/{campaign.name}/preferences/"
    assert [client_of(one).get(path).status_code for one in (None, annotator, expert)] == [401, 403, 200]
    task_campaign(dataset, [], "instance_segmentation", slug="cells-only")
    answer = client_of(expert).get("/api/v1/campaigns/commons/cells-only/preferences/")
    assert (answer.status_code, "compares no checkpoints" in answer.json()["detail"]) == (400, True)


def test_experts_see_who_is_who(
    item: Item, readers: list[Person], expert: Person, store: ObjectStore, client_of: Callable[..., Any]
) -> None:
    predict(item, store, "ab" * 32)
    say(item, readers[0], raster=marks((5, 5)), values={"trial": "a"})
    say(item, readers[1], raster=marks(), values={"trial": "b"})
    services.fuse_item(item_id=item.pk)
    shown = client_of(expert).get(f"/api/v1/disagreements/{Disagreement.objects.get().pk}/").json()
    assert sorted(row["role"] for row in shown["given"]) == ["predicted", "real"]
    assert shown["consensus_values"] == {"trial": 2}
    for row in shown["given"]:
        assert client_of(expert).get(f"{row['zarr_url']}/zarr.json").status_code == 200
    assert client_of(expert).get(f"{shown['consensus_zarr_url']}/zarr.json").status_code == 200
