"""A multi-well plate: the real translocation rows, generated wells, and what is wrong with a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.stats import spearmanr

from cellcommons.classes import ImageClasses
from cellcommons.errors import CannotCarry, InvalidDocument, MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData, PlatePosition
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.plate import Plate
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.layout_suite import LayoutSuite


def alike(wanted: dict[str, Record]) -> dict[str, Record]:
    """The records with the channels of the first."""
    first = next(iter(wanted.values())).image
    for name, record in wanted.items():
        image = record.image
        data = np.resize(image.data, (first.size("c"), *image.shape_yx))
        lights = (image.wavelengths * first.size("c"))[: first.size("c")]
        wanted[name] = replace(record, pixels=replace(image, data=data, channels=first.channels, wavelengths=lights))
    return wanted


class TestPlate(LayoutSuite):
    layout = Plate()

    def arranged(self, wanted: dict[str, Record]) -> dict[str, Record]:
        for number, (name, record) in enumerate(alike(wanted).items()):
            place = record.image.position
            assert place is not None
            moved = replace(place, column=3 * place.column + number)
            wanted[name] = replace(record, pixels=replace(record.image, position=moved))
        return wanted


TABLE = "ImageNumber,Column,Row,SBS_Doses,SBS_Controls\n1,01,A,0,-1\n2,02,A,10,1\n3,3,A,9,0\n"


def plane(folder: Path, channel: int, number: int, well: str, **kinds: object) -> None:
    data = np.full(kinds.get("shape", (16, 12)), channel * 10 + number, kinds.get("dtype", np.uint8))
    tifffile.imwrite(folder / f"Channel{channel}-{number:02d}-{well[0]}-{well[1:]}.tif", data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, well in enumerate(("A01", "A02", "A03", "B01"), start=1):
        for channel in (1, 2):
            plane(tmp_path, channel, number, well)
    (tmp_path / "7_Metadata.csv").write_text(TABLE)
    return tmp_path


def test_wells_are_images_of_two_channels(folder: Path) -> None:
    scan = Plate().scan(folder)
    assert [(e.name, e.source) for e in scan.entries] == [(w, w) for w in ("A01", "A02", "A03", "B01")]
    assert [e.metadata.get("control") for e in scan.entries] == ["negative", "positive", "sample", None]
    records = [Plate().read(entry) for entry in scan.entries]
    assert records[1].image.channels == ("Channel1", "Channel2")
    assert records[1].image.data[:, 0, 0].tolist() == [12, 22]
    truths = [record.truth for record in records]
    assert truths[3] is None
    assert isinstance(truths[2], ImageClasses)
    # Doses are ranks, sorted as numbers.
    assert (truths[2].classes, truths[2].indices, truths[2].ontology.names) == (("9",), (1,), ("0", "9", "10"))
    assert truths[2].ontology.ordinal


def test_rows_may_be_sources_and_channels_named(folder: Path) -> None:
    (folder / "channels.csv").write_text("name,stain\nChannel2,DNA\n")
    entries = Plate(source="row").scan(folder).entries
    assert [e.source for e in entries] == ["row A"] * 3 + ["row B"]
    assert Plate().read(entries[0]).image.channels == ("Channel1", "DNA")


def test_a_plate_without_a_table_has_no_truth(folder: Path) -> None:
    (folder / "7_Metadata.csv").unlink()
    assert all(Plate().read(entry).truth is None for entry in Plate().scan(folder).entries)


def test_a_well_without_a_channel_is_skipped(folder: Path) -> None:
    (folder / "Channel2-02-A-02.tif").unlink()
    scan = Plate().scan(folder)
    assert [e.name for e in scan.entries] == ["A01", "A03", "B01"]
    assert [s.reason for s in scan.skipped] == ["well A02 lacks channel 2"]


def test_channels_that_differ_are_refused(folder: Path) -> None:
    for kinds in ({"shape": (12, 16)}, {"dtype": np.uint16}):
        plane(folder, 2, 1, "A01", **kinds)
        with pytest.raises(MismatchedShapes, match="Channel2-01-A-01"):
            Plate().read(Plate().scan(folder).entries[0])


@pytest.mark.parametrize(
    ("table", "word"),
    [
        (TABLE + "9,01,A,3,0\n", "A01 is listed twice"),
        (TABLE.replace(",-1", ",5"), "control '5'"),
        (TABLE.replace("Column", "Col"), "Row and Column"),
        (TABLE.replace("01,A", "01,Z"), "no well"),
        ("\xff,", "UTF-8"),
    ],
)
def test_damaged_tables_are_refused(folder: Path, table: str, word: str) -> None:
    (folder / "7_Metadata.csv").write_bytes(table.encode("latin-1"))
    with pytest.raises(InvalidDocument, match=word):
        Plate().scan(folder)


def test_two_files_for_one_channel_and_two_tables_are_refused(folder: Path) -> None:
    plane(folder, 1, 9, "A01")
    with pytest.raises(InvalidDocument, match="two files for channel 1"):
        Plate().scan(folder)
    assert Plate().guess(folder) == (0.9, f"{folder / 'Channel1-09-A-01.tif'}: well A01 has two files for channel 1")
    (folder / "Channel1-09-A-01.tif").unlink()
    (folder / "8_Metadata.csv").write_text(TABLE)
    with pytest.raises(InvalidDocument, match="more than one"):
        Plate().scan(folder)


def well(name: str, place: PlatePosition | None, channels: tuple[str, ...] = ("DNA", "GFP")) -> Record:
    image = ImageData(np.zeros((len(channels), 4, 5), np.uint8), "cyx", channels, position=place)
    return Record(Entry(name, (), ""), image, None, Path())


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([well("a", None)], "is not known"),
        ([well("a", PlatePosition("Q", 1))], "rows A to P"),
        ([well("a", PlatePosition("A", 1)), well("b", PlatePosition("A", 1, 2))], "second image of well A01"),
        ([well("a", PlatePosition("A", 1)), well("b", PlatePosition("A", 2), ("DNA",))], "same channels"),
        ([well("a", PlatePosition("A", 1), ("DNA", "DNA"))], "same channels"),
    ],
)
def test_what_a_plate_cannot_hold_is_refused(tmp_path: Path, records: list[Record], said: str) -> None:
    with pytest.raises(CannotCarry, match=said):
        write_layout(Plate(), records, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_another_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        assert Plate().guess(path)[0] == 0
        with pytest.raises(UnknownLayout, match="plate"):
            Plate().scan(path)


@pytest.mark.real_data
def test_the_real_plate(real_data: Path) -> None:
    folder = real_data / "cls_sbs_translocation"
    assert guess_layout(folder).name == "plate"
    scan = Plate().scan(folder)
    assert (len(scan.entries), scan.skipped) == (24, ())
    doses, correlations = [], []
    for entry in scan.entries:
        record = Plate().read(entry)
        assert record.image.data.shape == (2, 640, 640)
        assert isinstance(record.truth, ImageClasses)
        doses.append(record.truth.indices[0])
        correlations.append(np.corrcoef(*record.image.data.reshape(2, -1))[0, 1])
    assert record.truth.ontology.names == tuple(str(dose) for dose in range(11))
    assert [sum(e.metadata["control"] == c for e in scan.entries) for c in ("negative", "sample", "positive")] == [
        4,
        18,
        2,
    ]
    assert record.image.position == PlatePosition("E", 12)
    # The single-number baseline that a trained model has to beat.
    assert abs(spearmanr(doses, correlations).statistic) > 0.85
