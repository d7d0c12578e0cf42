from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_release import biggest, items_in, overwrite, seal, serving

import cellcommons
from cellcommons.cards.release_documents import DOCUMENTS
from cellcommons.client import Client, download
from cellcommons.download_settings import DownloadSettings
from cellcommons.errors import AlreadyThere, CellCommonsError, DigestMismatch, DiskFull, NotFound, Unreachable
from cellcommons.folder import ReleaseFolder
from cellcommons.release import Release
from cellcommons.store import FolderStore, object_path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    store = FolderStore(tmp_path_factory.mktemp("hub"))
    return seal(store, items_in(store))


@pytest.fixture
def hub(release: Release):
    with serving(release) as hub:
        yield hub


def client(hub, **options) -> Client:
    return Client(hub.address, **{"pause": 0.01, "timeout": 5.0, **options})


def test_a_download_opens_with_the_same_pixels_and_labels(hub, release: Release, tmp_path: Path) -> None:
    seen = []
    done = client(hub).download("lab/noise@1", tmp_path / "noise-1", DownloadSettings(progress=seen.append))
    copy = cellcommons.load(tmp_path / "noise-1")
    assert copy.digest == release.digest == done.manifest_sha256
    assert list(copy.items()) == list(release.items())
    for item in release.items("train"):
        np.testing.assert_array_equal(copy.image(item).data, release.image(item).data)
        np.testing.assert_array_equal(copy.labels(item), release.labels(item))
    assert done.fetched == sum(hub.served.values()) == release.counted().bytes
    assert [p.objects for p in seen] == list(range(1, release.counted().count + 1))
    assert seen[-1].bytes == seen[-1].bytes_total


def test_the_folder_holds_what_people_look_for(hub, release: Release, tmp_path: Path) -> None:
    client(hub).download("lab/noise@1", tmp_path)
    shown = {p.name for p in tmp_path.iterdir()}
    folders = {".cellcommons", "images", "labels", "indexes", "data"}
    assert shown == {*folders, "README.md", "splits.json", "summary.json", "release.json", *DOCUMENTS}
    assert (tmp_path / "README.md").read_text() == release.card()
    stems = {item.path for item in release.items()}
    assert {p.name for p in (tmp_path / "images").iterdir()} == {f"{stem}.zarr" for stem in stems}
    assert {p.name for p in (tmp_path / "labels").iterdir()} == {f"{stem}.zarr" for stem in stems}
    for path, digest, _ in ReleaseFolder(tmp_path).files(release):
        assert (tmp_path / path).read_bytes() == release.store.get(digest)


def test_a_second_download_moves_nothing(hub, tmp_path: Path) -> None:
    client(hub).download("lab/noise@1", tmp_path)
    served, before = sum(hub.served.values()), (tmp_path / "images").stat().st_mtime_ns
    again = client(hub).download("lab/noise@1", tmp_path)
    assert again.fetched == 0
    assert sum(hub.served.values()) == served
    assert (tmp_path / "images").stat().st_mtime_ns == before


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_connection_is_resumed_where_it_broke(hub, release: Release, tmp_path: Path, ranges: bool) -> None:
    victim = biggest(release)
    size, hub.ranges = release.store.size(victim), ranges
    hub.cut[victim] = 1000
    client(hub).download("lab/noise@1", tmp_path)
    # With ranges every byte crosses once; without, the object starts over.
    assert hub.served[victim] == (size if ranges else size + 1000)
    assert cellcommons.load(tmp_path).verify() == release.counted()


def test_a_download_that_gave_up_goes_on_later(hub, release: Release, tmp_path: Path) -> None:
    victim = biggest(release)
    size = release.store.size(victim)
    hub.cut[victim], hub.always_cut = 0, True
    part = tmp_path / ".cellcommons" / "partial" / f"{victim}.part"
    with pytest.raises(Unreachable, match="goes on where it stopped"):
        client(hub, attempts=2).download("lab/noise@1", tmp_path, DownloadSettings(jobs=1))
    assert not (tmp_path / "release.json").exists()
    part.write_bytes(release.store.get(victim)[:2000])
    hub.cut.clear()
    before = dict(hub.served)
    done = client(hub).download("lab/noise@1", tmp_path)
    assert hub.served[victim] - before.get(victim, 0) == size - 2000
    assert done.resumed == 2000
    repeated = [d for d, n in hub.served.items() if d != victim and n != release.store.size(d)]
    # Only what was on its way at the moment of giving up may cross twice.
    assert len(repeated) <= 1


def test_a_kept_beginning_that_is_wrong_is_thrown_away(hub, release: Release, tmp_path: Path) -> None:
    victim = biggest(release)
    folder = tmp_path / ".cellcommons" / "partial"
    folder.mkdir(parents=True)
    (folder / f"{victim}.part").write_bytes(b"not the beginning")
    client(hub).download("lab/noise@1", tmp_path)
    assert cellcommons.load(tmp_path).verify() == release.counted()


