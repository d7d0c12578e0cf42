"""Many small objects in one answer, and what becomes of one that breaks off."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_release import biggest, items_in, seal, serving

import cellcommons
from cellcommons.client import Client
from cellcommons.download_settings import DownloadSettings
from cellcommons.folder import ReleaseFolder
from cellcommons.object_packs import LARGEST, Unpacked, header
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


def client(hub) -> Client:
    return Client(hub.address, pause=0.01, timeout=5.0)


@pytest.mark.parametrize("step", [1, 7, 100])
def test_objects_are_the_same_however_their_bytes_come(step: int) -> None:
    objects = [b"", b"a", bytes(range(50)), b"last"]
    pack = b"".join(header(len(data)) + data for data in objects)
    blocks = [pack[at : at + step] for at in range(0, len(pack), step)]
    assert [bytes(data) for data in Unpacked(blocks)] == objects
    cut = Unpacked([pack[:-2]])
    assert [bytes(data) for data in cut] == objects[:-1]
    assert cut.rest == b"la"
    with pytest.raises(ValueError, match="bytes in a pack"):
        list(Unpacked([header(LARGEST + 1)]))


def test_small_objects_come_in_packs(hub, release: Release, tmp_path: Path) -> None:
    client(hub).download("lab/noise@1", tmp_path / "packed", DownloadSettings(jobs=1))
    assert hub.packed > release.counted().count - 3, "a round of one object needs none"
    in_packs, hub.requests, hub.packed = hub.requests, 0, 0
    client(hub).download("lab/noise@1", tmp_path / "singly", DownloadSettings(jobs=1, packs=False))
    assert (hub.packed, hub.requests > release.counted().count) == (0, True)
    assert in_packs < hub.requests / 2
    for name in ("packed", "singly"):
        ReleaseFolder(tmp_path / name).verify()
    kept = [sorted(FolderStore(tmp_path / name / ".cellcommons").digests()) for name in ("packed", "singly")]
    assert kept[0] == kept[1]


def test_a_hub_without_packs_is_asked_for_one_object_after_the_other(hub, release: Release, tmp_path: Path) -> None:
    hub.packs = False
    client(hub).download("lab/noise@1", tmp_path)
    assert cellcommons.load(tmp_path).verify() == release.counted()


def test_what_came_of_an_object_before_a_pack_broke_off_is_kept(hub, release: Release, tmp_path: Path) -> None:
    small = sorted(release.objects(), key=lambda found: found[1])
    digest, size = next((digest, size) for digest, size in small if size > 100 and digest != release.digest)
    hub.cut[digest] = 60
    done = client(hub).download("lab/noise@1", tmp_path)
    assert (hub.served[digest], done.resumed) == (size, 60)
    assert cellcommons.load(tmp_path).verify() == release.counted()


def test_a_part_of_an_object_under_its_name_is_noticed(hub, release: Release, tmp_path: Path) -> None:
    """What a crash leaves of an object that was written under its own name."""
    victim = biggest(release)
    kept = tmp_path / ".cellcommons" / object_path(victim)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(release.store.get(victim)[:-1])
    kept.chmod(0o444)
    client(hub).download("lab/noise@1", tmp_path)
    assert cellcommons.load(tmp_path).verify() == release.counted()
