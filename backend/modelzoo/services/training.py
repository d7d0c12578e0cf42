"""Order a training on a release, and make a model card of what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from backend.core.dispatch import dispatch
from backend.core.errors import NotAllowed, WrongState
from backend.core.storage import object_store
from backend.imaging.access import datasets_seen_by, hold_visibility
from backend.imaging.models import Dataset
from backend.modelzoo.models import ModelCard, RunState, TrainingRun
from backend.modelzoo.selectors import ENDED, checkpoint_to_start_from
from backend.modelzoo.services.runs import ORDERS
from backend.people.models import Person
from backend.releases.models import Release, ReleaseState, Split
from backend.releases.selectors import refuse_withdrawn
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.orders import TrainingOrder, TrainingReport


def order_training(
    *,
    release: Release,
    person: Person,
    seed: int = 0,
    budget_seconds: float = 120.0,
    config: Mapping[str, Any] | None = None,
    start_from: str = "",
) -> TrainingRun:
    """Ask a worker to train on a published release; it learns nothing but the manifest.

    Args:
        start_from: a model card's id or name, or the sha256 of weights that were brought; "": from scratch.

    Raises:
        WrongState: the release is not published. Withdrawn: it was, and was taken back.
        NotFound: there is no such checkpoint.
    """
    begin = _checkpoint(start_from, release.dataset, person)
    if release.state != ReleaseState.PUBLISHED:
        raise WrongState(
            f"{release.reference} is {release.state}", where=release.reference, remedy="Train on a published release."
        )
    refuse_withdrawn(release)
    if not datasets_seen_by(person).filter(pk=release.dataset_id).exists():
        raise NotAllowed(
            f"{release.reference} is open to read, but its dataset, and what is trained on it here, is its lab's",
            where=release.reference,
            remedy="Import the release into a dataset of your own.",
        )
    run_id = uuid.uuid4()
    order = TrainingOrder(
        run=str(run_id),
        manifest=release.manifest_sha256,
        task=release.campaign.task,
        seed=seed,
        budget_seconds=float(budget_seconds),
        config=dict(config or {}),
        start_from=begin,
    )
    order_sha256 = order.save(object_store())
    with transaction.atomic():
        _checkpoint(start_from, hold_visibility(release.dataset), person)
        run = TrainingRun.objects.create(
            id=run_id,
            release=release,
            seed=seed,
            budget_seconds=budget_seconds,
            config=dict(config or {}),
            start_from=begin or "",
            order_sha256=order_sha256,
            sent_at=timezone.now(),
            created_by=person,
        )
        dispatch(ORDERS["training"], order_sha256)
    return run


def _checkpoint(start_from: str, dataset: Dataset, person: Person) -> str | None:
    """Its digest; None from scratch."""
    begin = checkpoint_to_start_from(start_from, dataset=dataset, person=person) if start_from else None
    if start_from and begin is None:
        raise NotFound(
            "there is no such checkpoint to start from",
            where=start_from[:80],
            remedy="Name a model card, or bring the weights as a safetensors file first.",
        )
    return begin


def check_training_images(run: TrainingRun, report: TrainingReport) -> None:
    """Raises InvalidDocument unless the report scores test images of the run's release, each once."""
    tested = run.release.images.filter(split=Split.TEST).values_list("image_id", "image__tree_sha256")
    known = {str(image): tree for image, tree in tested}
    images = [score.image for score in report.images]
    strange = [score.image for score in report.images if known.get(score.image) != score.tree]
    if strange or len(set(images)) != len(images):
        raise InvalidDocument(
            "the report scores images that are not the release's test images", where=", ".join(strange[:3])
        )


@transaction.atomic
def record_training(
    *, run_id: uuid.UUID | str, report: TrainingReport, report_sha256: str, checkpoint_bytes: int, name: str, text: str
) -> ModelCard | None:
    """Finish a run and make its model card; None if the run had ended before."""
    run = (
        TrainingRun.objects.select_for_update(of=("self",), no_key=True)
        .select_related("release__dataset")
        .get(pk=run_id)
    )
    if run.state in ENDED or report.checkpoint is None:
        return None
    card = ModelCard.objects.create(
        name=name,
        training_run=run,
        checkpoint_sha256=report.checkpoint,
        checkpoint_bytes=checkpoint_bytes,
        headline=report.headline,
        notes=list(report.notes),
        measures=report.measures,
        baseline=report.baseline,
        by_stratum=report.by_stratum,
        images=[
            {
                "image": score.image,
                "tree": score.tree,
                "labels": score.labels,
                "picture": score.picture,
                "stratum": score.stratum,
                "measures": score.measures,
            }
            for score in report.images
        ],
        text=text,
    )
    run.state, run.error, run.finished_at = RunState.FINISHED, "", timezone.now()
    run.report_sha256 = report_sha256
    run.curve = [dict(point) for point in report.curve] or run.curve
    run.save(update_fields=["state", "error", "finished_at", "report_sha256", "curve"])
    return card


def card_name(run: TrainingRun, checkpoint: str) -> str:
    """``commons/dsb2018-1.0.0-a3f2``: release and first digits of the checkpoint, as many as it takes to be unique."""
    stem = f"{run.release.dataset.name}-{run.release.version}"
    # Equal checkpoints happen (same order, same seed): then the run tells them apart.
    digits = checkpoint[:16] + run.pk.hex
    names = [f"{stem}-{digits[:length]}" for length in range(4, len(digits) + 1)]
    taken = set(ModelCard.objects.filter(name__in=names).values_list("name", flat=True))
    return next(name for name in names if name not in taken)
