"""Answers: edits that change values, for the tasks that ask instead of paint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import Answers
from rest_framework.test import APIClient

from backend.annotation.models import Annotation, Assignment, Campaign, Item
from backend.annotation.services import attach_draft, create_campaign, open_campaign
from backend.core.errors import WrongState
from backend.imaging.models import Dataset, Image, Truth
from backend.people.models import Person
from cellcommons.classes import CellBox, CellBoxes, ImageClasses, Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_image_tree
from cellcommons.reading import Reading, read_reading, write_reading
from cellcommons.store import ObjectStore
from cellcommons.tracks import LabelMovie, Lineage, Track

BLOOD = Ontology(("RBC", "WBC", "Platelets"))


def blood_image(image: ImageData) -> CellBoxes:
    boxes = (CellBox((10, 10, 20, 20), "WBC"), CellBox((0, 0, 8, 8), "RBC"))
    return CellBoxes(boxes, image.shape_yx, BLOOD)


@pytest.fixture
def blood(dataset: Dataset, bring: Callable[..., Image]) -> Campaign:
    bring(np.arange(900, dtype=np.uint8).reshape(30, 30), "yx", blood_image)
    dataset.refresh_from_db()
    campaign = create_campaign(slug="blood", title="Blood", dataset=dataset, task="classification", readings_needed=2)
    return open_campaign(campaign=campaign)


@pytest.mark.django_db
def test_boxes_are_given_and_their_classes_are_not(
    blood: Campaign, store: ObjectStore, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    hand = Answers(client_of(annotator), blood)
    assert hand.row["ontology"] == {"names": list(BLOOD.names), "ordinal": False, "multi": False}
    (given,) = hand.row["given"]
    # In raster order, so that the order of the file gives nothing away.
    assert given["values"] == {"1": [0, 0, 8, 8], "2": [10, 10, 20, 20]}
    truth = read_reading(store, Truth.objects.get().tree_sha256)
    assert truth.values == {"1": ["RBC"], "2": ["WBC"]}
    assert "WBC" not in str({**hand.row, "ontology": None})


@pytest.mark.django_db
def test_answer_change_of_mind_and_submit(
    blood: Campaign, store: ObjectStore, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    hand = Answers(client_of(annotator), blood)
    assert hand.say("1", ["WBC"]).status_code == 200
    assert hand.say("1", ["RBC"]).status_code == 200
    assert hand.say("2", ["WBC"]).status_code == 200
    assert hand.say("2", None).status_code == 200
    again = hand.client.get(hand.url + "/").json()
    assert again["changed"] == {"1": ["RBC"], "2": None}
    assert hand.submit().json()["cells"] == 1
    kept = Annotation.objects.get()
    assert read_reading(store, kept.labels_sha256).values == {"1": ["RBC"]}
    assert not kept.accepted_unchanged


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("1", ["Neutrophil"], "not in the ontology"),
        ("1", ["RBC", "WBC"], "one class is asked for"),
        ("1", "RBC", "a list of names"),
        ("3", ["RBC"], "no such subject"),
        ("0", ["RBC"], "no such subject"),
        ("one", ["RBC"], "no such subject"),
    ],
)
def test_an_answer_that_means_nothing_is_refused_and_nothing_is_kept(
    blood: Campaign, annotator: Person, client_of: Callable[..., APIClient], key: str, value: Any, words: str
) -> None:
    hand = Answers(client_of(annotator), blood)
    reply = hand.say(key, value)
    assert reply.status_code == 400
    assert words in reply.json()["detail"]
    assert Assignment.objects.get().edit_count == 0


@pytest.mark.django_db
def test_an_old_value_that_is_not_the_hubs_is_a_conflict_that_says_what_is(
    blood: Campaign, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    hand = Answers(client_of(annotator), blood)
    hand.say("1", ["RBC"])
    reply = hand.say("1", ["WBC"], old=["Platelets"])
    assert reply.status_code == 409
    assert reply.json()["conflicts"] == [{"key": "1", "value": ["RBC"]}]


@pytest.mark.django_db
def test_tiles_in_a_task_that_does_not_paint_are_refused(
    blood: Campaign, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    tile = {"y": 0, "x": 0, "version": 0, "xor": "AA=="}
    reply = Answers(client_of(annotator), blood).say("1", ["RBC"], tiles=[tile])
    assert (reply.status_code, "nothing is painted" in reply.json()["detail"]) == (400, True)


@pytest.mark.django_db
def test_a_draft_is_where_people_start_and_unchanged_it_is_no_reading_of_their_own(
    blood: Campaign, store: ObjectStore, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    tree = write_reading(store, Reading(None, {"1": ["RBC"], "2": ["RBC"]})).digest
    attach_draft(
        item=Item.objects.get(), labels_sha256=tree, cells=2, cell_scores={"1": 0.9, "2": 0.5}, provenance={"p": "1"}
    )
    hand = Answers(client_of(annotator), blood)
    assert hand.row["draft"]["cells"] == {"1": 0.9, "2": 0.5}
    assert hand.submit().json()["accepted_unchanged"]


@pytest.mark.django_db
def test_a_whole_image_is_subject_zero(
    dataset: Dataset, bring: Callable[..., Image], annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    doses = Ontology(("low", "high"), ordinal=True)
    bring(np.eye(20, dtype=np.uint8), "yx", lambda _: ImageClasses(("high",), doses))
    dataset.refresh_from_db()
    campaign = open_campaign(
        campaign=create_campaign(slug="dose", title="Dose", dataset=dataset, task="classification")
    )
    hand = Answers(client_of(annotator), campaign)
    assert hand.row["given"] == []
    assert hand.say("0", ["low"]).status_code == 200
    assert hand.submit().status_code == 200


@pytest.mark.django_db
def test_a_classification_without_classes_is_refused(dataset: Dataset) -> None:
    with pytest.raises(InvalidDocument, match="needs classes"):
        create_campaign(slug="c", title="C", dataset=dataset, task="classification")
    with pytest.raises(InvalidDocument, match="has no classes"):
        create_campaign(slug="c", title="C", dataset=dataset, task="tracking", ontology={"names": ["A"]})


def two_frames(image: ImageData) -> LabelMovie:
    data = np.zeros((2, 20, 20), np.uint32)
    data[0, 2:6, 2:6], data[1, 1:4, 2:6], data[1, 8:12, 8:12] = 7, 8, 9
    return LabelMovie(
        data, Lineage((Track(7, 0, 0, None), Track(8, 1, 1, 7), Track(9, 1, 1, 7))), seconds_per_frame=30.0
    )


@pytest.fixture
def movie(dataset: Dataset, bring: Callable[..., Image]) -> Campaign:
    bring(np.arange(800, dtype=np.uint16).reshape(2, 20, 20), "tyx", two_frames)
    campaign = create_campaign(slug="movie", title="Movie", dataset=dataset, task="tracking")
    return open_campaign(campaign=campaign)


@pytest.mark.django_db
def test_link_divide_and_submit(
    movie: Campaign, store: ObjectStore, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    hand = Answers(client_of(annotator), movie)
    (given,) = hand.row["given"]
    files = [f"{given['zarr_url']}/{name}" for name in ("zarr.json", "0/zarr.json")]
    assert [hand.client.get(file).status_code for file in files] == [200, 200]
    hand.say("1:1", "0:1")
    hand.say("1:2", "0:1")
    assert hand.submit().json()["cells"] == 3
    assert read_reading(store, Truth.objects.get().tree_sha256).values == hand.values
    image = read_image_tree(store, Image.objects.get().tree_sha256)
    assert image.seconds_per_frame == 30.0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("child", "parent", "words"),
    [
        ("0:1", "1:1", "a parent comes before her daughters"),
        ("1:1", "1:2", "a parent comes before her daughters"),
        ("1:3", "0:1", "no cell 1:3"),
        ("2:1", "0:1", "no cell 2:1"),
        ("1:1", "0:2", "no cell 0:2"),
        ("1:1", "cell", "is not a cell"),
        ("1:1", ["0:1"], "is not a cell"),
    ],
)
def test_links_that_cannot_be_are_refused(
    movie: Campaign, annotator: Person, client_of: Callable[..., APIClient], child: str, parent: Any, words: str
) -> None:
    reply = Answers(client_of(annotator), movie).say(child, parent)
    assert reply.status_code == 400
    assert words in reply.json()["detail"]


@pytest.mark.django_db
def test_a_movie_whose_cells_nobody_knows_is_refused_with_the_remedy(
    dataset: Dataset, bring: Callable[..., Image]
) -> None:
    bring(np.zeros((3, 9, 9), np.uint8), "tyx", None)
    campaign = create_campaign(slug="m", title="M", dataset=dataset, task="tracking")
    with pytest.raises(WrongState, match="masks of each frame"):
        open_campaign(campaign=campaign)
