"""Take in a worker's report: verify every digest it names, then record it once."""

from __future__ import annotations

import hashlib
import logging
import uuid

from backend.core.storage import object_store
from backend.modelzoo.models import PredictionRun, PredictionScope, Run, RunState, TrainingRun
from backend.modelzoo.selectors import ENDED, RUNS
from backend.modelzoo.services.detections import keep_detections
from backend.modelzoo.services.prediction import attach_drafts, check_predicted_images, record_predictions
from backend.modelzoo.services.runs import end_run, run_ref
from backend.modelzoo.services.training import card_name, check_training_images, record_training
from cellcommons.cards.model import model_card
from cellcommons.errors import CellCommonsError, DigestMismatch, InvalidDocument, StoreUnusable
from cellcommons.manifest import Manifest
from cellcommons.orders import PredictionOrder, PredictionReport, TrainingReport
from cellcommons.store import CHUNK, ObjectStore
from cellcommons.tree import load_tree

log = logging.getLogger(__name__)


def accept_report(*, kind: str, run_id: uuid.UUID | str, report_sha256: str) -> Run | None:
    """End a run as its report says: finished (with a card, or predictions), cancelled or failed.

    A report that cannot be used fails the run with the reason. A second delivery changes nothing, nor does the late
    report of an attempt that was resumed since.
    """
    run = RUNS[kind].objects.filter(pk=run_id).first() if kind in RUNS else None
    if run is None:
        log.error("report %s of %s run %s, which this hub does not know", report_sha256, kind, run_id)
        return None
    store = object_store()
    if run.state in ENDED or _is_stale(store, run, report_sha256):
        return run
    try:
        report = (TrainingReport if kind == "training" else PredictionReport).load(store, report_sha256)
        if report.run != str(run.pk):
            # It says nothing of this run, so it must not end it.
            log.error("report %s is of run %s, not of %s run %s", report_sha256, report.run, kind, run.pk)
            return run
        if report.status in ("cancelled", "failed"):
            state = RunState.CANCELLED if report.status == "cancelled" else RunState.FAILED
            reason = (report.error or "the worker gave no reason") if report.status == "failed" else ""
            return end_run(kind=kind, run_id=run.pk, state=state, error=reason, report_sha256=report_sha256)
        if report.status != "finished":
            raise InvalidDocument(f"status {report.status!r} is not known", where=report_sha256)
        if isinstance(run, TrainingRun):
            _accept_training(store, run, report, report_sha256)
        elif isinstance(run, PredictionRun):
            _accept_predictions(store, run, report, report_sha256)
    except StoreUnusable:
        raise  # nothing is wrong with the report: the sweep sends the order again, and its worker answers again
    except CellCommonsError as error:
        log.error("the report of %s run %s cannot be used: %s", kind, run.pk, error.line())
        end_run(
            kind=kind,
            run_id=run.pk,
            state=RunState.FAILED,
            error=f"the worker's report cannot be used: {error.line()}",
            report_sha256=report_sha256,
        )
    run.refresh_from_db()
    return run


def _accept_training(store: ObjectStore, run: TrainingRun, report: TrainingReport, report_sha256: str) -> None:
    if report.checkpoint is None:
        raise InvalidDocument("a finished training names no checkpoint", where=report_sha256)
    _verify_object(store, report.checkpoint)
    check_training_images(run, report)
    for score in report.images:
        load_tree(store, score.labels)
        _verify_object(store, score.picture)
    name = card_name(run, report.checkpoint)
    record_training(
        run_id=run.pk,
        report=report,
        report_sha256=report_sha256,
        checkpoint_bytes=store.size(report.checkpoint),
        name=name,
        text=model_card(report, Manifest.load(store, run.release.manifest_sha256), name=name),
    )


def _accept_predictions(store: ObjectStore, run: PredictionRun, report: PredictionReport, report_sha256: str) -> None:
    check_predicted_images(PredictionOrder.load(store, run.order_sha256), report)
    for prediction in report.predictions:
        load_tree(store, prediction.labels)
        if not 0 <= prediction.uncertainty <= 1 or prediction.cells < 0:
            raise InvalidDocument("uncertainty lies in 0..1 and cells are counted from 0", where=prediction.image)
        for digest in prediction.companions.values():
            load_tree(store, digest)
    if run.scope == PredictionScope.DETECTIONS:
        keep_detections(run=run, report=report)
    drafts = attach_drafts(run=run, report=report)
    record_predictions(run_id=run.pk, report=report, report_sha256=report_sha256, drafts=drafts)


def _is_stale(store: ObjectStore, run: Run, report_sha256: str) -> bool:
    """Whether this report ended an earlier attempt: resuming removed it from the store's refs."""
    if report_sha256 != run.report_sha256:
        return False
    standing = store.get_ref(run_ref(run.pk, "report"))
    return standing is None or standing.decode("ascii", "replace").strip() != report_sha256


def _verify_object(store: ObjectStore, digest: str) -> None:
    """Raises NotFound or DigestMismatch; reads a block at a time, for checkpoints are large."""
    hasher = hashlib.sha256()
    with store.open(digest) as handle:
        while block := handle.read(CHUNK):
            hasher.update(block)
    if hasher.hexdigest() != digest:
        raise DigestMismatch("the stored bytes do not hash to their name", where=digest)
