"""One flipped bit in any file of a release, wherever it lies, is found and named; and mended where a good copy is."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from certified_releases import crops, item, pairs_in, sealed
from small_release import overwrite, serving, small_release

import cellcommons
from cellcommons import parts
from cellcommons.cli import main
from cellcommons.client import Client
from cellcommons.download_settings import DownloadSettings
from cellcommons.errors import CellCommonsError
from cellcommons.folder import ReleaseFolder
from cellcommons.images.lazy import LazyImage
from cellcommons.release import Release, ReleaseItem
from cellcommons.signing import public_key, sign_manifest
from cellcommons.store import FolderStore, object_path

TASKS = ["instance_segmentation", "semantic_segmentation", "classification", "tracking", "augmented"]
#: Beside one release of each task: the second release of a dataset, certified, in four parts and more.
IN_PARTS = "parts"
KEY = "7" * 64
#: The client's notes of sizes, times and inodes: what is wrong in them has files read again, nothing more.
NOTES = {"laid.json", "lock"}


@pytest.fixture(scope="module", params=[*TASKS, IN_PARTS])
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    store = FolderStore(tmp_path_factory.mktemp("store"))
    return in_parts(store) if request.param == IN_PARTS else small_release(store, request.param, count=3)


def in_parts(store: FolderStore) -> Release:
    items = [item(store, name, plane) for name, plane in crops().items()]
    pairs = pairs_in(store, items)
    assert pairs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "IMAGES", 3)
        first = sealed(store, items[:-1], pairs)
        second = sealed(store, items, pairs, parent=first)
    assert second.manifest.parts.depth >= 2
    return second


@pytest.fixture(scope="module")
def folder(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A download of it, signed."""
    target = tmp_path_factory.mktemp("download") / "release"
    with serving(release) as hub:
        hub.signature, hub.keys = sign_manifest(release.digest, KEY).to_bytes(), [public_key(KEY)]
        Client(hub.address).download(release.manifest.reference, target)
    return target