def test_a_kept_beginning_longer_than_the_object_is_thrown_away(hub, release: Release, tmp_path: Path) -> None:
    victim = next(release.items()).tree
    folder = tmp_path / ".cellcommons" / "partial"
    folder.mkdir(parents=True)
    (folder / f"{victim}.part").write_bytes(bytes(release.store.size(victim) + 7))
    client(hub).download("lab/noise@1", tmp_path)
    assert cellcommons.load(tmp_path).verify() == release.counted()


def test_a_flipped_bit_on_the_way_is_refused(hub, release: Release, tmp_path: Path) -> None:
    victim = biggest(release)
    hub.flip.add(victim)
    with pytest.raises(DigestMismatch, match=victim):
        client(hub).download("lab/noise@1", tmp_path)
    assert not (tmp_path / "release.json").exists()
    assert not FolderStore(tmp_path / ".cellcommons").exists(victim)
    hub.flip.clear()
    client(hub).download("lab/noise@1", tmp_path)
    assert cellcommons.load(tmp_path).verify() == release.counted()


def test_a_busy_server_is_asked_again_but_not_for_ever(hub, tmp_path: Path) -> None:
    hub.failures = 3
    client(hub).download("lab/noise@1", tmp_path / "a")
    hub.failures = 1000
    with pytest.raises(Unreachable, match="503"):
        client(hub, attempts=3).download("lab/noise@1", tmp_path / "b")
    assert hub.failures == 997


def test_nobody_listening_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="refused"):
        Client("http://127.0.0.1:9", attempts=2, pause=0.01).download("lab/noise@1", tmp_path / "a")


@pytest.mark.parametrize("reference", ["lab/noise@2", "lab/other@1"])
def test_an_unknown_release_is_named(hub, tmp_path: Path, reference: str) -> None:
    with pytest.raises(NotFound, match=reference):
        client(hub).download(reference, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_an_object_the_hub_lost_is_named(hub, release: Release, tmp_path: Path) -> None:
    hub.gone.add(biggest(release))
    with pytest.raises(NotFound, match=biggest(release)):
        client(hub).download("lab/noise@1", tmp_path)


def test_a_full_disk_is_one_line_and_the_cache_stays_valid(hub, release: Release, tmp_path: Path) -> None:
    victim = biggest(release)
    folder = tmp_path / ".cellcommons" / "partial"
    folder.mkdir(parents=True)
    (folder / f"{victim}.part").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="Free some room"):
        client(hub).download("lab/noise@1", tmp_path)
    (folder / f"{victim}.part").unlink()
    client(hub).download("lab/noise@1", tmp_path)
    assert cellcommons.load(tmp_path).verify() == release.counted()


def test_damage_on_disk_is_repaired_on_request(hub, release: Release, tmp_path: Path) -> None:
    client(hub).download("lab/noise@1", tmp_path)
    victim = biggest(release)
    kept = tmp_path / ".cellcommons" / object_path(victim)
    overwrite(kept, bytes(kept.stat().st_size))
    with pytest.raises(DigestMismatch, match="--repair"):
        ReleaseFolder(tmp_path).verify()
    done = client(hub).download("lab/noise@1", tmp_path, DownloadSettings(repair=True))
    assert done.fetched == release.store.size(victim)
    ReleaseFolder(tmp_path).verify()


def test_a_copied_file_that_was_changed_is_found(hub, release: Release, tmp_path: Path) -> None:
    client(hub).download("lab/noise@1", tmp_path)
    shown = tmp_path / "labels" / f"{next(release.items()).path}.zarr" / "zarr.json"
    data = shown.read_bytes()
    shown.unlink()
    with pytest.raises(NotFound, match=r"zarr\.json"):
        ReleaseFolder(tmp_path).verify()
    shown.write_bytes(data + b" ")
    with pytest.raises(DigestMismatch, match=r"zarr\.json"):
        ReleaseFolder(tmp_path).verify()


def test_plain_static_files_serve_as_well(hub, release: Release, tmp_path: Path) -> None:
    download("lab/noise@1", tmp_path / "a", base_url=f"{hub.address}/static")
    # A download is itself a mirror, as a folder and as a file address.
    mirror = tmp_path / "a" / ".cellcommons"
    for base in (str(mirror), mirror.as_uri()):
        folder = tmp_path / f"b-{len(base)}"
        download("lab/noise@1", folder, base_url=base)
        assert ReleaseFolder(folder).verify().digest == release.digest


