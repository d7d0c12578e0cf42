"""Work is sent after commit; a broker that is away loses nothing; a failing sweep stops no other."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError

from backend.celery import app
from backend.core import sweep
from backend.core.dispatch import dispatch
from backend.core.tasks import sweep as sweep_task


@pytest.mark.django_db(transaction=True)
def test_sent_after_commit_and_not_after_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(app, "send_task", lambda name, args, **_: sent.append((name, args)))
    with transaction.atomic():
        dispatch("imaging.run_import", 5)
        assert sent == []
    assert sent == [("imaging.run_import", ["5"])]
    with transaction.atomic():
        dispatch("imaging.run_import", 6)
        transaction.set_rollback(True)
    assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("no route")

    monkeypatch.setattr(app, "send_task", away)
    with caplog.at_level(logging.ERROR):
        dispatch("imaging.run_import", 7)
    assert "the sweep will send it again" in caplog.text


def test_queues() -> None:
    router = app.amqp.router
    assert router.route({}, "ml_worker.train")["queue"].name == "gpu"
    assert router.route({}, "imaging.run_import")["queue"].name == "io"
    assert router.route({}, "consensus.fuse_item").get("queue") in (None, app.amqp.queues["cpu"])
    assert app.conf.task_default_queue == "cpu"
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_acks_late
    assert app.conf.broker_transport_options["visibility_timeout"] == 86_400


def test_a_failing_sweep_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(sweep, "_SWEEPS", {"a": fail, "b": lambda: 3})
    assert sweep.run_sweeps() == {"a": -1, "b": 3}


@pytest.mark.django_db
def test_every_registered_sweep_runs_on_an_empty_hub() -> None:
    results = sweep.run_sweeps()
    assert {"annotation.leases", "imaging.imports"} <= set(results)
    assert set(results.values()) == {0}
    sweep_task()
