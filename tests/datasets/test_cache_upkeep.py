from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_release import Hub, biggest, items_in, overwrite, seal, serving

import cellcommons
from cellcommons.cache import ObjectCache
from cellcommons.cache_upkeep import CacheSize, measure_cache, parse_size, prune_cache, verify_cache
from cellcommons.cli import main
from cellcommons.client import Client
from cellcommons.download_settings import DownloadSettings
from cellcommons.errors import DiskFull, InvalidDocument
from cellcommons.folder import ReleaseFolder
from cellcommons.release import Release
from cellcommons.store import FolderStore, object_path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    store = FolderStore(tmp_path_factory.mktemp("hub"))
    return seal(store, items_in(store, 4, size=128))


@pytest.fixture
def hub(release: Release) -> Iterator[Hub]:
    with serving(release) as hub:
        yield hub


def filled(folder: Path) -> tuple[ObjectCache, list[str]]:
    """Ten objects of 1,000 bytes, used one after the other."""
    cache = ObjectCache(folder)
    digests = [cache.put(bytes([n]) * 1000) for n in range(10)]
    for n, digest in enumerate(digests):
        os.utime(cache.root / object_path(digest), (1000 + n, 1000 + n))
    return cache, digests


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache, digests = filled(tmp_path)
    assert measure_cache(cache) == CacheSize(10, 10_000, 10_000)
    assert prune_cache(cache, 4_500) == 6_000
    assert set(cache.digests()) == set(digests[6:])
    assert prune_cache(cache, 4_500) == 0


def test_what_a_download_shares_takes_no_room(tmp_path: Path) -> None:
    cache, digests = filled(tmp_path / "cache")
    os.link(cache.root / object_path(digests[0]), tmp_path / "shared")
    assert measure_cache(cache) == CacheSize(10, 10_000, 9_000)
    prune_cache(cache, 0)
    assert list(cache.digests()) == [digests[0]]


def test_damage_is_found_and_forgotten(tmp_path: Path, capsys) -> None:
    cache, digests = filled(tmp_path)
    overwrite(cache.root / object_path(digests[3]), b"x" * 1000)
    assert main(["cache", "verify", "--cache", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["damaged"] == [digests[3]]
    assert verify_cache(cache) == []
    assert main(["cache", "verify", "--cache", str(tmp_path)]) == 0


def test_the_command(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / "cache")
    monkeypatch.setenv("CELLCOMMONS_CACHE", str(tmp_path / "cache"))
    for words, held in ((["size"], 10), (["prune", "--to", "3kB"], 3), (["prune"], 0)):
        assert main(["cache", *words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["objects"] == held
    monkeypatch.setenv("CELLCOMMONS_CACHE", str(tmp_path / "none"))
    assert main(["cache", "size"]) == 0
    assert not (tmp_path / "none").exists()
    assert main(["cache", "prune", "--to", "much"]) == 0


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("1000", 1000), ("1.5 GB", 1_500_000_000), ("2KiB", 2048)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size
    with pytest.raises(InvalidDocument):
        parse_size(f"-{text}")


def test_a_limit_is_kept_to(hub: Hub, release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("CELLCOMMONS_CACHE_LIMIT", "20 kB")
    opened = cellcommons.open("lab/noise@1", hub=hub.address, cache=cache)
    for item in opened.items():
        opened.image(item)
    assert measure_cache(ObjectCache(cache)).alone > 20_000
    cellcommons.open("lab/noise@1", hub=hub.address, cache=cache)
    assert measure_cache(ObjectCache(cache)).alone <= 21_000
    for item in opened.items():
        opened.image(item)  # what is read again is fetched again


def test_a_full_disk_leaves_the_folder_valid(hub: Hub, release: Release, small_disk: Path, capsys) -> None:
    first = seal(release.store, list(release.items())[:2])
    hub.release = first
    assert main(["download", "lab/noise@1", str(small_disk / "noise"), "--hub", hub.address]) == 0
    (small_disk / "ballast").write_bytes(b"x" * (_free(small_disk) - (40 << 10)))
    hub.release = seal(release.store, list(release.items()), parent=first.digest)
    assert main(["sync", str(small_disk / "noise"), "--json"]) == 4
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["error"], told["status"]) == ("disk-full", 4)
    assert ReleaseFolder(small_disk / "noise").verify().digest == first.digest
    (small_disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    assert main(["sync", str(small_disk / "noise")]) == 0
    assert ReleaseFolder(small_disk / "noise").verify().digest == hub.release.digest


def test_a_full_disk_leaves_the_cache_valid(hub: Hub, release: Release, small_disk: Path, tmp_path: Path) -> None:
    opened = cellcommons.open("lab/noise@1", hub=hub.address, cache=small_disk)
    items = list(opened.items())
    (small_disk / "ballast").write_bytes(b"x" * (_free(small_disk) - (24 << 10)))
    with pytest.raises(DiskFull, match="cellcommons cache prune"):
        [opened.image(item) for item in items]
    assert verify_cache(ObjectCache(small_disk)) == []
    # A download goes on without the cache's help.
    done = Client(hub.address).download("lab/noise@1", tmp_path / "noise", DownloadSettings(cache=small_disk))
    assert done.images == 4
    assert ReleaseFolder(tmp_path / "noise").verify().digest == release.digest
    assert verify_cache(ObjectCache(small_disk)) == []
    assert biggest(release) not in set(ObjectCache(small_disk).digests())


def _free(disk: Path) -> int:
    seen = os.statvfs(disk)
    return seen.f_bavail * seen.f_frsize
