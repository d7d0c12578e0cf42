"""A withdrawn release is not downloaded, not even from static files beside the hub, and one line says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_release import serving, small_release

import cellcommons
from cellcommons.cli import main
from cellcommons.client import Client
from cellcommons.errors import Withdrawn
from cellcommons.folder import load
from cellcommons.opening import AsLastSeen
from cellcommons.store import FolderStore


def test_one_line_and_exit_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = small_release(FolderStore(tmp_path / "store"))
    reference, folder = release.manifest.reference, tmp_path / "copy"
    with serving(release) as hub:
        Client(hub.address).download(reference, folder)
        hub.withdrawn = "the licence was wrong"
        assert main(["download", reference, str(tmp_path / "new"), "--hub", hub.address]) == 2
        told = capsys.readouterr().err.strip().splitlines()
        assert len(told) == 1
        assert "withdrawn: the licence was wrong" in told[0]
        with pytest.raises(Withdrawn):
            Client(hub.address).download(reference, folder)
    # A copy that someone has stays whole.
    assert load(folder).verify().count == release.counted().count
    assert not (tmp_path / "new" / "release.json").exists()


def test_who_asked_since_is_told_offline_too(tmp_path: Path) -> None:
    release = small_release(FolderStore(tmp_path / "store"))
    with serving(release) as hub:
        where = {"hub": hub.address, "cache": tmp_path / "cache"}
        cellcommons.open(release.manifest.reference, **where)
        with pytest.warns(AsLastSeen):
            cellcommons.open(release.manifest.reference, offline=True, **where)
        hub.withdrawn = "the licence was wrong"
        for options in ({}, {"offline": True}):
            with pytest.raises(Withdrawn, match="the licence was wrong"):
                cellcommons.open(release.manifest.reference, **where, **options)
    with pytest.raises(Withdrawn, match="the licence was wrong"):
        cellcommons.open(release.manifest.reference, **where)
