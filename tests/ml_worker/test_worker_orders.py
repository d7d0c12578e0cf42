"""Orders through real Celery messages and a real object store: reports, cancel, resume, redelivery, failure."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from celery.contrib.testing.worker import start_worker
from safetensors.torch import save

from cellcommons.errors import NotFound
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_labels, write_image, write_labels
from cellcommons.orders import ImageRef, PredictionOrder, PredictionReport, TrainingOrder, TrainingReport
from cellcommons.release import ReleaseItem
from cellcommons.sealing import seal_release
from cellcommons.store import FolderStore
from ml_worker.channel import Stopped
from ml_worker.checkpoint import load_checkpoint
from ml_worker.orders import UnreadableOrder, perform_order
from ml_worker.settings import BadSetting, read_settings

CONFIG = {"network": {"widths": [16, 32]}, "crops": {"size": 64, "batch": 4}, "max_steps": 5}


class Hub:
    """The hub's end: a store, a release, and what the worker said."""

    def __init__(self, root: Path, discs) -> None:
        self.store = FolderStore(root)
        self.said: list[tuple[str, list[Any]]] = []
        self.images: list[ImageRef] = []
        self.items: list[ReleaseItem] = []
        splits = ("train", "train", "validation", "test", "test")
        for number, split in enumerate(splits):
            image, labels = discs(seed=number, channels=1 + 2 * (number % 2))
            tree = write_image(self.store, ImageData(image, "cyx", tuple(f"c{c}" for c in range(len(image)))))
            self.images.append(ImageRef(f"id{number}", tree.digest, f"image {number}"))
            self.items.append(
                ReleaseItem(
                    image=f"id{number}",
                    name=f"image {number}",
                    tree=tree.digest,
                    labels=write_labels(self.store, labels).digest,
                    split=split,
                    source=f"source {number}",
                    stratum="gray" if number % 2 == 0 else "colour",
                    channels=tuple(f"c{c}" for c in range(len(image))),
                    height=96,
                    width=96,
                )
            )

    def release(self, *splits: str) -> str:
        """Manifest sha256 of the items in ``splits`` (all without)."""
        items = [item for item in self.items if not splits or item.split in splits]
        _, digest = seal_release(
            self.store,
            dataset="lab/discs",
            title="Discs",
            parent=None,
            created="2026-11-20T00:00:00Z",
            licence="CC0-1.0",
            task="instance_segmentation",
            items=items,
            card_text="Discs",
            split_certificate={"method": "by hand"},
        )
        return digest

    def training(self, run: str = "t1", *, manifest: str = "", task: str = "instance_segmentation", **config) -> str:
        settings = {**CONFIG, **config}
        order = TrainingOrder(run, manifest or self.release(), task, budget_seconds=600.0, config=settings)
        return order.save(self.store)

    def send(self, task: str, args: list[Any]) -> None:
        self.said.append((task, json.loads(json.dumps(args))))

    def perform(self, kind, order: str, shutting_down=lambda: False) -> TrainingReport | PredictionReport:
        """Carry out, check that the hub was told, return the report."""
        digest = perform_order(kind, order, store=self.store, send=self.send, shutting_down=shutting_down)
        report = (TrainingReport if kind == "training" else PredictionReport).load(self.store, digest)
        assert self.said[-1] == ("modelzoo.accept_report", [kind, report.run, digest])
        assert self.store.get_ref(f"runs/{report.run}/report") == digest.encode()
        return report


@pytest.fixture
def hub(tmp_path: Path, discs) -> Hub:
    return Hub(tmp_path / "objects", discs)


def test_a_training_order_becomes_a_checkpoint_and_a_report(hub: Hub) -> None:
    report = hub.perform("training", hub.training())
    assert (report.status, report.error) == ("finished", "")
    assert report.checkpoint
    checkpoint = load_checkpoint(hub.store.get(report.checkpoint))
    assert checkpoint.config.about["run"] == "t1"
    assert report.measures["images"] == report.baseline["images"] == 2
    assert 0 <= report.measures["f1_50_low"] <= report.measures["f1_50_high"] <= 1
    assert report.baseline["f1_50"] > 0.9
    assert set(report.by_stratum) == {"gray", "colour"}
    scores = [image.measures["f1_50"] for image in report.images]
    assert scores == sorted(scores, reverse=True)
    assert {image.image for image in report.images} == {"id3", "id4"}
    for image in report.images:
        assert read_labels(hub.store, image.labels).shape == (96, 96)
        assert hub.store.get(image.picture).startswith(b"\x89PNG")
    assert report.curve[-1]["step"] == 5
    assert (report.headline, report.notes) == ("f1_50", ())
    progress = [args for task, args in hub.said if task == "modelzoo.record_progress"]
    assert progress
    kind, run, payload = progress[0]
    assert (kind, run) == ("training", "t1")
    assert set(payload) == {"step", "steps", "fraction", "loss", "validation", "seconds", "message"}


