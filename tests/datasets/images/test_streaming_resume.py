"""A conversion that is stopped goes on; what is there is whole or plainly unfinished; nothing is overwritten."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamed
from streamed import drawn, files_of, lazily, picture

from cellcommons.errors import AlreadyThere, DiskFull, UnreadableFile
from cellcommons.images.lazy import LazyImage, Region
from cellcommons.images.shard_file import ShardFile
from cellcommons.images.stream_target import WORK, alone
from cellcommons.images.streaming import stream_to_folder, stream_to_store
from cellcommons.store import FolderStore

SHAPE, PART = (24, 1, 300, 300), 2 * 300 * 300 * 2


def counted(image: LazyImage) -> tuple[LazyImage, list[Region]]:
    asked: list[Region] = []

    def fetch(region: Region) -> Any:
        asked.append(region)
        return image.fetch(region)

    return replace(image, fetch=fetch), asked


def test_killed_it_goes_on_with_what_is_finished_and_ends_the_same(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.zarr", tmp_path / "cut.zarr"
    stream_to_folder(drawn("tcyx", SHAPE), whole, part_bytes=PART)
    for _ in range(2):
        process = subprocess.Popen([sys.executable, streamed.__file__, "slow", str(cut)])
        deadline = time.monotonic() + 60
        before = len(list(cut.glob("0/c/*/0/0/0")))
        while len(list(cut.glob("0/c/*/0/0/0"))) < before + 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert (cut / WORK).is_dir()
        assert not (cut / "zarr.json").exists()
    journal = (cut / WORK / "journal.jsonl").read_bytes()
    finished = journal.count(b"\n") - 1
    assert finished >= 4
    (cut / WORK / "journal.jsonl").write_bytes(journal + b'{"stage":1,"pa')  # a line that a crash cut short
    kept = {path: path.stat().st_ino for path in cut.glob("0/c/*/0/0/0")}
    image, asked = counted(drawn("tcyx", SHAPE))
    seen: list[tuple[int, int]] = []
    stream_to_folder(image, cut, part_bytes=PART, progress=lambda done, total: seen.append((done, total)))
    assert files_of(cut) == files_of(whole)
    assert sum(path.stat().st_ino == inode for path, inode in kept.items()) >= finished
    assert {region[0].start for region in asked[2:]} <= set(range(2 * finished, 24))
    total = 24 * 300 * 300 * 2
    assert seen[0] == (finished * PART, total)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)


def unfinished(folder: Path, parts: int = 3) -> None:
    """A conversion of ``drawn`` that stopped after some parts, as its source could not be read further."""
    image = drawn("tcyx", SHAPE)

    def fetch(region: Region) -> Any:
        if region[0].start >= 2 * parts and region[0].start < 22:
            raise UnreadableFile("it ends here", where="a")
        return image.fetch(region)

    with pytest.raises(UnreadableFile, match="ends here"):
        stream_to_folder(replace(image, fetch=fetch), folder, part_bytes=PART)


def test_a_source_that_fails_leaves_no_whole_looking_target(tmp_path: Path) -> None:
    unfinished(tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr/zarr.json").exists()
    stream_to_folder(drawn("tcyx", SHAPE), tmp_path / "a.zarr", part_bytes=PART)
    stream_to_folder(drawn("tcyx", SHAPE), tmp_path / "b.zarr", part_bytes=PART)
    assert files_of(tmp_path / "a.zarr") == files_of(tmp_path / "b.zarr")


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_kept_shard_is_checked_before_it_is_believed(tmp_path: Path, damage: str) -> None:
    stream_to_folder(drawn("tcyx", SHAPE), tmp_path / "b.zarr", part_bytes=PART)
    unfinished(tmp_path / "a.zarr")
    shard = tmp_path / "a.zarr/0/c/1/0/0/0"
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.unlink() if damage == "gone" else shard.write_bytes(data[:-9] if damage == "cut" else data)
    image, asked = counted(drawn("tcyx", SHAPE))
    stream_to_folder(image, tmp_path / "a.zarr", part_bytes=PART)
    assert files_of(tmp_path / "a.zarr") == files_of(tmp_path / "b.zarr")
    assert 2 in {region[0].start for region in asked}


def test_another_image_or_other_settings_begin_anew(tmp_path: Path) -> None:
    for number, options in enumerate(({"codec": "zstd"}, {"part_bytes": 3 * PART}, {"resume": False}, {})):
        folder = tmp_path / f"{number}.zarr"
        unfinished(folder)
        other = drawn("tcyx", SHAPE)
        if not options:
            other = replace(other, fetch=lambda region: drawn("tcyx", SHAPE).fetch(region) + np.uint16(1))
        stream_to_folder(other, folder, **{"part_bytes": PART, **options})
        stream_to_folder(other, tmp_path / "new.zarr", **{"part_bytes": PART, **options})
        assert files_of(folder) == files_of(tmp_path / "new.zarr")
        shutil.rmtree(tmp_path / "new.zarr")


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    image = lazily(picture("cyx", (1, 300, 300)))
    stream_to_folder(image, tmp_path / "a.zarr")
    before = files_of(tmp_path / "a.zarr")
    for resume in (True, False):
        with pytest.raises(AlreadyThere, match="already"):
            stream_to_folder(image, tmp_path / "a.zarr", resume=resume)
    assert files_of(tmp_path / "a.zarr") == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("precious")
    with pytest.raises(AlreadyThere, match="not empty"):
        stream_to_folder(image, tmp_path / "mine", resume=False)
    assert files_of(tmp_path / "mine").keys() == {"notes.txt"}


def test_a_conversion_that_only_has_to_clear_up_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "a.zarr"
    unfinished(folder)
    journal = (folder / WORK / "journal.jsonl").read_bytes()
    stream_to_folder(drawn("tcyx", SHAPE), folder, part_bytes=PART)
    before = files_of(folder)
    for other in (False, True):
        (folder / WORK).mkdir()
        (folder / WORK / "journal.jsonl").write_bytes(journal)
        if other:
            with pytest.raises(AlreadyThere, match="already"):
                stream_to_folder(drawn("tcyx", (9, 1, 300, 300)), folder, part_bytes=PART)
        else:
            stream_to_folder(drawn("tcyx", SHAPE), folder, part_bytes=PART)
        assert files_of(folder) == before


def _hold(folder: Path, ready: Any, release: Any) -> None:
    with alone(folder):
        ready.set()
        release.wait(30)


def test_two_processes_do_not_write_one_folder(tmp_path: Path) -> None:
    unfinished(tmp_path / "a.zarr")
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "a.zarr" / WORK, ready, release))
    other.start()
    try:
        assert ready.wait(30)
        with pytest.raises(AlreadyThere, match="another process"):
            stream_to_folder(drawn("tcyx", SHAPE), tmp_path / "a.zarr", part_bytes=PART)
    finally:
        release.set()
        other.join(30)
    stream_to_folder(drawn("tcyx", SHAPE), tmp_path / "a.zarr", part_bytes=PART)


def test_a_full_disk_is_named_and_can_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ShardFile.append
    room = [40]

    def append(self: ShardFile, place: tuple[int, ...], data: bytes | None) -> None:
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        plain(self, place, data)

    monkeypatch.setattr(ShardFile, "append", append)
    with pytest.raises(DiskFull):
        stream_to_folder(drawn("tcyx", SHAPE), tmp_path / "a.zarr", part_bytes=PART)
    assert not (tmp_path / "a.zarr/zarr.json").exists()
    room[0] = 10**9
    stream_to_folder(drawn("tcyx", SHAPE), tmp_path / "a.zarr", part_bytes=PART)
    stream_to_folder(drawn("tcyx", SHAPE), tmp_path / "b.zarr", part_bytes=PART)
    assert files_of(tmp_path / "a.zarr") == files_of(tmp_path / "b.zarr")


def test_a_store_is_resumed_by_its_work_folder(tmp_path: Path) -> None:
    store, other = FolderStore(tmp_path / "objects"), FolderStore(tmp_path / "other")
    image = drawn("tcyx", SHAPE)

    def fetch(region: Region) -> Any:
        if 8 <= region[0].start < 22:
            raise UnreadableFile("it ends here", where="a")
        return image.fetch(region)

    with pytest.raises(UnreadableFile):
        stream_to_store(replace(image, fetch=fetch), store, work=tmp_path / "work", part_bytes=PART)
    again, asked = counted(image)
    tree = stream_to_store(again, store, work=tmp_path / "work", part_bytes=PART)
    assert tree.digest == stream_to_store(image, other, part_bytes=PART).digest
    assert min(region[0].start for region in asked[2:]) == 8
    assert not (tmp_path / "work").exists()
    assert store.exists(tree.digest)
