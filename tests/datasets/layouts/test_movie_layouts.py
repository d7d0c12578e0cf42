"""Layouts of movies: real folders with the counts of their READMEs, both ways, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tracked_movies import dish, only, truth, without_divisions

from cellcommons.axes import PixelSize
from cellcommons.errors import (
    CannotCarry,
    InvalidDocument,
    NotFound,
    UnknownLayout,
)
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.nist_lineage import NistLineage
from cellcommons.layouts.registry import get_layout, guess_layout
from cellcommons.layouts.usiigaci import Usiigaci
from cellcommons.layouts.writing import write_layout
from cellcommons.tracks import LabelMovie, Lineage, Track


@pytest.fixture(scope="module")
def record() -> Record:
    return dish()


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
