from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from small_release import Hub, biggest, items_in, overwrite, seal, serving

import cellcommons
from cellcommons import shelf
from cellcommons.cli import main
from cellcommons.client import Client
from cellcommons.download_settings import DownloadSettings
from cellcommons.errors import AlreadyThere, DigestMismatch, EditedLocally, NotFound, Unreachable
from cellcommons.folder import ReleaseFolder
from cellcommons.images.ome_zarr import write_labels
from cellcommons.labels import cells
from cellcommons.release import CellRow, Release, ReleaseItem
from cellcommons.store import FolderStore, object_path

POINTS = 22


def relabelled(release: Release, item: ReleaseItem) -> ReleaseItem:
    labels = np.array(release.labels(item))
    labels[40:44, 40:44] = 9
    rows = tuple(CellRow(c.id, c.box, c.area, 0.5) for c in cells(labels))
    return replace(item, labels=write_labels(release.store, labels).digest, cells=rows)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, Release]:
    """Two releases: one image relabelled, one gone, one new."""
    store = FolderStore(tmp_path_factory.mktemp("hub"))
    first = seal(store, items_in(store))
    items = list(first.items())
    later = [relabelled(first, items[0]), *items[1:-1], *items_in(store, 7, seed=1)[6:]]
    return first, seal(store, later, parent=first.digest)


@pytest.fixture
def hub(versions: tuple[Release, Release]) -> Iterator[Hub]:
    with serving(versions[0]) as hub:
        yield hub


@pytest.fixture
def folder(hub: Hub, versions: tuple[Release, Release], tmp_path: Path) -> Path:
    """A download of the first, while the hub has gone on to the second."""
    Client(hub.address).download("lab/noise@1", tmp_path / "noise")
    hub.release = versions[1]
    hub.served.clear()
    return tmp_path / "noise"


def new_objects(versions: tuple[Release, Release]) -> dict[str, int]:
    old = {digest for digest, _ in versions[0].objects()}
    return {d: n for d, n in versions[1].objects() if d not in old and d != versions[1].digest}


def client(hub: Hub) -> Client:
    return Client(hub.address, pause=0.01, attempts=2, timeout=5.0)


def test_only_what_is_new_moves_and_one_line_says_what_changed(hub, versions, folder: Path, capsys) -> None:
    assert main(["sync", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "lab/noise@1.0.0 -> lab/noise@2.0.0" in said
    assert "1 image added, 1 image removed, 1 image relabelled" in said
    new = new_objects(versions)
    assert hub.served == new
    release = ReleaseFolder(folder).verify()
    assert release.digest == versions[1].digest
    assert sorted(p.stem for p in (folder / "images").iterdir()) == sorted(i.path for i in release.items())
    assert main(["sync", str(folder), "--json"]) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (done["fetched"], done["changes"], done["previous"]) == (0, "", "lab/noise@2.0.0")
    assert done["reused"] == release.counted().bytes


def test_a_dry_run_writes_nothing_and_tells_what_would_move(hub, versions, folder: Path, capsys) -> None:
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    assert main(["sync", "lab/noise", str(folder), "--dry-run", "--json"]) == 1
    plan = json.loads(capsys.readouterr().out.splitlines()[-1])
    new = new_objects(versions)
    assert (plan["objects_to_move"], plan["bytes_to_move"]) == (len(new), sum(new.values()))
    assert plan["changes"].startswith("1 image added")
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before
    client(hub).sync(folder)
    assert main(["sync", "lab/noise", str(folder), "--dry-run", "--json"]) == 0
    elsewhere = folder.parent / "elsewhere"
    assert main(["sync", "lab/noise", str(elsewhere), "--dry-run", "--hub", hub.address]) == 1
    assert not elsewhere.exists()


def test_the_old_version_is_whole_until_the_swap_and_its_readers_keep_it(hub, versions, folder: Path) -> None:
    hub.gone.add(max(new_objects(versions)))
    old = ReleaseFolder(folder).load()
    with pytest.raises(NotFound):
        client(hub).sync(folder)
    assert ReleaseFolder(folder).verify().digest == versions[0].digest
    hub.gone.clear()
    shown = folder / "labels" / f"{next(old.items()).path}.zarr" / "zarr.json"
    stood, real = os.open(folder, os.O_RDONLY), Path(os.path.realpath(shown))
    with open(shown, "rb") as handle:
        client(hub).sync(folder)
        assert handle.read() == real.read_bytes()
    # Whoever had opened the release reads on, all of it; whoever stands in the folder stays in it.
    assert old.verify() == versions[0].counted()
    assert os.path.samestat(os.fstat(stood), folder.stat())
    os.close(stood)
    gone = {p.name for p in (folder / "images").iterdir()}
    assert gone == {f"{item.path}.zarr" for item in versions[1].items()}


def test_a_third_version_lets_go_of_the_first(hub, versions, folder: Path) -> None:
    client(hub).sync(folder)
    third = seal(versions[1].store, list(versions[1].items()), parent=versions[1].digest, title="Third")
    hub.release = third
    done = client(hub).sync(folder)
    assert done.changes == "nothing"
    kept = set(FolderStore(folder / ".cellcommons").digests())
    assert kept == {digest for release in (versions[1], third) for digest, _ in release.objects()}
    assert len(list((folder / ".cellcommons" / "versions").iterdir())) == 2


def test_back_to_a_named_version_moves_nothing(hub, versions, folder: Path) -> None:
    client(hub).sync(folder)
    hub.release, sent = versions[0], sum(hub.served.values())
    done = client(hub).sync(folder, "lab/noise@1.0.0")
    assert (done.fetched, sum(hub.served.values())) == (0, sent)
    assert ReleaseFolder(folder).verify().digest == versions[0].digest


def edit_by_rename(path: Path) -> None:
    path.with_suffix(".new").write_bytes(b"mine")
    os.replace(path.with_suffix(".new"), path)


def edit_in_place(path: Path) -> None:
    overwrite(path, b"x" * path.stat().st_size)


def put_beside(path: Path) -> None:
    (path.parent / "mine.txt").write_text("mine")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (edit_by_rename, "changed"),
        (edit_in_place, "changed"),
        (Path.unlink, "removed"),
        (put_beside, "mine.txt (added"),
    ],
)
def test_what_was_changed_by_hand_is_named_and_kept(hub, versions, folder: Path, edit, said: str, capsys) -> None:
    item = next(versions[0].items())
    victim = folder / "labels" / f"{item.path}.zarr" / "zarr.json"
    edit(victim)
    held = {p: p.read_bytes() for p in victim.parent.iterdir() if p.is_file()}
    assert main(["sync", str(folder), "--json"]) == 1
    out, err = capsys.readouterr()
    assert said in err
    assert f"labels/{item.path}.zarr/" in err
    assert json.loads(out.splitlines()[-1])["error"] == "edited-locally"
    assert not hub.served
    assert {p: p.read_bytes() for p in victim.parent.iterdir() if p.is_file()} == held
    assert main(["sync", str(folder), "--force"]) == 0
    assert ReleaseFolder(folder).verify().digest == versions[1].digest