def test_a_second_delivery_names_the_same_report_again(hub: Hub) -> None:
    order = hub.training()
    first = hub.perform("training", order)
    hub.said.clear()
    assert hub.perform("training", order) == first
    assert len(hub.said) == 1


def test_cancel_then_resume_goes_on_from_the_state(hub: Hub) -> None:
    order = hub.training(max_steps=6)
    hub.store.put_ref("runs/t1/cancel", b"")
    assert hub.perform("training", order).status == "cancelled"
    # Delivered twice while the hub still wants it cancelled: nothing runs.
    hub.said.clear()
    assert hub.perform("training", order).status == "cancelled"
    assert len(hub.said) == 1
    hub.store.delete_ref("runs/t1/cancel")
    # A shut-down after two steps leaves the state, and no report.
    asked = iter(range(100))
    with pytest.raises(Stopped):
        perform_order(
            "training", order, store=hub.store, send=hub.send, shutting_down=lambda: next(asked) >= len(hub.items)
        )
    state = hub.store.get_ref("runs/t1/state")
    assert state is not None
    assert hub.store.get_ref("runs/t1/report") is None
    resumed = hub.perform("training", order)
    assert resumed.status == "finished"
    unbroken = hub.perform("training", hub.training("t2", max_steps=6))
    assert [p["loss"] for p in resumed.curve] == [p["loss"] for p in unbroken.curve]
    assert resumed.measures == unbroken.measures


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"task": "cooking"}, "'cooking' is not one this worker trains"),
        ({"manifest": "0" * 64}, "0000"),
        ({"learning_rat": 1}, "learning_rat"),
    ],
)
def test_a_bad_order_fails_into_a_report_with_one_line(hub: Hub, changes: dict[str, Any], why: str) -> None:
    report = hub.perform("training", hub.training(**changes))
    assert report.status == "failed"
    assert why in report.error
    assert "\n" not in report.error


def test_an_order_with_a_bad_field_still_answers_its_run(hub: Hub) -> None:
    order = hub.store.put(json.dumps({"kind": TrainingOrder.KIND, "run": "t9", "colour": "blue"}).encode())
    report = hub.perform("training", order)
    assert (report.run, report.status) == ("t9", "failed")
    assert "colour" in report.error


def test_an_order_that_cannot_be_read_is_an_error(hub: Hub) -> None:
    with pytest.raises(NotFound):
        hub.perform("training", "0" * 64)
    with pytest.raises(UnreadableOrder):
        hub.perform("training", hub.store.put(b"[]"))


def test_a_run_may_start_from_another_and_says_so(hub: Hub) -> None:
    first = hub.perform("training", hub.training(manifest=hub.release("train"), max_steps=2))
    settings = {**CONFIG, "network": {"widths": [16, 32, 48]}, "max_steps": 2}
    order = TrainingOrder("t2", hub.release(), "instance_segmentation", config=settings, start_from=first.checkpoint)
    report = hub.perform("training", order.save(hub.store))
    assert (report.status, report.error) == ("finished", "")
    about = load_checkpoint(hub.store.get(report.checkpoint or "")).config.about
    assert about["start_from"] == about["start"]["sha256"] == first.checkpoint
    assert about["start"]["tensors"] == about["start"]["of"]
    assert "Started from" in report.notes[0]


def test_a_start_that_fits_nothing_is_an_error_with_a_remedy(hub: Hub) -> None:
    for number, start in enumerate((save({"weight": torch.zeros(3)}), b"PK not tensors")):
        order = TrainingOrder(f"s{number}", hub.release(), "instance_segmentation", config=CONFIG)
        report = hub.perform("training", replace(order, start_from=hub.store.put(start)).save(hub.store))
        assert report.status == "failed"
        assert report.error.startswith("start: ")
    gone = replace(order, run="s9", start_from="0" * 64)
    assert "0000" in hub.perform("training", gone.save(hub.store)).error


@pytest.mark.parametrize("splits", [("train",), ("train", "test"), ("validation", "test")])
def test_a_release_without_a_split_ends_well_or_says_why(hub: Hub, splits: tuple[str, ...]) -> None:
    report = hub.perform("training", hub.training(manifest=hub.release(*splits), max_steps=2))
    if "train" in splits:
        assert report.status == "finished"
        assert bool(report.measures) == bool(report.images) == ("test" in splits)
    else:
        assert report.status == "failed"
        assert "train split" in report.error


@pytest.fixture
def checkpoint(hub: Hub) -> str:
    report = hub.perform("training", hub.training(manifest=hub.release("train"), max_steps=2))
    hub.said.clear()
    return report.checkpoint or ""


