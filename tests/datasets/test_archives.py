"""Zip archives: honest ones unpack, hostile ones leave nothing behind."""

from __future__ import annotations

import contextlib
import random
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from cellcommons.archives import check_zip, extract_zip
from cellcommons.errors import (
    AlreadyThere,
    CellCommonsError,
    NotFound,
    TooLarge,
    UnreadableFile,
    UnsafeArchive,
    WrongFormat,
)


def make_zip(path: Path, members: list[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def refused(archive: Path, tmp_path: Path, error: type[Exception], **limits: float) -> str:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error) as caught:
        extract_zip(archive, tmp_path / "deep" / "out", **limits)  # type: ignore[arg-type]
    left = [p for p in tmp_path.rglob("*") if p not in before and p != tmp_path / "deep"]
    assert left == []
    return str(caught.value)


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    archive = make_zip(
        tmp_path / "a.zip", [("top/", b""), ("top/x.txt", b"x"), ("top/é/y.bin", b"y" * 5000), ("z", b"")]
    )
    extract_zip(archive, tmp_path / "out")
    assert (tmp_path / "out/top/x.txt").read_bytes() == b"x"
    assert (tmp_path / "out/top/é/y.bin").read_bytes() == b"y" * 5000
    assert (tmp_path / "out/z").read_bytes() == b""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "out"]


def test_an_empty_folder_may_be_there_but_no_other(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("x", b"x")])
    (tmp_path / "out").mkdir()
    extract_zip(archive, tmp_path / "out")
    with pytest.raises(AlreadyThere):
        extract_zip(archive, tmp_path / "out")
    assert (tmp_path / "out/x").read_bytes() == b"x"


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "a/..",
        "/etc/evil",
        "C:evil",
        "C:/evil",
        "..\\evil",
        "a\\b",
        "a//b",
        "./a",
        "",
        "a" * 300,
    ],
)
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    # zipfile cleans names as it writes them, so the hostile one is put in by hand.
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as hostile:
        info = zipfile.ZipInfo("x")
        info.filename = info.orig_filename = name
        hostile.writestr("good", b"g")
        hostile.writestr(info, b"evil")
    message = refused(tmp_path / "b.zip", tmp_path, UnsafeArchive)
    assert repr(name[:200]) in message
    assert not (tmp_path / "evil").exists()
    with pytest.raises(UnsafeArchive):
        check_zip(tmp_path / "b.zip")


@pytest.mark.parametrize(("mode", "word"), [(stat.S_IFLNK | 0o777, "symbolic link"), (stat.S_IFIFO | 0o600, "neither")])
def test_links_and_devices_are_refused(tmp_path: Path, mode: int, word: str) -> None:
    archive = make_zip(tmp_path / "a.zip", [("ok", b"1"), (special("link", mode), b"/etc/passwd")])
    message = refused(archive, tmp_path, UnsafeArchive)
    assert "'link'" in message
    assert word in message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicates_and_files_used_as_folders_are_refused(tmp_path: Path) -> None:
    assert "twice" in refused(make_zip(tmp_path / "a.zip", [("x", b"1"), ("x", b"2")]), tmp_path, UnsafeArchive)
    assert "below a file" in refused(
        make_zip(tmp_path / "b.zip", [("x", b"1"), ("x/y", b"2")]), tmp_path, UnsafeArchive
    )


def test_a_bomb_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("bomb", bytes(20 << 20))])
    assert "'bomb'" in refused(archive, tmp_path, UnsafeArchive)


def test_totals_are_counted_while_unpacking(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [(f"m{i}", bytes(300_000)) for i in range(5)])
    assert "m3" in refused(archive, tmp_path, TooLarge, max_bytes=1_000_000)
    assert "5 members" in refused(archive, tmp_path, TooLarge, max_members=4)


def test_a_member_that_declares_less_than_it_holds_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("x", bytes(4 << 20))])
    data = bytearray(archive.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    archive.write_bytes(data)
    refused(archive, tmp_path, UnreadableFile)


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("x", b"1")])
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + offset] |= 1
    archive.write_bytes(data)
    assert "encrypted" in refused(archive, tmp_path, UnsafeArchive)


def test_other_methods_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x", b"1" * 100)
    assert "deflate" in refused(tmp_path / "a.zip", tmp_path, UnsafeArchive)


def test_a_huge_directory_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [(f"{'n' * 200}{i}", b"") for i in range(9000)])
    assert "members" in refused(archive, tmp_path, TooLarge, max_members=100)


def test_damaged_and_other_files_are_named_as_such(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("x", b"1" * 100_000), ("y", bytes(range(256)) * 100)])
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in refused(archive, tmp_path, UnreadableFile)
    at = whole.find(b"y") + 40
    archive.write_bytes(whole[:at] + b"\xff" * 20 + whole[at + 20 :])
    refused(archive, tmp_path, UnreadableFile)
    archive.write_bytes(b"no zip at all")
    refused(archive, tmp_path, WrongFormat)
    archive.write_bytes(b"")
    refused(archive, tmp_path, WrongFormat)
    archive.unlink()
    refused(archive, tmp_path, NotFound)


def test_the_listing_alone_is_checked_without_unpacking(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("x", bytes(1000)), ("y/z", b"1")])
    check_zip(archive)
    with pytest.raises(TooLarge, match="1,001 bytes"):
        check_zip(archive, max_bytes=1000)
    with pytest.raises(TooLarge, match="2 members"):
        check_zip(archive, max_members=1)
    with pytest.raises(UnsafeArchive, match="symbolic link"):
        check_zip(make_zip(tmp_path / "b.zip", [(special("l", stat.S_IFLNK | 0o777), b"/")]))


def test_damaged_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("x", b"1" * 500), ("y/z", bytes(range(256))), ("w", b"")])
    whole = archive.read_bytes()
    rng = random.Random(0)
    for number in range(300):
        data = bytearray(whole)
        for _ in range(4):
            data[rng.randrange(len(data))] = rng.randrange(256)
        archive.write_bytes(data)
        with contextlib.suppress(CellCommonsError):
            check_zip(archive)
        with contextlib.suppress(CellCommonsError):
            extract_zip(archive, tmp_path / f"out{number}")
    assert not list(tmp_path.glob(".unpacking-*"))