def test_a_folder_put_in_place_of_ours_is_kept_aside(hub, versions, folder: Path) -> None:
    (folder / "labels").unlink()
    (folder / "labels").mkdir()
    (folder / "labels" / "mine.txt").write_text("mine")
    with pytest.raises(EditedLocally, match=r"labels \(replaced\)"):
        client(hub).sync(folder)
    client(hub).sync(folder, settings=DownloadSettings(force=True))
    assert ReleaseFolder(folder).verify().digest == versions[1].digest
    assert [p.read_text() for p in folder.glob(".cellcommons/versions/*/*/mine.txt")] == ["mine"]


def test_touching_a_file_is_no_edit(hub, versions, folder: Path) -> None:
    for path in (folder / "images").rglob("*.json"):
        os.utime(path)
    assert client(hub).sync(folder).changes
    # Nor is a copy of the whole folder.
    copy = folder.parent / "copy"
    subprocess.run(["cp", "-r", folder, copy], check=True)
    assert ReleaseFolder(copy).verify().digest == versions[1].digest
    assert client(hub).sync(copy).fetched == 0


def test_after_another_start_of_the_machine_all_is_read_again(hub, versions, folder: Path, monkeypatch) -> None:
    """A power cut may leave a file without its bytes, under its name and size."""
    client(hub).sync(folder)
    kept = folder / ".cellcommons" / object_path(biggest(versions[1]))
    seen = kept.stat()
    overwrite(kept, bytes(seen.st_size))
    os.utime(kept, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert client(hub).sync(folder).fetched == 0
    monkeypatch.setattr(shelf, "_start", lambda: "another")
    assert client(hub).sync(folder).fetched == seen.st_size
    assert ReleaseFolder(folder).verify().digest == versions[1].digest
    before = (folder / ".cellcommons" / "current").readlink()
    monkeypatch.setattr(shelf, "_start", lambda: "a third")
    assert client(hub).sync(folder).fetched == 0
    assert (folder / ".cellcommons" / "current").readlink() == before
    assert not ReleaseFolder(folder).is_doubtful()


def test_files_of_ones_own_beside_it_are_left_alone(hub, folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "results").mkdir()
    client(hub).sync(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "results").is_dir()


def test_a_disk_without_symbolic_links(hub, versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("symbolic link privilege not held")

    monkeypatch.setattr(shelf.os, "symlink", refuse)
    hub.release = versions[0]
    client(hub).download("lab/noise@1", tmp_path / "noise")
    assert ReleaseFolder(tmp_path / "noise").verify().digest == versions[0].digest
    assert not (tmp_path / "noise" / "images").is_symlink()
    edit_by_rename(tmp_path / "noise" / "README.md")
    hub.release = versions[1]
    with pytest.raises(EditedLocally, match=r"README.md \(changed\)"):
        client(hub).sync(tmp_path / "noise")
    client(hub).sync(tmp_path / "noise", settings=DownloadSettings(force=True))
    assert ReleaseFolder(tmp_path / "noise").verify().digest == versions[1].digest
    mirror = tmp_path / "noise" / ".cellcommons"
    assert Client(str(mirror)).download("lab/noise@2", tmp_path / "again").manifest_sha256 == versions[1].digest


def test_sync_begins_where_nothing_was(hub, versions, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="cellcommons download"):
        client(hub).sync(tmp_path / "noise")
    done = client(hub).sync(tmp_path / "noise", "lab/noise")
    assert (done.previous, done.changes) == (None, "")
    (tmp_path / "other" / "images").mkdir(parents=True)
    with pytest.raises(AlreadyThere):
        client(hub).sync(tmp_path / "other", "lab/noise")


@pytest.mark.parametrize("first", [False, True])
def test_killed_at_any_step_it_shows_one_version_and_the_next_run_goes_on(
    hub, versions, folder: Path, tmp_path: Path, first: bool
) -> None:
    """kill -9 of a process that syncs, at steps drawn with a seed; of a first download, and of a change of version."""
    (tmp_path / "copies").mkdir()
    asked = {
        "arguments": ["sync", "lab/noise", "FOLDER", "--hub", hub.address, "--jobs", "2"],
        "folder": None if first else str(folder),
        "copies": str(tmp_path / "copies"),
        "points": POINTS,
        "seed": 5 + first,
    }
    script = Path(__file__).with_name("killed_sync.py")
    ran = subprocess.run(
        [sys.executable, script], input=json.dumps(asked), capture_output=True, text=True, timeout=300, check=True
    )
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(rows) == POINTS
    seen = set()
    for step, copy, status in rows:
        place = ReleaseFolder(copy)
        assert status == -9, step
        shown = place.shown()
        if shown is None:
            assert first, step
        else:
            assert shown.digest in {release.digest for release in versions}, step
            assert ReleaseFolder(copy).verify().digest == shown.digest
            assert not place.edits(), step
        seen.add(shown and shown.digest)
        client(hub).sync(copy, "lab/noise")
        assert place.verify().digest == versions[1].digest, step
    # Some died before the swap and some after, so both sides of it were looked at.
    assert first or len(seen) == 2


class Plain(SimpleHTTPRequestHandler):
    """``python -m http.server``: files, and no ranges."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("by", ["folder", "http"])
def test_static_files_alone_are_enough(versions, tmp_path: Path, by: str) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "objects").symlink_to(versions[0].store.root / "objects")
    (mirror / "manifest.json").write_bytes(versions[0].manifest.to_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Plain, directory=str(mirror)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = str(mirror) if by == "folder" else f"http://127.0.0.1:{server.server_port}"
        Client(address).download("lab/noise@1", tmp_path / "noise")
        (mirror / "manifest.json").write_bytes(versions[1].manifest.to_bytes())
        assert main(["sync", str(tmp_path / "noise")]) == 0
    finally:
        server.shutdown()
        server.server_close()
    assert cellcommons.load(tmp_path / "noise").digest == versions[1].digest
    # The address is known from the first time on; that nothing answers there has a status of its own.
    if by == "http":
        with pytest.raises(Unreachable):
            Client(address, attempts=1).sync(tmp_path / "noise")
        assert main(["verify", str(tmp_path / "noise")]) == 0


def test_exit_statuses(hub, versions, folder: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellcommons.commands.sync.Client", functools.partial(Client, attempts=1))
    assert main(["sync", str(folder), "--hub", "http://127.0.0.1:9", "--json"]) == 3
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["error"], told["status"]) == ("unreachable", 3)
    assert main(["sync", str(folder), "--sha256", "0" * 64]) == 1
    assert main(["sync", "lab/noise@9", str(folder)]) == 2
    damaged = folder / ".cellcommons" / object_path(biggest(versions[0]))
    overwrite(damaged, b"x" * damaged.stat().st_size)
    assert main(["verify", str(folder)]) == 1
    with pytest.raises(DigestMismatch):
        ReleaseFolder(folder).verify()


def test_options_may_stand_between_the_arguments(hub, versions, folder: Path, tmp_path: Path, monkeypatch) -> None:
    hub.release = versions[0]
    assert main(["sync", "lab/noise@1", "--hub", hub.address, str(folder), "--jobs", "1"]) == 0
    assert main(["sync", "--jobs", "1", str(folder)]) == 0
    with pytest.raises(SystemExit):
        main(["sync", "--jobs", "1"])
    monkeypatch.chdir(tmp_path)
    assert main(["download", "lab/noise@1.0", "--hub", hub.address]) == 0
    assert ReleaseFolder(tmp_path / "noise-1.0").verify().digest == versions[0].digest
