"""A TrainingOrder carried out, whatever its task: release in, checkpoint and report out."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from cellcommons.orders import ImageScore, TrainingOrder, TrainingReport
from cellcommons.release import Release, open_release
from ml_worker.channel import RunChannel, Stopped
from ml_worker.device import environment
from ml_worker.evaluate import reported
from ml_worker.kinds.contract import Hooks, Scored, TaskData, TaskEvaluation, TaskTraining
from ml_worker.kinds.registry import kind_of_task
from ml_worker.loop import Progress, TrainResult


def carry_out_training(order: TrainingOrder, channel: RunChannel) -> TrainingReport:
    """Train, save the checkpoint and score it on the release's test split.

    A saved state of the same run is picked up. Returns a report with status ``finished``, or ``cancelled`` where
    training itself was cut.

    Raises:
        Stopped: cancelled outside training, or the worker is shutting down; the state is saved.
        CellCommonsError: the order, the release or its images are at fault.
    """
    kind = kind_of_task(order.task)
    channel.progress(_message("reading the release"), force=True)
    release = open_release(channel.store, order.manifest)
    start = channel.store.get(order.start_from) if order.start_from else None
    training = kind.training(order, release, start)
    data = TaskData(_samples(training, release, "train", channel), _samples(training, release, "validation", channel))
    hooks = Hooks(
        resume=channel.state(),
        on_progress=lambda progress: channel.progress(_payload(progress)),
        should_stop=channel.should_stop,
        save_state=channel.save_state,
    )
    result = training.train(data, hooks)
    if result.status == "cancelled":
        if not channel.cancelled():
            raise Stopped
        seconds = round(result.seconds, 2)
        return TrainingReport(order.run, "cancelled", curve=result.curve, seconds=seconds, environment=environment())
    return _finished(order, training, data, result, release, channel)


def _finished(
    order: TrainingOrder,
    training: TaskTraining[Any, Any],
    data: TaskData[Any],
    result: TrainResult,
    release: Release,
    channel: RunChannel,
) -> TrainingReport:
    digest = channel.store.put(result.checkpoint)
    items = list(release.items("test"))
    last = Progress(result.steps, result.steps, 1.0, 0.0, None, result.seconds)
    started = time.monotonic()
    channel.progress(_payload(last, "preparing the evaluation"))
    evaluation = training.evaluation(result.checkpoint, digest, data)
    scored: list[Scored[Any]] = []
    for number, item in enumerate(items, start=1):
        going_on = partial(channel.go_on, _payload(last, f"scoring test image {number} of {len(items)}"))
        going_on()
        scored.append(evaluation.score(item, going_on))
    outcomes, floors = [one.outcome for one in scored], [one.baseline for one in scored]
    # Best first; equal scores in order of id, so that a repeated run gives the same report.
    ordered = sorted(scored, key=lambda one: (-one.score, one.item.image))
    return TrainingReport(
        order.run,
        "finished",
        checkpoint=digest,
        measures=reported(evaluation.pooled(outcomes, seed=order.seed)) if scored else {},
        baseline=reported(evaluation.pooled_baseline(floors, seed=order.seed)) if scored else {},
        by_stratum=_by_stratum(evaluation, scored, seed=order.seed),
        images=tuple(_image_score(one, channel) for one in ordered),
        curve=result.curve,
        seconds=round(result.seconds, 2),
        environment=environment() | {"scoring_seconds": round(time.monotonic() - started, 2)},
        headline=evaluation.headline,
        notes=_notes(evaluation, scored),
    )


def _samples(training: TaskTraining[Any, Any], release: Release, split: str, channel: RunChannel) -> tuple[Any, ...]:
    found: list[Any] = []
    for item in release.items(split):
        channel.check()
        found += training.samples(item)
    return tuple(found)


def _by_stratum(evaluation: TaskEvaluation[Any], scored: list[Scored[Any]], *, seed: int) -> dict[str, Any]:
    strata: dict[str, list[Any]] = {}
    for one in scored:
        strata.setdefault(one.item.stratum, []).append(one.outcome)
    return {name: reported(evaluation.pooled(listed, seed=seed)) for name, listed in sorted(strata.items())}


def _notes(evaluation: TaskEvaluation[Any], scored: list[Scored[Any]]) -> tuple[str, ...]:
    if not scored:
        return ("The release has no test split, so nothing is measured.", *evaluation.notes(scored))
    return tuple(evaluation.notes(scored))


def _image_score(scored: Scored[Any], channel: RunChannel) -> ImageScore:
    return ImageScore(
        image=scored.item.image,
        tree=scored.item.tree,
        labels=scored.labels,
        picture=channel.store.put(scored.picture),
        measures=reported(scored.measures),
        stratum=scored.item.stratum,
    )


def _payload(progress: Progress, message: str = "") -> dict[str, object]:
    return {
        "step": progress.step,
        "steps": progress.steps,
        "fraction": round(progress.fraction, 4),
        "loss": round(progress.loss, 5),
        "validation": progress.validation,
        "seconds": round(progress.seconds, 2),
        "message": message or progress.message,
    }


def _message(text: str) -> dict[str, object]:
    return _payload(Progress(0, 0, 0.0, 0.0, None, 0.0, text))
