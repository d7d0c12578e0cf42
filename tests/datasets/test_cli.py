from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from small_release import biggest, items_in, overwrite, seal, serving

from cellcommons.cli import main
from cellcommons.release import Release
from cellcommons.store import FolderStore, object_path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    store = FolderStore(tmp_path_factory.mktemp("hub"))
    return seal(store, items_in(store, 3))


@pytest.fixture
def hub(release: Release):
    with serving(release) as hub:
        yield hub


def last_json(text: str) -> dict:
    return json.loads(text.splitlines()[-1])


def test_download_verify_info(hub, release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "noise-1")
    assert main(["download", "lab/noise@1", folder, "--hub", hub.address, "--json"]) == 0
    out, err = capsys.readouterr()
    done = last_json(out)
    assert err == ""  # progress is for a terminal
    assert done["manifest_sha256"] == release.digest
    assert done["fetched"] == done["bytes"] == release.counted().bytes
    assert main(["verify", folder, "--json"]) == 0
    out, err = capsys.readouterr()
    assert last_json(out)["verified"] is True
    assert err == ""  # progress is for a terminal
    for path in (folder, f"{folder}/.cellcommons/manifest.json"):
        assert main(["info", path, "--json"]) == 0
        told = last_json(capsys.readouterr().out)
        assert (told["reference"], told["images"], told["manifest_sha256"]) == ("lab/noise@1.0.0", 3, release.digest)
    assert main(["info", folder]) == 0
    assert "lab/noise@1.0.0" in capsys.readouterr().out


def test_damage_is_one_line_and_status_1(hub, release: Release, tmp_path: Path, capsys) -> None:
    assert main(["download", "lab/noise@1", str(tmp_path), "--hub", hub.address]) == 0
    kept = tmp_path / ".cellcommons" / object_path(biggest(release))
    overwrite(kept, b"x" * kept.stat().st_size)
    capsys.readouterr()
    assert main(["verify", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert biggest(release) in err.splitlines()[-1]
    assert "--repair" in err.splitlines()[-1]
    assert main(["download", "lab/noise@1", str(tmp_path), "--hub", hub.address, "--repair"]) == 0
    assert main(["verify", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["download", "lab/noise", "DIR"], "lab/slug@version"),
        (["download", "lab/noise@7", "DIR"], "lab/noise@7"),
        (["download", "lab/noise@1", "DIR", "--hub", "ftp://x"], "ftp://x"),
        (["verify", "DIR"], "cellcommons download"),
        (["info", "DIR/nothing"], "no such file or folder"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    hub, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("CELLCOMMONS_HUB", hub.address)
    assert main([a.replace("DIR", str(tmp_path)) for a in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_a_bad_number_of_jobs_is_refused(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["download", "lab/noise@1", "x", "--jobs", "0"])
    assert caught.value.code == 2
    assert "1 to 64" in capsys.readouterr().err


def test_layouts_are_listed(capsys) -> None:
    assert main(["layouts", "--json"]) == 0
    rows = {row["name"]: row for row in last_json(capsys.readouterr().out)["layouts"]}
    assert rows["dsb2018"]["writes"]
    assert "holes" in rows["dsb2018"]["features"]


def test_ctrl_c_says_how_to_go_on(hub, release: Release, tmp_path: Path) -> None:
    """A real process, interrupted while the server holds back an object."""
    held, arrived = threading.Event(), threading.Event()

    class Slow:
        def __getattr__(self, name: str):
            return getattr(release.store, name)

        def get(self, digest: str) -> bytes:
            if digest == biggest(release):
                arrived.set()
                held.wait(20)
            return release.store.get(digest)

    hub.release = Release(Slow(), release.manifest, release.digest)  # type: ignore[arg-type]
    command = [sys.executable, "-c", "import sys; from cellcommons.cli import main; sys.exit(main())"]
    process = subprocess.Popen(
        [*command, "download", "lab/noise@1", str(tmp_path), "--hub", hub.address],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert arrived.wait(30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=15)
    finally:
        process.kill()
        held.set()
    assert process.returncode == 130
    assert "goes on where it stopped" in err.splitlines()[-1]
    assert "Traceback" not in err
    hub.release = release
    assert main(["download", "lab/noise@1", str(tmp_path), "--hub", hub.address]) == 0
    assert main(["verify", str(tmp_path)]) == 0
