"""A store that is away for a while ends no run: its order goes back to the queue and is carried out later."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from celery.exceptions import Reject

from cellcommons.errors import StoreUnusable
from cellcommons.store import FolderStore


def test_an_order_that_meets_a_store_that_is_away_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_URL", "memory://")
    monkeypatch.setenv("OBJECTS_URL", (tmp_path / "objects").as_uri())
    sys.modules.pop("ml_worker.worker", None)
    worker = importlib.import_module("ml_worker.worker")
    monkeypatch.setattr(worker, "STORE_PAUSE", 0.0)

    def away(self: FolderStore, digest: str) -> bytes:
        raise StoreUnusable("it does not answer", where="s3://cells")

    monkeypatch.setattr(FolderStore, "get", away)
    with pytest.raises(Reject) as caught:
        worker.train("0" * 64)
    assert caught.value.requeue is True
    sys.modules.pop("ml_worker.worker", None)


def test_the_address_of_the_store_is_checked_at_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_URL", "memory://")
    monkeypatch.setenv("OBJECTS_URL", "s3://key:hunter2@cells")
    sys.modules.pop("ml_worker.worker", None)
    with pytest.raises(SystemExit, match="OBJECTS_URL") as caught:
        importlib.import_module("ml_worker.worker")
    assert "hunter2" not in str(caught.value)


def test_settings_may_be_in_files(tmp_path: Path) -> None:
    settings = importlib.import_module("ml_worker.settings")
    (tmp_path / "broker").write_text("redis://:secret@redis:6379/0\n")
    given = {"BROKER_URL_FILE": str(tmp_path / "broker"), "OBJECTS_URL": "file:///x"}
    assert settings.read_settings(given).broker_url == "redis://:secret@redis:6379/0"
    with pytest.raises(settings.BadSetting, match="BROKER_URL_FILE"):
        settings.read_settings({**given, "BROKER_URL_FILE": str(tmp_path / "absent")})