def test_a_new_version_fetches_only_what_is_new(release: Release, tmp_path: Path) -> None:
    items = list(release.items())
    more = [*items, *items_in(release.store, 7, seed=1)[6:]]
    second = seal(release.store, more, parent=release.digest)
    with serving(release) as hub:
        client(hub).download("lab/noise@1", tmp_path)
        first, hub.release = dict(hub.served), second
        done = client(hub).download("lab/noise@1.1", tmp_path)
    old = {digest for digest, _ in release.objects()}
    new = {digest: size for digest, size in second.objects() if digest not in old and digest != second.digest}
    assert {d for d, n in hub.served.items() if n != first.get(d, 0)} == set(new)
    assert done.fetched == sum(new.values())
    assert ReleaseFolder(tmp_path).verify().manifest.version == "1.1.0"
    assert len(list((tmp_path / "images").iterdir())) == 7


def test_a_folder_that_holds_something_else_is_left_alone(hub, release: Release, tmp_path: Path) -> None:
    (tmp_path / "mine" / "images").mkdir(parents=True)
    with pytest.raises(AlreadyThere, match="images"):
        client(hub).download("lab/noise@1", tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["images"]
    client(hub).download("lab/noise@1", tmp_path / "noise")
    hub.release = seal(release.store, list(release.items()), dataset="lab/other")
    with pytest.raises(AlreadyThere, match="lab/noise@1"):
        client(hub).download("lab/other@1", tmp_path / "noise")
    (tmp_path / "file").write_text("x")
    with pytest.raises(AlreadyThere, match="file"):
        client(hub).download("lab/other@1", tmp_path / "file")


def test_two_downloads_into_one_folder_are_kept_apart(hub, tmp_path: Path) -> None:
    place = ReleaseFolder(tmp_path)
    place.prepare("lab/noise@1")
    with place.locked(), pytest.raises(AlreadyThere, match="another download"):
        client(hub).download("lab/noise@1", tmp_path)


def test_a_pinned_manifest_is_held_to(hub, release: Release, tmp_path: Path) -> None:
    client(hub).download("lab/noise@1", tmp_path / "a", DownloadSettings(sha256=release.digest))
    with pytest.raises(DigestMismatch):
        client(hub).download("lab/noise@1", tmp_path / "b", DownloadSettings(sha256="0" * 64))
    assert not (tmp_path / "b").exists()


def test_the_token_goes_to_the_hub(hub, tmp_path: Path) -> None:
    Client(hub.address, "secret").download("lab/noise@1", tmp_path)
    assert hub.seen_tokens == {"Token secret"}


def test_stop_keeps_what_was_fetched(hub, release: Release, tmp_path: Path) -> None:
    mine = client(hub)
    seen: list[int] = []

    def stop_midway(progress) -> None:
        seen.append(progress.objects)
        if progress.objects == 20:
            mine.stop()

    with pytest.raises(Unreachable, match="stopped"):
        mine.download("lab/noise@1", tmp_path, DownloadSettings(jobs=1, packs=False, progress=stop_midway))
    assert len(seen) == 20
    fetched = sum(hub.served.values())
    done = mine.download("lab/noise@1", tmp_path)
    assert done.fetched == release.counted().bytes - fetched


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)


def test_a_killed_download_leaves_a_cache_that_the_next_one_uses(hub, release: Release, tmp_path: Path) -> None:
    """A real process, killed while the server holds back the rest of an object."""
    held, arrived = threading.Event(), threading.Event()
    victim, get = biggest(release), release.store.get

    class Slow:
        store = release.store

        def __getattr__(self, name: str):
            return getattr(release.store, name)

        def get(self, digest: str) -> bytes:
            if digest == victim:
                arrived.set()
                held.wait(20)
            return get(digest)

    hub.release = Release(Slow(), release.manifest, release.digest)  # type: ignore[arg-type]
    call = f"c.download('lab/noise@1', {str(tmp_path)!r}, base_url={hub.address!r}, settings=one)"
    code = f"import cellcommons.client as c; one = c.DownloadSettings(jobs=1); {call}"
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ})
    try:
        assert arrived.wait(30)
        kept = tmp_path / ".cellcommons" / "objects"
        deadline = time.monotonic() + 30
        sizes = {digest: size for digest, size in release.objects() if digest != release.digest}
        # What came before it is on its way to the disk: one whole object beside the manifest.
        while not any(sizes.get(path.name) == path.stat().st_size for path in kept.rglob("*")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
        held.set()
    hub.release = release
    hub.served.clear()
    done = client(hub).download("lab/noise@1", tmp_path)
    assert 0 < done.fetched < release.counted().bytes
    assert cellcommons.load(tmp_path).verify() == release.counted()


def test_loading_a_folder_without_a_release_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="cellcommons download"):
        cellcommons.load(tmp_path)
    (tmp_path / "release.json").write_text("{")
    with pytest.raises(CellCommonsError, match="damaged"):
        cellcommons.load(tmp_path)
