"""A published release, a model card of a training on it, and the reports that a worker would send about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreed import PLACES, SHAPE, campaign, read, readers  # noqa: F401
from messages import sent  # noqa: F401
from readings import disks

from backend.annotation.models import Campaign
from backend.imaging.models import Dataset
from backend.modelzoo import services
from backend.modelzoo.models import ModelCard, PredictionRun, TrainingRun
from backend.people.models import Person
from backend.releases.models import Release
from backend.releases.services import draft_release, publish_release
from cellcommons.images.ome_zarr import write_labels
from cellcommons.orders import ImagePrediction, ImageScore, PredictionOrder, PredictionReport, TrainingReport
from cellcommons.store import ObjectStore


@pytest.fixture
def release(dataset: Dataset, campaign: Campaign, curator: Person) -> Release:  # noqa: F811
    return publish_release(release_id=draft_release(dataset=dataset, campaign=campaign, person=curator).pk)


@pytest.fixture
def training(release: Release, curator: Person) -> TrainingRun:
    return services.order_training(release=release, person=curator, seed=5, budget_seconds=30)


@pytest.fixture
def training_report(store: ObjectStore) -> Callable[..., TrainingReport]:
    """``training_report(run)``: finished, with what a worker would have put into the store; fields can be replaced."""

    def make(run: TrainingRun, **changes: Any) -> TrainingReport:
        measures = {"f1_50": 0.81, "ap_50": 0.7, "images": 1}
        scores = tuple(
            ImageScore(
                image=str(row.image_id),
                tree=row.image.tree_sha256,
                labels=write_labels(store, disks(SHAPE, PLACES)).digest,
                picture=store.put(b"\x89PNG of " + str(row.image_id).encode()),
                measures={"f1_50": 0.81},
                stratum=row.image.stratum,
            )
            for row in run.release.images.filter(split="test").select_related("image")
        )
        fields: dict[str, Any] = {
            "run": str(run.pk),
            "status": "finished",
            "checkpoint": store.put(b"weights of " + str(run.pk).encode()),
            "measures": measures,
            "baseline": {"f1_50": 0.5, "ap_50": 0.4, "images": 1},
            "by_stratum": {"": measures},
            "images": scores,
            "curve": ({"step": 10, "seconds": 1.0, "loss": 0.5}, {"step": 20, "seconds": 2.0, "loss": 0.3}),
            "seconds": 2.0,
            "environment": {"torch": "2.13.0"},
        }
        return TrainingReport(**(fields | changes))

    return make


@pytest.fixture
def card(training: TrainingRun, training_report: Callable[..., TrainingReport], store: ObjectStore) -> ModelCard:
    digest = training_report(training).save(store)
    services.accept_report(kind="training", run_id=training.pk, report_sha256=digest)
    return ModelCard.objects.get()


@pytest.fixture
def prediction_report(store: ObjectStore) -> Callable[..., PredictionReport]:
    """``prediction_report(run)``: one cell per image, ever less sure; fields can be replaced."""

    def make(run: PredictionRun, **changes: Any) -> PredictionReport:
        order = PredictionOrder.load(store, run.order_sha256)
        labels = np.zeros(SHAPE, dtype=np.uint32)
        labels[10:20, 10:20] = 1
        tree = write_labels(store, labels).digest
        predictions = tuple(
            ImagePrediction(ref.image, ref.tree, tree, 1, round(0.1 * number, 3), {"1": 0.9})
            for number, ref in enumerate(order.images)
        )
        fields: dict[str, Any] = {
            "run": str(run.pk),
            "status": "finished",
            "checkpoint": order.checkpoint,
            "predictions": predictions,
        }
        return PredictionReport(**(fields | changes))

    return make