def files_of(folder: Path) -> list[Path]:
    """Every file in it once, however many names it has."""
    seen: dict[int, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.name not in NOTES:
            seen.setdefault(path.stat().st_ino, path)
    return sorted(seen.values())


@contextmanager
def replaced(path: Path, data: bytes) -> Iterator[None]:
    """Other bytes in the same file for a while, times and all: as a disk that errs, not as a person who edits."""
    was, times = path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.chmod(0o644)
    try:
        path.write_bytes(data)
        os.utime(path, ns=times)
        yield
    finally:
        path.write_bytes(was)
        path.chmod(0o444)
        os.utime(path, ns=times)


def flipped(data: bytes, rng: random.Random) -> bytes:
    bit = rng.randrange(8 * len(data))
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def says(folder: Path) -> str:
    """What ``verify`` says is wrong; "" where nothing is."""
    try:
        ReleaseFolder(folder).verify()
    except CellCommonsError as error:
        return error.line()
    return ""


def names_of(path: Path, folder: Path, release: Release) -> set[str]:
    """Any of these in a message says which file it is."""
    digest = path.name
    roles = {member.role for member in release.members() if member.sha256 == digest}
    if digest == release.digest:
        roles = {"manifest"}
    return roles or {path.stem}


def test_every_file(folder: Path, release: Release) -> None:
    rng = random.Random(release.manifest.task)
    files = files_of(folder)
    assert len(files) > 30
    assert says(folder) == ""
    missed = []
    for path in files:
        data = path.read_bytes()
        damages = {"one bit": flipped(data, rng)}
        if rng.random() < 0.15:
            damages |= {"cut": data[: rng.randrange(len(data))], "empty": b"", "longer": data + b"\0"}
        for how, bad in damages.items():
            with replaced(path, bad):
                said = says(folder)
            if not any(name in said for name in names_of(path, folder, release)):
                missed.append(f"{path.relative_to(folder)}, {how}: {said or 'not found'}")
    assert missed == []
    assert says(folder) == ""


def test_each_kind_of_file_is_among_them(folder: Path, release: Release) -> None:
    """What the other tests break: nothing that a release is made of has been left out, or come since."""
    objects = folder / ".cellcommons" / "objects"
    held = {path.name for path in objects.rglob("*") if path.is_file()}
    roles = {member.role for member in release.members() if member.sha256 in held}
    tables = {name for name, index in release.manifest.indexes.items() if index.files}
    for wanted in (
        "the listing of parts",
        "part 000",
        "file splits.json",
        "file summary.json",
        "file data/",
        "file README.md",
    ):
        assert any(role.startswith(wanted) for role in roles), wanted
    assert {"images", "labels", "sources", "splits"} <= tables
    for table in tables:
        assert any(role.startswith(f"file indexes/{table}/") for role in roles), table
    assert (folder / ".cellcommons" / "manifest.json").is_file()


def test_two_good_objects_exchanged_and_a_file_too_many(folder: Path, release: Release) -> None:
    """Every byte is one that somebody published, and it is still not this release."""
    trees = [item.tree for item in release.items()]
    first, second = (folder / ".cellcommons" / object_path(digest) for digest in trees[:2])
    one, other = first.read_bytes(), second.read_bytes()
    with replaced(first, other), replaced(second, one):
        assert "listing does not match its sha256" in says(folder)
    extra = folder / "images" / next(release.items()).path
    extra = extra.with_name(f"{extra.name}.zarr") / "0" / "extra"
    extra.write_bytes(b"whose is this?")
    assert "extra" in says(folder)
    extra.unlink()
    assert says(folder) == ""


def test_the_command_names_it_and_repair_mends_it(
    folder: Path, release: Release, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with serving(release) as hub:
        copy = tmp_path / "copy"
        Client(hub.address).download(release.manifest.reference, copy)
        rng = random.Random(3)
        victims = rng.sample([path for path in files_of(copy) if ".json" not in path.name], 5)
        for path in victims:
            overwrite(path, flipped(path.read_bytes(), rng))
            assert main(["verify", str(copy)]) != 0
            said = capsys.readouterr().err
            assert any(name in said for name in names_of(path, copy, release)), said
            Client(hub.address).download(release.manifest.reference, copy, DownloadSettings(repair=True))
            assert says(copy) == ""


def test_what_a_cache_hands_out_is_what_was_published(release: Release, tmp_path: Path) -> None:
    """A cached object that a disk spoiled is fetched again; without the hub it is refused, never handed out."""
    item = next(release.items())
    sound = {name: read(release, item) for name, read in READS.items() if reads_with(read, release, item)}
    rng = random.Random(9)
    with serving(release) as hub:
        wanted = {"hub": hub.address, "cache": tmp_path}
        opened = cellcommons.open(release.manifest.reference, **wanted)
        for read in sound:
            READS[read](opened, item)
        for path in sorted(tmp_path.glob("objects/sha256/*/*/*")):
            data = path.read_bytes()
            overwrite(path, flipped(data, rng))
            again = cellcommons.open(release.manifest.reference, **wanted)
            for name, expected in sound.items():
                assert np.array_equal(READS[name](again, item), expected), f"{name}, {path.name}"
            overwrite(path, flipped(data, rng))
            for name, expected in sound.items():
                try:
                    away = cellcommons.open(release.manifest.reference, offline=True, **wanted)
                    got = READS[name](away, item)
                except CellCommonsError:
                    continue
                assert np.array_equal(got, expected), f"{name}, {path.name}, offline"
            path.unlink(missing_ok=True)  # offline a damaged object is forgotten
            path.write_bytes(data)


def test_a_damaged_store_is_named_to_those_who_download(release: Release, tmp_path: Path) -> None:
    rng = random.Random(4)
    members = [member for member in release.members() if member.sha256 != release.digest]
    with serving(release) as hub:
        for number, member in enumerate(rng.sample(members, 6)):
            hub.flip = {member.sha256}
            with pytest.raises(CellCommonsError) as caught:
                Client(hub.address, attempts=2, pause=0).download(
                    release.manifest.reference, tmp_path / str(number), DownloadSettings(jobs=1)
                )
            assert member.sha256 in caught.value.line()


READS = {
    "image": lambda release, item: release.image(item).data,
    "lazy": lambda release, item: whole(release.lazy(item)),
    "labels": lambda release, item: release.labels(item),
    "values": lambda release, item: np.array(sorted(map(str, release.reading(item).values.items()))),
    "table": lambda release, item: np.array([str(release.table("cells").to_pylist())]),
}


def whole(image: LazyImage) -> np.ndarray:
    return np.asarray(image.region(tuple(slice(0, length) for length in image.shape)))


def reads_with(read: Callable[[Release, ReleaseItem], np.ndarray], release: Release, item: ReleaseItem) -> bool:
    """Whether the task has this to read."""
    try:
        read(release, item)
    except CellCommonsError:
        return False
    return True
