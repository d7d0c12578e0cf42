"""Lineages: links voted on, contested ones asked, each child in one question only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from every_task import movie_image, noise, say, task_campaign

from backend.annotation.models import Item
from backend.consensus import services
from backend.consensus.evidence import Evidence
from backend.consensus.models import ConsensusState, Disagreement
from backend.imaging.models import Companion, Dataset, Image
from backend.people.models import Person
from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_label_stack
from cellcommons.links import movie_of
from cellcommons.reading import read_reading
from cellcommons.store import ObjectStore
from cellcommons.tracks import LabelMovie, Lineage, Track

# Two cells, frames 0 to 3; the right one divides after frame 1.
LEFT, RIGHT = (10, 10), (10, 60)


def division() -> LabelMovie:
    data = np.zeros((4, 40, 90), np.uint32)
    for frame in range(4):
        data[frame, 10:20, 10:20] = 1
        if frame < 2:
            data[frame, 10:20, 60:70] = 2
        else:
            data[frame, 5:13, 60:68], data[frame, 20:28, 60:68] = 3, 4
    return LabelMovie(data, Lineage((Track(1, 0, 3), Track(2, 0, 1), Track(3, 2, 3, 2), Track(4, 2, 3, 2))))


# In each frame cells are numbered in raster order: from frame 2 the upper daughter is 1, the left cell 2, the lower 3.
TRUTH = {"1:1": "0:1", "1:2": "0:2", "2:1": "1:2", "2:2": "1:1", "2:3": "1:2", "3:1": "2:1", "3:2": "2:2", "3:3": "2:3"}


@pytest.fixture
def item(dataset: Dataset, bring_image: Callable[..., Image]) -> Item:
    movie = division()
    image = bring_image(noise((4, 1, 40, 90), "tcyx"), movie)
    return task_campaign(dataset, [image], "tracking", readings_needed=2).items.get()


def without(*children: str) -> dict[str, str]:
    return {child: parent for child, parent in TRUTH.items() if child not in children}


def test_readers_who_agree_settle_and_tracks_resolve_to_theirs(
    item: Item, readers: list[Person], store: ObjectStore
) -> None:
    annotations = [say(item, person, values=TRUTH) for person in readers[:2]]
    assert [annotation.cells for annotation in annotations] == [4, 4]
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (consensus.state, consensus.method, consensus.cells) == (ConsensusState.SETTLED, "vote", 4)
    assert consensus.agreement == 1.0
    assert read_reading(store, consensus.labels_sha256).values == TRUTH
    evidence = Evidence.load(store, consensus.cells_sha256)
    assert [(c.id, c.agreement, len(c.support)) for c in evidence.cells] == [(n, 1.0, 2) for n in (1, 2, 3, 4)]
    assert evidence.cells[0].box == (10, 10, 20, 20)
    assert evidence.cells[0].area == 400


def test_a_majority_overrules_and_lowers_the_agreement_of_that_track_alone(
    item: Item, readers: list[Person], store: ObjectStore
) -> None:
    for person, values in zip(readers, (TRUTH, TRUTH, without("3:2")), strict=False):
        say(item, person, values=values)
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (consensus.state, consensus.method) == (ConsensusState.SETTLED, "em")
    assert read_reading(store, consensus.labels_sha256).values == TRUTH
    cells = {cell.id: cell for cell in Evidence.load(store, consensus.cells_sha256).cells}
    assert cells[1].agreement == pytest.approx((1 + 1 + 1 + 2 / 3) / 4, abs=1e-6)
    assert cells[2].agreement == 1.0
    assert 0.9 < consensus.agreement < 1


def test_a_contested_link_is_asked_in_its_frame_around_the_cells_concerned(
    item: Item, readers: list[Person], store: ObjectStore
) -> None:
    first = say(item, readers[0], values=TRUTH)
    second = say(item, readers[1], values=without("3:2"))
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert consensus.state == ConsensusState.DISPUTED
    assert read_reading(store, consensus.labels_sha256).values == without("3:2")
    asked = Disagreement.objects.get()
    assert (asked.kind, asked.frame, asked.keys, asked.box) == ("link", 3, ["3:2"], [0, 0, 32, 32])
    assert [(o["values"], o["readings"], o["labels"]) for o in asked.options] == [
        ({"3:2": None}, [str(second.pk)], None),
        ({"3:2": "2:2"}, [str(first.pk)], None),
    ]


def test_a_division_that_one_of_two_saw_is_asked_and_settled(
    item: Item, readers: list[Person], expert: Person, store: ObjectStore
) -> None:
    say(item, readers[0], values=TRUTH)
    say(item, readers[1], values=without("2:3"))
    services.fuse_item(item_id=item.pk)
    (asked,) = Disagreement.objects.all()
    assert "2:3" in asked.keys
    option = next(o["index"] for o in asked.options if o["values"]["2:3"] == "1:2")
    decided = services.settle_disagreement(disagreement_id=asked.pk, person=expert, option=option)
    settled = services.settle_consensus(consensus_id=asked.consensus_id)
    assert settled is not None
    values = read_reading(store, settled.labels_sha256).values
    assert values == TRUTH
    detections = read_label_stack(store, Companion.objects.get().tree_sha256)
    (found,) = movie_of(detections, values).lineage.divisions
    assert found.frame == 1
    cells = Evidence.load(store, settled.cells_sha256).cells
    assert [cell.id for cell in cells if cell.adjudication == str(decided.pk)]
    assert settled.cells == 4


def test_nothing_means_that_the_cell_begins_here(
    item: Item, readers: list[Person], expert: Person, store: ObjectStore
) -> None:
    say(item, readers[0], values=TRUTH)
    say(item, readers[1], values=without("3:2"))
    services.fuse_item(item_id=item.pk)
    asked = Disagreement.objects.get()
    services.settle_disagreement(disagreement_id=asked.pk, person=expert, nothing=True)
    settled = services.settle_consensus(consensus_id=asked.consensus_id)
    assert settled is not None
    assert read_reading(store, settled.labels_sha256).values == without("3:2")
    assert settled.cells == 5


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"3:2": "3:1"}, "a parent comes before"),
        ({"3:2": "2:9"}, "no cell 2:9"),
        ({"3:2": "left"}, "is not a cell"),
        ({"3:1": "2:1"}, "each key in question"),
    ],
)
def test_links_that_cannot_be_are_refused(
    item: Item, readers: list[Person], expert: Person, values: dict[str, Any], words: str
) -> None:
    say(item, readers[0], values=TRUTH)
    say(item, readers[1], values=without("3:2"))
    services.fuse_item(item_id=item.pk)
    with pytest.raises(InvalidDocument, match=words):
        services.settle_disagreement(disagreement_id=Disagreement.objects.get().pk, person=expert, values=values)


def test_of_a_crowd_with_errors_no_child_is_asked_twice_and_the_truth_can_be_restored(
    dataset: Dataset, bring_image: Callable[..., Image], readers: list[Person], expert: Person, store: ObjectStore
) -> None:
    """Each reader loses and swaps links at random; an expert who knows puts all questions right."""
    data, movie, truth = movie_image(3)
    item = task_campaign(dataset, [bring_image(data, movie.truth)], "tracking", readings_needed=4).items.get()
    for seed, person in enumerate(readers):
        rng = np.random.default_rng(seed)
        said = {child: parent for child, parent in truth.items() if rng.random() > 0.25}
        for child in list(said):
            if rng.random() < 0.2:
                frame = said[child].split(":")[0]
                said[child] = f"{frame}:{rng.integers(1, 5)}"
        say(item, person, values=said)
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    asked = list(Disagreement.objects.order_by("index"))
    keys = [key for one in asked for key in one.keys]
    assert len(keys) == len(set(keys)) > 1
    base = read_reading(store, consensus.labels_sha256).values
    assert not set(base) & set(keys)
    for one in asked:
        height, width = data.shape_yx
        y0, x0, y1, x1 = one.box
        assert 0 <= y0 < y1 <= height
        assert 0 <= x0 < x1 <= width
        right = {key: truth.get(key) for key in one.keys}
        services.settle_disagreement(disagreement_id=one.pk, person=expert, values=right)
    settled = services.settle_consensus(consensus_id=consensus.pk)
    assert settled is not None
    values = read_reading(store, settled.labels_sha256).values
    assert {key: values.get(key) for key in keys} == {key: truth.get(key) for key in keys}
    assert {key: values.get(key) for key in base} == dict(base)
    assert settled.cells == len(Evidence.load(store, settled.cells_sha256).cells)


def test_what_was_given_is_served_to_the_expert(
    item: Item, readers: list[Person], expert: Person, annotator: Person, client_of: Callable[..., Any]
) -> None:
    say(item, readers[0], values=TRUTH)
    say(item, readers[1], values=without("3:2"))
    services.fuse_item(item_id=item.pk)
    path = f"/api/v1/disagreements/{Disagreement.objects.get().pk}"
    shown = client_of(expert).get(f"{path}/").json()
    (given,) = shown["given"]
    assert (given["kind"], given["zarr_url"]) == ("detections", f"{path}/given/detections/zarr")
    assert shown["consensus_values"] == without("3:2")
    assert (shown["frame"], shown["task"], shown["ontology"]) == (3, "tracking", None)
    assert client_of(expert).get(f"{given['zarr_url']}/zarr.json").status_code == 200
    assert client_of(expert).get(f"{path}/given/target/zarr/zarr.json").status_code == 404
    assert client_of(annotator).get(f"{given['zarr_url']}/zarr.json").status_code == 403
    assert client_of(None).get(f"{given['zarr_url']}/zarr.json").status_code == 401
