"""Augmented microscopy and classes of pixels: what is painted and what is answered, hidden until it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import numpy as np
import pytest
from answers import Answers
from rest_framework.test import APIClient

from backend.annotation.models import Annotation, Assignment, Campaign, Item
from backend.annotation.services import attach_draft, create_campaign, open_campaign
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from cellcommons.classes import Ontology
from cellcommons.edits import encode_tiles, pixels_sha256
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image
from cellcommons.pairs import ImagePair
from cellcommons.reading import read_reading
from cellcommons.store import ObjectStore

BLOOD = Ontology(("RBC", "WBC", "Platelets"))


def counterpart(image: ImageData) -> ImagePair:
    return ImagePair.of(image, ImageData(image.data[:1] + 1, "cyx", ("DAPI",), image.pixel_size))


@pytest.fixture
def pairs(dataset: Dataset, bring: Callable[..., Image]) -> Campaign:
    bring(np.arange(400, dtype=np.uint16).reshape(20, 20), "yx", counterpart)
    campaign = create_campaign(slug="pairs", title="Pairs", dataset=dataset, task="augmented")
    return open_campaign(campaign=campaign)


def predict(store: ObjectStore, checkpoint: str) -> Annotation:
    """A checkpoint's image of the only item."""
    pixels = np.full((1, 20, 20), int(checkpoint, 16) % 200, np.uint16)
    tree = write_image(store, ImageData(pixels, "cyx", ("DAPI",)))
    return attach_draft(
        item=Item.objects.get(),
        labels_sha256=tree.digest,
        cells=0,
        cell_scores={},
        provenance={"checkpoint_sha256": checkpoint},
    )


@pytest.mark.django_db
def test_without_a_prediction_the_target_is_judged_and_nothing_is_asked(
    pairs: Campaign, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    hand = Answers(client_of(annotator), pairs)
    assert (hand.row["question"], [row["key"] for row in hand.row["given"]]) == (None, ["target"])
    assert hand.say("trial", "a").status_code == 400
    assert hand.submit(np.zeros((20, 20), np.uint32)).json() == {
        "annotation": str(Annotation.objects.get().pk), "cells": 0, "accepted_unchanged": False,
    }  # fmt: skip


@pytest.mark.django_db
def test_a_trial_hides_the_roles_until_it_is_answered_once_and_for_all(
    pairs: Campaign, store: ObjectStore, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    predict(store, "ab")
    hand = Answers(client_of(annotator), pairs)
    assert hand.row["question"] == "trial"
    assert [(row["key"], row["role"], row["title"]) for row in hand.row["given"]] == [
        ("a", None, "Candidate"), ("b", None, "Candidate"),
    ]  # fmt: skip
    assert hand.row["draft"] is None
    assert hand.say("trial", "c").status_code == 400
    assert hand.say("trial", "a").status_code == 200
    shown = hand.client.get(hand.url + "/").json()["given"]
    assert sorted(row["role"] for row in shown) == ["predicted", "real"]
    assert hand.say("trial", "b").status_code == 409
    assert hand.submit(np.zeros((20, 20), np.uint32)).status_code == 200
    kept = read_reading(store, Annotation.objects.get(person=annotator).labels_sha256)
    assert kept.values == {"trial": "a", "trial_right": shown[0]["role"] == "real"}


@pytest.mark.django_db
def test_two_predictions_pose_a_preference_and_all_readers_judge_the_same(
    pairs: Campaign, store: ObjectStore, make_person: Callable[..., Person], client_of: Callable[..., APIClient]
) -> None:
    older, newer = predict(store, "ab"), predict(store, "cd")
    hand = Answers(client_of(make_person("first")), pairs)
    assert (hand.row["question"], [row["key"] for row in hand.row["given"]]) == ("preference", ["target", "a", "b"])
    predict(store, "ef")  # comes too late for this item
    second = Answers(client_of(make_person("second")), pairs)
    trees = [{row["tree"] for row in assignment.given} for assignment in Assignment.objects.all()]
    assert trees[0] == trees[1]
    hand.say("preference", "b")
    assert hand.submit(np.zeros((20, 20), np.uint32)).status_code == 200
    kept = read_reading(store, Annotation.objects.get(person__username="first").labels_sha256).values
    assert kept["between"] == sorted([str(older.pk), str(newer.pk)])
    assert kept["preferred"] in kept["between"]
    second.say("preference", "same")
    assert second.submit(np.zeros((20, 20), np.uint32)).status_code == 200
    kept = read_reading(store, Annotation.objects.get(person__username="second").labels_sha256).values
    assert "preferred" not in kept


@pytest.mark.django_db
def test_classes_of_pixels_stay_within_the_ontology(
    dataset: Dataset, bring: Callable[..., Image], annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    bring(np.eye(20, dtype=np.uint8), "yx", None)
    classes = {"names": ["background", "nucleus"]}
    campaign = open_campaign(
        campaign=create_campaign(
            slug="tissue", title="T", dataset=dataset, task="semantic_segmentation", ontology=classes
        )
    )
    hand = Answers(client_of(annotator), campaign)
    for seq, value in enumerate((3, 2), start=1):
        before = np.full((20, 20), 0 if seq == 1 else 3, np.uint32)
        after = np.full((20, 20), value, np.uint32)
        tiles = encode_tiles(before, after, {"0,0": seq - 1})
        edit = {"uuid": str(uuid.uuid4()), "seq": seq, "tool": "brush", "params": {}, "tiles": tiles}
        assert hand.client.post(f"{hand.url}/edits/", {"edits": [edit]}, format="json").status_code == 200
        body = {"edit_count": seq, "labels_sha256": pixels_sha256(after), "active_seconds": 1}
        reply = hand.client.post(f"{hand.url}/submit/", body, format="json")
        assert reply.status_code == (400 if value == 3 else 200)
    assert reply.json()["cells"] == 1
