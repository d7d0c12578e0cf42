import errno
import os

import pytest

from backend.door.stamps import digest_files, read_stamp, write_stamp, write_whole


def test_the_digest_sees_content_names_and_absence(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    first = digest_files([one, two], root=tmp_path)
    two.write_text("")
    with_empty = digest_files([one, two], root=tmp_path)
    one.write_text("b")
    changed = digest_files([one, two], root=tmp_path)
    one.rename(tmp_path / "three")
    renamed = digest_files([tmp_path / "three", two], root=tmp_path)
    assert len({first, with_empty, changed, renamed}) == 4
    assert changed != digest_files([one, two], root=tmp_path, extra="x")


def test_the_digest_does_not_depend_on_the_order_of_paths(tmp_path):
    paths = [tmp_path / name for name in "ba"]
    for path in paths:
        path.write_text(path.name)
    assert digest_files(paths, root=tmp_path) == digest_files(paths[::-1], root=tmp_path)


def test_a_full_disk_keeps_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    write_whole(path, "old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_stamp_comes_back_and_a_broken_one_counts_as_none(tmp_path):
    path = tmp_path / "stamp.json"
    assert read_stamp(path) == {}
    write_stamp(path, {"wanted": "abc"})
    assert read_stamp(path) == {"wanted": "abc"}
    path.write_text('{"wanted": ')
    assert read_stamp(path) == {}


def test_secrets_are_written_private(tmp_path):
    write_whole(tmp_path / "key", "k", mode=0o600)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
