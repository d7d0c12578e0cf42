"""Layouts of movies: real folders with the counts of their READMEs, both ways, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellcommons.axes import PixelSize
from cellcommons.errors import (
    CannotCarry,
    CellCommonsError,
    InvalidDocument,
    MismatchedShapes,
    NotFound,
    UnknownLayout,
    UnreadableFile,
    WrongFormat,
)
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ctc import Ctc, read_ctc_tracks, read_track_table, write_ctc_tracks
from cellcommons.layouts.frames import numbered_frames, read_label_frames, read_movie
from cellcommons.layouts.nist_lineage import NistLineage
from cellcommons.layouts.registry import get_layout, guess_layout
from cellcommons.layouts.usiigaci import Usiigaci
from cellcommons.layouts.writing import write_layout
from cellcommons.linked import lineage_from_ids, relabelled
from cellcommons.synthetic.movies import generate_movie
from cellcommons.tracks import LabelMovie, Lineage, Track, movie_nodes


@pytest.fixture(scope="module")
def record() -> Record:
    movie = generate_movie(2, density="medium", frames=12, height=96, width=112)
    image = ImageData(movie.image, "tcyx", movie.channels, movie.truth.pixel_size)
    assert movie.truth.lineage.divisions
    return Record(Entry("dish", (), "dish"), image, movie.truth, Path("dish"))


@pytest.fixture
def ctc(record: Record, tmp_path: Path) -> Path:
    both = [replace(record, entry=Entry(name, (), name)) for name in ("01", "02")]
    write_layout(Ctc(), both, tmp_path / "ctc")
    return tmp_path / "ctc"


def only(layout: Ctc | Usiigaci | NistLineage, folder: Path) -> Record:
    scan = layout.scan(folder)
    assert [s.reason for s in scan.skipped] == []
    return layout.read(scan.entries[0])


def truth(record: Record) -> LabelMovie:
    assert isinstance(record.truth, LabelMovie)
    assert record.labels is None
    return record.truth


def without_divisions(record: Record) -> Record:
    """As if each daughter had come from nowhere; the first track unseen in frame 2."""
    data = truth(record).data.copy()
    first = truth(record).lineage.tracks[0]
    assert first.end > 3
    data[2][data[2] == first.id] = 0
    nodes = movie_nodes(data)
    lineage, ids = lineage_from_ids(nodes)
    movie = LabelMovie(relabelled(data, nodes, ids), lineage, PixelSize(0.65, 0.65))
    return Record(record.entry, record.image, movie, record.original)


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


def test_usiigaci_comes_back_as_written(record: Record, tmp_path: Path) -> None:
    single = without_divisions(record)
    write_layout(Usiigaci(), [single], tmp_path / "out", drop=["ids"])
    tmp_path = tmp_path / "out"
    assert guess_layout(tmp_path).name == "usiigaci"
    again = only(Usiigaci(), tmp_path)
    np.testing.assert_array_equal(again.image.data, single.image.data)
    np.testing.assert_array_equal(truth(again).data, truth(single).data)
    assert truth(again).lineage == truth(single).lineage
    assert again.entry.metadata["gaps"] == 1
    assert again.image.pixel_size == PixelSize(0.65, 0.65)
    with pytest.raises(CannotCarry, match="usiigaci has no place for: divisions") as refused:
        write_layout(Usiigaci(), [record], tmp_path / "x")
    write_layout(Usiigaci(), [record], tmp_path / "y", drop=refused.value.features)
    assert truth(only(Usiigaci(), tmp_path / "y")).lineage.divisions == ()


def test_usiigaci_table_and_masks_must_agree(record: Record, tmp_path: Path) -> None:
    Usiigaci().write([without_divisions(record)], tmp_path)
    table = tmp_path / "dish_Exp_0" / "tracks.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:-1]))
    with pytest.raises(InvalidDocument, match=r"the mask alone has cell \d+ in frame 11; 1 such"):
        only(Usiigaci(), tmp_path)
    table.write_text("".join([*lines, "999,3,0,0\n"]))
    with pytest.raises(InvalidDocument, match="the table alone has cell 999 in frame 3"):
        only(Usiigaci(), tmp_path)
    table.write_text("particle,time\n1,2\n")
    with pytest.raises(InvalidDocument, match="no columns particle and frame"):
        only(Usiigaci(), tmp_path)
    table.unlink()
    with pytest.raises(NotFound):
        only(Usiigaci(), tmp_path)
    (tmp_path / "dish_Exp_0" / "Id_masks_per_frame" / "id_masks_05.png").unlink()
    assert "frame 5 is missing" in Usiigaci().scan(tmp_path).skipped[0].reason


def test_nist_comes_back_as_written(record: Record, tmp_path: Path) -> None:
    NistLineage().write([record], tmp_path)
    assert guess_layout(tmp_path).name == "nist_lineage"
    again = only(NistLineage(), tmp_path)
    np.testing.assert_array_equal(truth(again).data, truth(record).data)
    assert truth(again).lineage == truth(record).lineage
    np.testing.assert_array_equal(again.image.data, record.image.data)
    for path in (tmp_path / "dish").glob("image_*"):
        path.unlink()
    again = only(NistLineage(), tmp_path)
    assert again.image.channels == ("segmentation",)
    assert again.entry.metadata["no_raw_images"]
    assert truth(again).lineage == truth(record).lineage


def test_nist_keeps_a_division_into_three_and_no_gap(tmp_path: Path) -> None:
    data = np.zeros((4, 8, 16), dtype=np.uint32)
    data[:2, 1:3, 1:6] = 1
    for daughter in (2, 3, 4):
        data[2:, 1:3, 3 * daughter : 3 * daughter + 2] = daughter
    data[[0, 3], 6, 1] = 5, 6
    tracks = [Track(1, 0, 1), *(Track(d, 2, 3, 1) for d in (2, 3, 4)), Track(5, 0, 0), Track(6, 3, 3, 5)]
    image = ImageData(np.zeros((4, 1, 8, 16), np.uint8), "tcyx", ("intensity",))
    record = Record(Entry("m", (), "m"), image, LabelMovie(data, Lineage(tuple(tracks))), Path())
    with pytest.raises(CannotCarry, match="nist_lineage has no place for: gaps"):
        write_layout(NistLineage(), [record], tmp_path / "a")
    write_layout(NistLineage(), [record], tmp_path / "b", drop=["gaps"])
    again = truth(only(NistLineage(), tmp_path / "b")).lineage
    assert again == Lineage((*tracks[:5], Track(6, 3, 3)))


def test_nist_tables_that_contradict_are_refused(record: Record, tmp_path: Path) -> None:
    NistLineage().write([record], tmp_path)
    births, divisions = (tmp_path / "dish" / name for name in ("trk-birth-death.csv", "trk-division.csv"))
    text = births.read_text()
    first = truth(record).lineage.tracks[0].id
    births.write_text(text.replace(f"\n{first},1,", f"\n{first},2,"))
    with pytest.raises(InvalidDocument, match=f"cell {first} is born in frame 2, says the table"):
        only(NistLineage(), tmp_path)
    births.write_text(text)
    division = truth(record).lineage.divisions[0]
    table = divisions.read_text()
    divisions.write_text(table + f"5,{first},{division.daughters[0]},{division.daughters[1]}\n")
    with pytest.raises(InvalidDocument, match=f"cell {division.daughters[0]} has two parents"):
        only(NistLineage(), tmp_path)
    divisions.write_text(table + f"5,{division.daughters[0]},{division.mother},{division.mother}\n")
    with pytest.raises(InvalidDocument, match=r"two parents|descends from itself"):
        only(NistLineage(), tmp_path)
    divisions.write_text(table + "5,x,1,2\n")
    with pytest.raises(InvalidDocument, match="not whole numbers"):
        only(NistLineage(), tmp_path)


def test_usiigaci_frames_missing_or_out_of_order_are_refused(record: Record, tmp_path: Path) -> None:
    Usiigaci().write([without_divisions(record)], tmp_path)
    masks = tmp_path / "dish_Exp_0" / "Id_masks_per_frame"
    first, last = masks / "id_masks_00.png", masks / "id_masks_11.png"
    first.rename(masks / "x"), last.rename(first), (masks / "x").rename(last)
    with pytest.raises(InvalidDocument, match=r"the (table|mask) alone has cell \d+ in frame 0"):
        only(Usiigaci(), tmp_path)
    last.unlink()
    assert "frame 12 is without labels" in Usiigaci().scan(tmp_path).skipped[0].reason
    (tmp_path / "dish" / "disht03.tif").unlink()
    assert "frame 3 is missing between" in Usiigaci().scan(tmp_path).skipped[0].reason


def test_nist_frames_missing_or_out_of_order_are_refused(record: Record, tmp_path: Path) -> None:
    NistLineage().write([record], tmp_path)
    folder = tmp_path / "dish"
    first, last = folder / "trk-seg_001.tif", folder / "trk-seg_012.tif"
    first.rename(folder / "x"), last.rename(first), (folder / "x").rename(last)
    with pytest.raises(InvalidDocument, match=r"mother|born|begins"):
        only(NistLineage(), tmp_path)
    (folder / "trk-seg_005.tif").unlink()
    assert "frame 5 is missing" in NistLineage().scan(tmp_path).skipped[0].reason
    last.unlink()
    (folder / "seg_012.tif").unlink()
    assert "frame 5 is missing" in NistLineage().scan(tmp_path).skipped[0].reason


def test_a_nist_daughter_before_her_mother_is_refused(record: Record, tmp_path: Path) -> None:
    NistLineage().write([record], tmp_path)
    division = truth(record).lineage.divisions[0]
    early = next(t.id for t in truth(record).lineage.tracks if t.begin == 0 and t.id != division.mother)
    table = tmp_path / "dish" / "trk-division.csv"
    table.write_text(table.read_text() + f"3,{division.daughters[0]},{early},{early}\n")
    with pytest.raises(InvalidDocument, match=f"track {early}: it begins in frame 0, but its mother"):
        only(NistLineage(), tmp_path)


@pytest.mark.parametrize("name", ["ctc", "usiigaci", "nist_lineage", "trackmate"])
def test_an_empty_folder_is_none_of_them(tmp_path: Path, name: str) -> None:
    layout = get_layout(name)
    assert layout.guess(tmp_path)[0] == 0
    assert layout.task == "tracking"
    with pytest.raises(UnknownLayout):
        layout.scan(tmp_path)


@pytest.mark.real_data
def test_the_real_glioblastoma_movie(real_data: Path) -> None:
    folder = real_data / "track_usiigaci_t98g"
    assert guess_layout(folder).name == "usiigaci"
    record = only(Usiigaci(), folder)
    assert record.image.data.shape == (10, 1, 1022, 1024)
    assert record.image.data.dtype == np.uint16
    assert record.entry.name == "T98G_sample"
    movie = truth(record)
    assert len(movie.nodes()) == 713
    assert movie.lineage.divisions == ()
    # 78 particles in the table; two of them are unseen for a while.
    assert (len(movie.lineage.tracks), record.entry.metadata["gaps"]) == (80, 2)
    assert movie.pixel_size.y == 0.87


@pytest.mark.real_data
def test_the_real_lineage_with_two_divisions(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "track_nist_lineage"
    assert guess_layout(folder).name == "nist_lineage"
    record = only(NistLineage(), folder)
    movie = truth(record)
    assert movie.data.shape == (10, 520, 696)
    assert len(movie.lineage.tracks) == 18
    assert [(d.mother, d.frame, d.daughters) for d in movie.lineage.divisions] == [(2, 4, (12, 13)), (8, 7, (16, 17))]


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["ctc", "geff", "nist_lineage"])
@pytest.mark.parametrize("source", ["track_nist_lineage", "track_usiigaci_t98g"])
def test_real_movies_come_back_from_every_layout_that_carries_them(
    real_data: Path, tmp_path: Path, source: str, name: str
) -> None:
    record = only(guess_layout(real_data / source), real_data / source)
    # NIST's segmentations are whole numbers of 16 bits; Lineage Mapper knows no gaps, of which T98G has two.
    drop = ["gaps"] if name == "nist_lineage" else []
    write_layout(get_layout(name), [record], tmp_path / "out", drop=drop)
    again = truth(only(get_layout(name), tmp_path / "out"))
    np.testing.assert_array_equal(again.data, truth(record).data)
    if not truth(record).lineage.divisions and drop:
        assert {track.parent for track in again.lineage.tracks} == {None}
    else:
        assert again.lineage == truth(record).lineage
    assert again.pixel_size == truth(record).pixel_size