def test_a_prediction_order_reads_every_image(hub: Hub, checkpoint: str) -> None:
    report = hub.perform("prediction", PredictionOrder("p1", checkpoint, tuple(hub.images)).save(hub.store))
    assert report.status == "finished"
    assert [prediction.image for prediction in report.predictions] == [ref.image for ref in hub.images]
    for prediction in report.predictions:
        labels = read_labels(hub.store, prediction.labels)
        assert prediction.cells == len(np.unique(labels[labels > 0])) == len(prediction.cell_scores)
        assert 0 <= prediction.uncertainty <= 1
    assert hub.said[0][0] == "modelzoo.record_progress"
    assert hub.said[0][1][0] == "prediction"


def test_one_bad_image_is_named_and_stops_no_other(hub: Hub, checkpoint: str) -> None:
    stack = write_image(hub.store, ImageData(np.zeros((1, 3, 40, 40), np.uint8), "czyx", ("a",)))
    images = (ImageRef("gone", "0" * 64), ImageRef("stack", stack.digest, "a stack"), hub.images[0])
    report = hub.perform("prediction", PredictionOrder("p1", checkpoint, images).save(hub.store))
    assert report.status == "finished"
    assert len(report.predictions) == 1
    assert set(report.failures) == {"gone", "stack"}
    assert "2-D" in report.failures["stack"]
    alone = hub.perform("prediction", PredictionOrder("p2", checkpoint, images[:1]).save(hub.store))
    assert alone.status == "failed"
    assert "no image could be read" in alone.error


def test_a_stopped_prediction_goes_on_where_it_was(hub: Hub, checkpoint: str) -> None:
    order = PredictionOrder("p1", checkpoint, tuple(hub.images)).save(hub.store)
    asked = iter(range(1000))
    with pytest.raises(Stopped):
        perform_order("prediction", order, store=hub.store, send=hub.send, shutting_down=lambda: next(asked) >= 9)
    kept = PredictionReport.load(hub.store, (hub.store.get_ref("runs/p1/state") or b"").decode())
    assert 0 < len(kept.predictions) < len(hub.images)
    report = hub.perform("prediction", order)
    assert [prediction.image for prediction in report.predictions] == [ref.image for ref in hub.images]
    whole = hub.perform("prediction", PredictionOrder("p2", checkpoint, tuple(hub.images)).save(hub.store))
    assert report.predictions == whole.predictions


def test_a_checkpoint_that_is_none_fails_the_run(hub: Hub) -> None:
    order = PredictionOrder("p1", hub.store.put(b"weights?"), tuple(hub.images)).save(hub.store)
    report = hub.perform("prediction", order)
    assert report.status == "failed"
    assert "safetensors" in report.error


def test_lost_heartbeats_do_not_end_a_run(hub: Hub) -> None:
    told: list[str] = []

    def send(task: str, args: list[Any]) -> None:
        if task == "modelzoo.record_progress":
            raise ConnectionError("the broker is restarting")
        told.append(args[2])

    digest = perform_order(
        "training", hub.training(max_steps=2), store=hub.store, send=send, shutting_down=lambda: False
    )
    assert told == [digest]
    assert TrainingReport.load(hub.store, digest).status == "finished"


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """``ml_worker.worker`` booted on an in-memory broker."""
    monkeypatch.setenv("BROKER_URL", "memory://")
    monkeypatch.setenv("OBJECTS_URL", (tmp_path / "objects").as_uri())
    monkeypatch.setenv("ML_THREADS", "1")
    sys.modules.pop("ml_worker.worker", None)
    yield importlib.import_module("ml_worker.worker")
    sys.modules.pop("ml_worker.worker", None)


def test_a_message_on_the_gpu_queue_is_answered_on_the_cpu_queue(hub: Hub, worker: ModuleType) -> None:
    app = worker.app
    order = hub.training(max_steps=2)
    app.control.purge()
    with app.connection_for_read() as connection, connection.SimpleQueue("cpu") as queue:
        queue.clear()  # the in-memory broker is one for the whole process, other tests' messages included
    with start_worker(app, pool="solo", queues=["gpu"], perform_ping_check=False, shutdown_timeout=60):
        app.send_task("ml_worker.train", args=[order], queue="gpu")
        answers: list[tuple[str, list[Any]]] = []
        with app.connection_for_read() as connection, connection.SimpleQueue("cpu") as queue:
            while not answers or answers[-1][0] != "modelzoo.accept_report":
                message = queue.get(timeout=60)
                answers.append((message.headers["task"], message.payload[0]))
                message.ack()
    kind, run, digest = answers[-1][1]
    assert (kind, run) == ("training", "t1")
    assert TrainingReport.load(hub.store, digest).status == "finished"
    assert answers[0][0] == "modelzoo.record_progress"


def test_settings_are_checked_at_boot() -> None:
    good = {"BROKER_URL": "memory://", "OBJECTS_URL": "file:///x"}
    assert read_settings(good).threads is None
    assert read_settings({**good, "ML_THREADS": "3"}).threads == 3
    for name in good:
        with pytest.raises(BadSetting, match=name):
            read_settings({**good, name: ""})
    with pytest.raises(BadSetting, match="ML_THREADS"):
        read_settings({**good, "ML_THREADS": "many"})
