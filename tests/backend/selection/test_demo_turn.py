"""The demo's first turn: readings, consensus, a release, an order; once, and again after a cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.annotation.models import Annotation, Campaign
from backend.consensus.models import ConsensusState, DisagreementState
from backend.consensus.selectors import latest_consensuses, list_disagreements
from backend.modelzoo.models import TrainingRun
from backend.releases.models import ReleaseState
from backend.selection import demo_turn
from backend.selection.demo import load_demo


@pytest.mark.django_db
def test_the_wheel_has_turned_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    load_demo(home=tmp_path, say=said.append)
    monkeypatch.setattr(demo_turn, "IMAGES_READ", 4)

    def cut(**_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(demo_turn, "publish_release", cut)
        with pytest.raises(KeyboardInterrupt):
            demo_turn.turn_demo_once(say=said.append)
    release = demo_turn.turn_demo_once(say=said.append)
    assert release is not None
    assert release.state == ReleaseState.PUBLISHED
    assert Annotation.objects.count() == 12
    assert latest_consensuses().count() == 4
    settled = latest_consensuses().filter(state=ConsensusState.SETTLED).count()
    assert settled == release.images.count() >= 3
    assert TrainingRun.objects.get().release == release
    # What is left open is the last image's, for a person to settle.
    assert list_disagreements().filter(state=DisagreementState.OPEN).values("item").distinct().count() <= 1
    assert Campaign.objects.get().items.filter(readings_done=0).count() == 8
    assert demo_turn.turn_demo_once(say=said.append) is None
    assert TrainingRun.objects.count() == 1
