"""A withdrawn release is not downloaded, not even from static files beside the hub, and one line says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_release import serving, small_release

from cellcommons.cli import main
from cellcommons.client import Client
from cellcommons.errors import Withdrawn
from cellcommons.folder import load
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
