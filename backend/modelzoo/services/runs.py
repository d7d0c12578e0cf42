"""What training and prediction runs share: heartbeat, cancel, resume, and being sent again."""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from backend.core.dispatch import dispatch
from backend.core.errors import WrongState
from backend.core.storage import object_store
from backend.modelzoo.models import Run, RunState, TrainingRun
from backend.modelzoo.selectors import ENDED, RUNS, cancelling_runs, unsent_runs
from cellcommons.errors import InvalidDocument

log = logging.getLogger(__name__)

ORDERS = {"training": "ml_worker.train", "prediction": "ml_worker.predict"}
SILENT = timedelta(seconds=120)
WAITING = timedelta(seconds=300)
CURVE_POINTS = 2000
_NUMBERS = ("step", "steps", "fraction", "loss", "validation", "seconds")


def run_ref(run_id: object, name: str) -> str:
    """Name in the object store of one of a run's refs: ``cancel``, ``state`` or ``report``."""
    return f"runs/{run_id}/{name}"


def refs_of_runs() -> Iterator[str]:
    """Refs that may name a saved state or a report: of every run that has not finished, for any may yet go on."""
    for model in RUNS.values():
        for run_id in model.objects.exclude(state=RunState.FINISHED).values_list("pk", flat=True):
            yield from (run_ref(run_id, "state"), run_ref(run_id, "report"))


@transaction.atomic
def record_progress(*, kind: str, run_id: uuid.UUID | str, payload: Mapping[str, Any]) -> None:
    """Take a worker's heartbeat. What a run that has ended still says is dropped."""
    run = _run_model(kind).objects.select_for_update(no_key=True).filter(pk=run_id).first()
    if run is None:
        log.error("progress of %s run %s, which this hub does not know", kind, run_id)
        return
    if run.state in ENDED:
        return
    if run.state == RunState.WAITING:
        run.state = RunState.RUNNING
    progress = {name: number for name in _NUMBERS if (number := _finite(payload.get(name))) is not None}
    run.progress = progress | {"message": str(payload.get("message", ""))[:500]}
    run.heartbeat = timezone.now()
    fields = ["state", "progress", "heartbeat"]
    if isinstance(run, TrainingRun) and "step" in progress and "loss" in progress:
        run.curve = _extended(run.curve, progress)
        fields.append("curve")
    run.save(update_fields=fields)


def cancel_run(*, kind: str, run_id: uuid.UUID | str) -> Run:
    """Ask a run's worker to stop; one that no worker has taken up yet stops at once.

    Raises:
        WrongState: it has ended.
    """
    with transaction.atomic():
        run = _run_model(kind).objects.select_for_update(no_key=True).get(pk=run_id)
        if run.state in ENDED:
            raise WrongState(
                f"the run is {run.state}", where=f"{kind} run {run.pk}", remedy="Nothing is left to cancel."
            )
        if run.state == RunState.WAITING:
            run.state, run.finished_at = RunState.CANCELLED, timezone.now()
        else:
            run.state = RunState.CANCELLING
        run.save(update_fields=["state", "finished_at"])
        # After the commit, for the store may be far away; the sweep asks again if this process dies in between.
        transaction.on_commit(lambda: object_store().put_ref(run_ref(run.pk, "cancel"), b"cancel"))
    return run


def resume_run(*, kind: str, run_id: uuid.UUID | str) -> Run:
    """Go on from the last saved training state, with the same order.

    Raises:
        WrongState: the run is neither cancelled nor failed.
    """
    run = _run_model(kind).objects.get(pk=run_id)
    _require_resumable(kind, run)
    store = object_store()
    store.delete_ref(run_ref(run.pk, "cancel"))
    store.delete_ref(run_ref(run.pk, "report"))
    with transaction.atomic():
        run = _run_model(kind).objects.select_for_update(no_key=True).get(pk=run_id)
        _require_resumable(kind, run)
        run.state, run.error, run.finished_at = RunState.WAITING, "", None
        run.sent_at = timezone.now()
        run.save(update_fields=["state", "error", "finished_at", "sent_at"])
        dispatch(ORDERS[kind], run.order_sha256)
    return run


@transaction.atomic
def resend_run(*, kind: str, run_id: uuid.UUID | str) -> None:
    """Send an order again; a worker that has it already, or has done it, answers with what it knows."""
    run = _run_model(kind).objects.select_for_update(no_key=True).get(pk=run_id)
    if run.state in (RunState.WAITING, RunState.RUNNING):
        run.sent_at = timezone.now()
        run.save(update_fields=["sent_at"])
        dispatch(ORDERS[kind], run.order_sha256)


@transaction.atomic
def end_run(*, kind: str, run_id: uuid.UUID | str, state: RunState, error: str = "", report_sha256: str = "") -> Run:
    """Mark a run as ended without a result; one that has ended already stays as it is."""
    run = _run_model(kind).objects.select_for_update(no_key=True).get(pk=run_id)
    if run.state not in ENDED:
        run.state, run.error, run.finished_at = state, error, timezone.now()
        run.report_sha256 = report_sha256 or run.report_sha256
        run.save(update_fields=["state", "error", "finished_at", "report_sha256"])
    return run


def sweep_runs() -> int:
    """Send again what a dead worker or broker lost, and end runs whose worker died while being cancelled."""
    now = timezone.now()
    taken_up = 0
    for kind, model in RUNS.items():
        for run_id in unsent_runs(model, waiting_since=now - WAITING, silent_since=now - SILENT):
            resend_run(kind=kind, run_id=run_id)
            taken_up += 1
        for run_id in cancelling_runs(model):
            run = model.objects.get(pk=run_id)
            if (run.heartbeat or run.sent_at or run.created) < now - SILENT:
                end_run(kind=kind, run_id=run_id, state=RunState.CANCELLED)
                taken_up += 1
            else:
                object_store().put_ref(run_ref(run_id, "cancel"), b"cancel")
    return taken_up


def _run_model(kind: str) -> type[Run]:
    if kind not in RUNS:
        raise InvalidDocument(f"{kind!r} is no kind of run", remedy=f"It is one of {', '.join(RUNS)}.")
    return RUNS[kind]


def _require_resumable(kind: str, run: Run) -> None:
    if run.state not in (RunState.CANCELLED, RunState.FAILED):
        raise WrongState(
            f"the run is {run.state}", where=f"{kind} run {run.pk}", remedy="Only a cancelled or failed run resumes."
        )


def _finite(value: Any) -> float | int | None:
    """``value`` if it is a number that JSON can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


def _extended(curve: list[dict[str, Any]], progress: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The curve with one more point. A resumed run draws over what it does again; a long curve is thinned."""
    point = {name: progress[name] for name in ("step", "seconds", "loss", "validation") if name in progress}
    kept = [earlier for earlier in curve if earlier.get("step", 0) < point["step"]]
    if len(kept) >= CURVE_POINTS:
        kept = [p for index, p in enumerate(kept) if index % 2 == 0 or "validation" in p]
    return [*kept, point]
