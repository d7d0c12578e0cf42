"""Cell Tracking Challenge: both ways, its own variants, and what is refused; movies kept as frames."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from tracked_movies import dish, only, truth, without_divisions

from cellcommons.axes import PixelSize
from cellcommons.errors import (
    CannotCarry,
    CellCommonsError,
    InvalidDocument,
    MismatchedShapes,
    NotFound,
    UnreadableFile,
    WrongFormat,
)
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ctc import Ctc, read_ctc_tracks, read_track_table, write_ctc_tracks
from cellcommons.layouts.frames import numbered_frames, read_label_frames, read_movie
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.usiigaci import Usiigaci
from cellcommons.layouts.writing import write_layout
from cellcommons.linked import lineage_from_ids, relabelled
from cellcommons.tracks import LabelMovie


@pytest.fixture(scope="module")
def record() -> Record:
    return dish()


@pytest.fixture
def ctc(record: Record, tmp_path: Path) -> Path:
    both = [replace(record, entry=Entry(name, (), name)) for name in ("01", "02")]
    write_layout(Ctc(), both, tmp_path / "ctc")
    return tmp_path / "ctc"


def test_ctc_comes_back_as_written(ctc: Path, record: Record) -> None:
    assert guess_layout(ctc).name == "ctc"
    scan = Ctc().scan(ctc)
    assert [(e.name, e.source, e.metadata["frames"], e.metadata["seg_frames"]) for e in scan.entries] == [
        ("01", "01", 12, 12),
        ("02", "02", 12, 12),
    ]
    again = Ctc().read(scan.entries[1])
    assert again.image.axes == "tcyx"
    np.testing.assert_array_equal(again.image.data, record.image.data)
    np.testing.assert_array_equal(truth(again).data, truth(record).data)
    assert truth(again).lineage == truth(record).lineage


def test_ctc_results_come_back_too(record: Record, tmp_path: Path) -> None:
    write_ctc_tracks(truth(record), tmp_path / "01_RES")
    again = read_ctc_tracks(tmp_path / "01_RES", pixel_size=PixelSize(1, 1), seconds_per_frame=5.0)
    assert again.lineage == truth(record).lineage
    assert again.seconds_per_frame == 5.0
    with pytest.raises(NotFound, match="neither"):
        read_ctc_tracks(tmp_path)


def test_ctc_without_truth_is_images_alone(ctc: Path) -> None:
    shutil.rmtree(ctc / "01_GT")
    assert only(Ctc(), ctc).truth is None


def test_a_missing_frame_is_named(ctc: Path) -> None:
    (ctc / "01" / "t004.tif").unlink()
    (ctc / "02_GT" / "TRA" / "man_track011.tif").unlink()
    scan = Ctc().scan(ctc)
    assert scan.entries == ()
    assert [s.path.name for s in scan.skipped] == ["01", "02"]
    assert "frame 4 is missing between t000.tif and t011.tif" in scan.skipped[0].reason
    assert "frame 11 is without labels" in scan.skipped[1].reason


def test_frames_out_of_order_are_refused_where_masks_and_table_part(ctc: Path) -> None:
    folder = ctc / "01_GT" / "TRA"
    (folder / "man_track000.tif").rename(folder / "x.tif")
    (folder / "man_track011.tif").rename(folder / "man_track000.tif")
    (folder / "x.tif").rename(folder / "man_track011.tif")
    with pytest.raises(InvalidDocument, match=r"frame \d+, cell \d+: the (lineage|masks) ha"):
        only(Ctc(), ctc)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 0 11 0\n1 0 11 2\n", r"man_track.txt, track 1: it has two parents"),
        ("2 0 3 0\n3 2 5 2\n", r"man_track.txt, track 3: it begins in frame 2, but its mother 2"),
        ("2 0 3 9\n", r"man_track.txt, track 2: its parent 9 is no track"),
        ("2 0 3\n", r"man_track.txt, line 1: '2 0 3' is not four whole numbers"),
        ("2 0 -3 0\n", r"man_track.txt, line 1: .* is not four whole numbers"),
    ],
)
def test_a_table_that_is_no_lineage_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "man_track.txt"
    path.write_text(line)
    with pytest.raises(InvalidDocument, match=message):
        read_track_table(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableFile):
        read_track_table(path)


def test_labels_of_another_size_are_refused(ctc: Path) -> None:
    for path in sorted((ctc / "01_GT" / "TRA").glob("*.tif")):
        tifffile.imwrite(path, tifffile.imread(path)[:-1])
    with pytest.raises(CellCommonsError, match=r"labels of \(95, 112\), frames of \(96, 112\)|the masks have not"):
        only(Ctc(), ctc)


def test_what_ctc_cannot_hold_is_refused(record: Record, tmp_path: Path) -> None:
    flat = ImageData(record.image.data[0], "cyx", record.image.channels)
    with pytest.raises(CannotCarry, match="axes tcyx, not cyx"):
        write_layout(Ctc(), [Record(record.entry, flat, None, Path())], tmp_path / "a")
    nodes = truth(record).nodes()
    ids = nodes[:, 1] + 70_000
    lineage, again = lineage_from_ids(np.column_stack([nodes[:, 0], ids]))
    big = LabelMovie(relabelled(truth(record).data, nodes, again), lineage)
    with pytest.raises(CannotCarry, match="above 65,535"):
        write_ctc_tracks(big, tmp_path / "b")
    with pytest.raises(CannotCarry, match="above 65,535"):
        write_layout(Ctc(), [replace(record, truth=big)], tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_ctc_keeps_numbers_and_what_people_call_a_sequence(record: Record, tmp_path: Path) -> None:
    timed = replace(record, pixels=replace(record.image, seconds_per_frame=300.0))
    named = [
        replace(timed, entry=Entry(name, (), source, "", {"source_known": True}))
        for name, source in (("dish 7", "mouse"), ("04", "mouse"), ("01", "rat"))
    ]
    write_layout(Ctc(), named, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == [
        "01", "01_GT", "02", "02_GT", "04", "04_GT"
    ]  # fmt: skip
    entries = Ctc().scan(tmp_path / "out").entries
    assert [(e.name, e.source, e.paths[0].parent.name) for e in entries] == [
        ("01", "rat", "02"), ("04", "mouse", "04"), ("dish 7", "mouse", "01")
    ]  # fmt: skip
    assert Ctc().read(entries[0]).image.seconds_per_frame == 300.0
    table = tmp_path / "out" / "sequences.csv"
    for text in ("sequence,name\n01,a\n01,b\n", "sequence,name\n01,a\n02,a\n", "name\na\n"):
        table.write_text(text)
        with pytest.raises(InvalidDocument, match="listed twice or not named"):
            Ctc().scan(tmp_path / "out")
    table.write_text("sequence,seconds_per_frame\n01,-3\n")
    with pytest.raises(InvalidDocument, match="no number of seconds"):
        Ctc().scan(tmp_path / "out")


def test_ctc_results_stand_in_where_there_is_no_truth_and_silver_masks_are_named(ctc: Path, record: Record) -> None:
    shutil.rmtree(ctc / "01_GT")
    write_ctc_tracks(truth(record), ctc / "01_RES")
    (ctc / "02_ST").mkdir()
    (ctc / "07_GT").mkdir()
    scan = Ctc().scan(ctc)
    assert [entry.metadata["labels"] for entry in scan.entries] == ["01_RES", "02_GT/TRA"]
    assert truth(Ctc().read(scan.entries[0])).lineage == truth(record).lineage
    assert [(item.path.name, item.reason[:20]) for item in scan.skipped] == [
        ("02_ST", "masks that a program"), ("07_GT", "there is no folder 0")
    ]  # fmt: skip


def test_sequences_of_stacks_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "01").mkdir()
    for frame in range(2):
        stack = np.zeros((9, 8, 8), np.uint16)
        tifffile.imwrite(tmp_path / "01" / f"t{frame:03d}.tif", stack, photometric="minisblack")
    with pytest.raises(WrongFormat, match=r"t000\.tif"):
        only(Ctc(), tmp_path)


def test_numbers_beyond_memory_are_refused_at_once(ctc: Path, record: Record, tmp_path: Path) -> None:
    table = ctc / "01_GT" / "TRA" / "man_track.txt"
    table.write_text("1 0 9999999999 0\n")
    with pytest.raises(InvalidDocument, match="reaches frame 9999999999, the movie has 12 frames"):
        only(Ctc(), ctc)
    table.write_text("".join(f"{n} 0 11 0\n" for n in range(1, 20_000)))
    with pytest.raises(InvalidDocument, match="more cells than the movie has pixels"):
        only(Ctc(), ctc)
    (ctc / "01" / "t000.tif").rename(ctc / "01" / "t99999999999.tif")
    assert "frames 12, 13, 14, 15, 16 and 99999999982 more are missing" in Ctc().scan(ctc).skipped[0].reason
    Usiigaci().write([without_divisions(record)], tmp_path / "u")
    rows = tmp_path / "u" / "dish_Exp_0" / "tracks.csv"
    for line in ("1,1e300", "9" * 40 + ",1"):
        rows.write_text(f"particle,frame\n{line}\n")
        with pytest.raises(InvalidDocument, match="no columns particle and frame with numbers"):
            only(Usiigaci(), tmp_path / "u")


def test_frames_are_one_movie_or_refused(tmp_path: Path) -> None:
    for number in (7, 8, 10):
        tifffile.imwrite(tmp_path / f"f{number:02d}.tif", np.full((5, 6), number, np.uint16))
    with pytest.raises(InvalidDocument, match=r"frame 9 is missing between f07\.tif and f10\.tif"):
        numbered_frames(tmp_path, r"f(\d+)\.tif")
    tifffile.imwrite(tmp_path / "f9.tif", np.full((5, 6), 9, np.uint16))
    paths = numbered_frames(tmp_path, r"f(\d+)\.tif")
    assert list(paths) == [7, 8, 9, 10]
    assert read_label_frames(list(paths.values()))[:, 0, 0].tolist() == [7, 8, 9, 10]
    tifffile.imwrite(tmp_path / "f09.tif", np.zeros((5, 6), np.uint16))
    with pytest.raises(InvalidDocument, match="frame 9 is there twice"):
        numbered_frames(tmp_path, r"f(\d+)\.tif")
    with pytest.raises(NotFound, match="no frames"):
        numbered_frames(tmp_path, r"g(\d+)\.tif")
    tifffile.imwrite(tmp_path / "f08.tif", np.zeros((5, 7), np.uint16))
    with pytest.raises(MismatchedShapes, match=r"f08\.tif"):
        read_movie(list(paths.values()))
    tifffile.imwrite(tmp_path / "f07.tif", np.zeros((5, 6), np.float32))
    with pytest.raises(WrongFormat, match="whole numbers"):
        read_label_frames([tmp_path / "f07.tif"])
    tifffile.imwrite(tmp_path / "f07.tif", np.zeros((3, 5, 6), np.uint16), photometric="minisblack")
    with pytest.raises(WrongFormat, match="no single plane"):
        read_label_frames([tmp_path / "f07.tif"])
