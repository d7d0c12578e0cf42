"""Orders beyond the first task: where a training starts, who may answer which question, movies without masks."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from backend.annotation.models import Campaign
from backend.annotation.services import create_campaign, open_campaign
from backend.core.errors import WrongState
from backend.imaging.models import Companion, Dataset, Image
from backend.imaging.services.images import receive_image
from backend.modelzoo import services
from backend.modelzoo.models import ModelCard, Weights
from backend.people.models import Person
from backend.releases.models import Release
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.orders import ImagePrediction, PredictionOrder, PredictionReport, TrainingOrder
from cellcommons.reading import Reading, write_reading
from cellcommons.store import ObjectStore


def safetensors(values: bytes = b"\0" * 8) -> bytes:
    """A file with one tensor of two float32."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, len(values)]}}).encode()
    return struct.pack("<Q", len(header)) + header + values


def bring(client: APIClient, data: bytes, name: str = "net.safetensors") -> Any:
    return client.post("/api/v1/weights/", {"file": SimpleUploadedFile(name, data)}, format="multipart")


def test_weights_are_brought_once_and_a_training_starts_from_them(
    release: Release, curator: Person, store: ObjectStore, client_of: Callable[..., APIClient]
) -> None:
    client = client_of(curator)
    reply = bring(client, safetensors())
    assert (reply.status_code, reply.data["tensors"]) == (201, 1)
    assert bring(client, safetensors()).data["sha256"] == reply.data["sha256"]
    assert Weights.objects.count() == 1
    body = {"release": release.reference, "start_from": reply.data["sha256"]}
    run = client.post("/api/v1/training-runs/", body, format="json").data
    assert TrainingOrder.load(store, run["order_sha256"]).start_from == reply.data["sha256"]


@pytest.mark.parametrize("data", [b"", b"\x80\x04pickle", safetensors()[:-1], struct.pack("<Q", 1 << 40) + b"{}"])
def test_what_is_no_safetensors_file_is_refused(
    curator: Person, client_of: Callable[..., APIClient], data: bytes
) -> None:
    reply = bring(client_of(curator), data)
    assert reply.status_code == 400
    assert "safetensors" in str(reply.data)
    assert not Weights.objects.exists()


def test_a_training_starts_from_a_card_by_id_or_name(card: ModelCard, curator: Person, store: ObjectStore) -> None:
    release = card.training_run.release
    for name in (str(card.pk), card.name):
        run = services.order_training(release=release, person=curator, start_from=name)
        assert TrainingOrder.load(store, run.order_sha256).start_from == card.checkpoint_sha256 == run.start_from
    with pytest.raises(NotFound, match="no such checkpoint"):
        services.order_training(release=release, person=curator, start_from="0" * 64)


def test_a_checkpoint_answers_the_question_it_was_trained_for(
    card: ModelCard, dataset: Dataset, curator: Person
) -> None:
    classes = {"names": ["a", "b"]}
    other = create_campaign(slug="tissue", title="T", dataset=dataset, task="semantic_segmentation", ontology=classes)
    open_campaign(campaign=other)
    with pytest.raises(InvalidDocument, match="was trained for instance_segmentation"):
        services.order_prediction(model_card=card, campaign=other, person=curator)


@pytest.fixture
def tracking(dataset: Dataset, curator: Person, tmp_path: Path) -> Campaign:
    """A campaign over a movie that came without masks."""
    path = tmp_path / "movie.ome.tif"
    tifffile.imwrite(path, np.zeros((3, 40, 50), np.uint16), ome=True, metadata={"axes": "TYX"})
    receive_image(dataset=dataset, path=path, filename=path.name)
    return create_campaign(slug="movies", title="M", dataset=dataset, task="tracking")


def test_a_segmenter_says_where_the_cells_of_a_movie_are(
    card: ModelCard, tracking: Campaign, curator: Person, store: ObjectStore
) -> None:
    with pytest.raises(WrongState, match="nothing says where its cells are"):
        open_campaign(campaign=tracking)
    run = services.order_prediction(model_card=card, campaign=tracking, person=curator, scope="detections")
    order = PredictionOrder.load(store, run.order_sha256)
    movie = Image.objects.get(name="movie.ome")
    assert [ref.image for ref in order.images] == [str(movie.pk)]
    masks = np.zeros((3, 40, 50), np.uint32)
    masks[:, 2:9, 2:9], masks[2, 20:30, 20:30] = 1, 2
    tree = write_reading(store, Reading(masks)).digest
    found = ImagePrediction(str(movie.pk), movie.tree_sha256, tree, 4, 0.1)
    report = PredictionReport(str(run.pk), "finished", order.checkpoint, (found,)).save(store)
    for _ in range(2):
        services.accept_report(kind="prediction", run_id=run.pk, report_sha256=report)
    run.refresh_from_db()
    assert (run.state, run.error) == ("finished", "")
    companion = Companion.objects.get()
    assert (companion.kind, companion.tree_sha256, companion.summary["cells"]) == ("detections", tree, [1, 1, 2])
    assert open_campaign(campaign=tracking).items.count() == 1
    with pytest.raises(InvalidDocument, match="movie whose cells are not known"):
        services.order_prediction(model_card=card, campaign=tracking, person=curator, scope="detections")


def test_masks_whose_ids_have_holes_are_no_detections(
    card: ModelCard, tracking: Campaign, curator: Person, store: ObjectStore
) -> None:
    run = services.order_prediction(model_card=card, campaign=tracking, person=curator, scope="detections")
    order = PredictionOrder.load(store, run.order_sha256)
    (ref,) = order.images
    masks = np.zeros((3, 40, 50), np.uint32)
    masks[1, 2:9, 2:9], masks[1, 20:30, 20:30] = 1, 3
    found = ImagePrediction(ref.image, ref.tree, write_reading(store, Reading(masks)).digest, 2, 0.1)
    report = PredictionReport(str(run.pk), "finished", order.checkpoint, (found,)).save(store)
    services.accept_report(kind="prediction", run_id=run.pk, report_sha256=report)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "ids of frame 1" in run.error
    assert not Companion.objects.exists()


def test_detections_are_for_tracking_only(card: ModelCard, campaign: Campaign, curator: Person) -> None:
    with pytest.raises(InvalidDocument, match="campaigns of tracking"):
        services.order_prediction(model_card=card, campaign=campaign, person=curator, scope="detections")
