"""The demo's first turn: readings, consensus, a release, an order; once, and again after a cut."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from backend.annotation.models import Annotation, Campaign
from backend.consensus.models import ConsensusState, Disagreement, DisagreementState
from backend.consensus.selectors import latest_consensuses
from backend.modelzoo.models import ModelCard, PredictionRun, TrainingRun
from backend.releases.models import ReleaseState
from backend.selection.demo import turning
from backend.selection.demo.loading import load_demo
from backend.selection.demo.registry import DEMO

READ, IMAGES = 3, 4


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All five campaigns, of few images."""
    for task in DEMO:
        monkeypatch.setattr(type(task), "page", replace(task.page, images=IMAGES, images_read=READ))
    load_demo(home=tmp_path, say=lambda line: None)


def came_of(run: TrainingRun) -> ModelCard:
    """A card as a finished training leaves it."""
    measured = {key: {} for key in ("measures", "baseline", "by_stratum")}
    return ModelCard.objects.create(
        name="first", training_run=run, checkpoint_sha256="ab" * 32, checkpoint_bytes=1, images=[], text="", **measured
    )


def cut(**_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.django_db
def test_the_wheel_has_turned_once_for_each_task(demo: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    for task in DEMO:
        slug = task.page.slug
        if task is DEMO[-1]:
            with monkeypatch.context() as patch:
                patch.setattr(turning, "publish_release", cut)
                with pytest.raises(KeyboardInterrupt):
                    turning.turn_demo_once(slug=slug, say=said.append)
        release = turning.turn_demo_once(slug=slug, say=said.append)
        assert release is not None
        assert release.state == ReleaseState.PUBLISHED, release.error
        campaign = Campaign.objects.get(slug=slug)
        readings = Annotation.objects.filter(item__campaign=campaign)
        assert readings.count() == 3 * READ
        assert readings.filter(cells=0).count() < 3 * READ
        revisions = latest_consensuses().filter(item__campaign=campaign)
        assert revisions.count() == READ
        settled = revisions.filter(state=ConsensusState.SETTLED).count()
        assert settled == release.images.count() >= READ - 1
        assert {"train", "test"} <= set(release.images.values_list("split", flat=True))
        # What is left open is the last image's, for a person to settle.
        left = Disagreement.objects.filter(state=DisagreementState.OPEN, item__campaign=campaign)
        assert left.values("item").distinct().count() <= 1
        assert campaign.items.filter(readings_done=0).count() == IMAGES - READ
        assert turning.turn_demo_once(slug=slug, say=said.append) is None
        run = TrainingRun.objects.get(release__campaign=campaign)
        assert (run.release, run.budget_seconds) == (release, task.page.training_seconds)
    assert turning.sweep_demo() == 0  # nothing has come of the trainings yet
    card = came_of(TrainingRun.objects.get(release__campaign__slug="demo-tracking"))
    assert turning.sweep_demo() == 1
    drafting = PredictionRun.objects.get()
    assert (drafting.model_card, drafting.campaign.slug, drafting.scope) == (card, "demo-tracking", "unread")
    assert drafting.images == IMAGES - READ
    assert turning.sweep_demo() == 0


@pytest.mark.django_db
def test_a_turn_that_nobody_made_is_sent_again(demo: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(turning, "dispatch", lambda *message: sent.append(message))
    assert turning.sweep_demo() == 0
    Campaign.objects.update(created=timezone.now() - timedelta(minutes=5))
    assert turning.sweep_demo() == len(DEMO)
    assert sent == [(turning.TURN, task.page.slug) for task in DEMO]


@pytest.mark.django_db
def test_other_campaigns_are_left_alone() -> None:
    assert turning.sweep_demo() == 0
