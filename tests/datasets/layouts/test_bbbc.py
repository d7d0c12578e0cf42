"""Tables of image files: BBBC021's, CellProfiler's, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellcommons.classes import ImageClasses
from cellcommons.errors import CannotCarry, CellCommonsError, InvalidDocument, MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData, PlatePosition
from cellcommons.layouts.bbbc import Bbbc
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.plate import Plate
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.sameness import assert_same_record
from tests.datasets.layouts.test_plate import alike

LAYOUT = Bbbc()
HEAD = (
    "TableNumber,ImageNumber,Image_FileName_DAPI,Image_PathName_DAPI,Image_FileName_Tubulin,Image_PathName_Tubulin,"
    "Image_FileName_Actin,Image_PathName_Actin,Image_Metadata_Plate_DAPI,Image_Metadata_Well_DAPI,Replicate,"
    "Image_Metadata_Compound,Image_Metadata_Concentration\n"
)


class TestBbbc(LayoutSuite):
    layout = Bbbc()

    def arranged(self, wanted: dict[str, Record]) -> dict[str, Record]:
        return alike(wanted)


def row(plate: str, well: str, site: int, compound: str, dose: str) -> str:
    files = ",".join(f"{plate}_{well}_s{site}_w{c}.tif,Week1/Week1_{plate}" for c in (1, 2, 4))
    return f"4,233,{files},Week1_{plate},{well},1,{compound},{dose}\n"


def plane(path: Path, value: int, shape: tuple[int, int] = (6, 7)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.full(shape, value, np.uint16))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two plates, as BBBC021 has them: one name a file and plate, a mechanism for one treatment and for the control."""
    rows = [row("22123", "B02", 1, "5-fluorouracil", "0.1"), row("22123", "B02", 2, "taxol", "0.3")]
    rows += [row("22124", "C11", 1, "DMSO", "0.0")]
    (tmp_path / "BBBC021_v1_image.csv").write_text(HEAD + "".join(rows))
    (tmp_path / "BBBC021_v1_moa.csv").write_text(
        "compound,concentration,moa\ntaxol,0.300,Microtubule stabilizers\nDMSO,0,DMSO\n"
    )
    for value, (plate, name) in enumerate((("22123", "B02_s1"), ("22123", "B02_s2"), ("22124", "C11_s1"))):
        for channel in (1, 2, 4):
            plane(tmp_path / "Week1" / f"Week1_{plate}" / f"{plate}_{name}_w{channel}.tif", 10 * value + channel)
    return tmp_path


def test_sites_are_images_with_mechanisms_of_action(folder: Path) -> None:
    assert guess_layout(folder).name == "bbbc"
    scan = LAYOUT.scan(folder)
    assert not scan.skipped
    assert [(e.name, e.source) for e in scan.entries] == [
        ("22123_B02_s1_w1", "5-fluorouracil"),
        ("22123_B02_s2_w1", "taxol"),
        ("Week1_22124 C11", "DMSO"),
    ]
    records = [LAYOUT.read(entry) for entry in scan.entries]
    assert records[1].image.channels == ("DAPI", "Tubulin", "Actin")
    assert records[1].image.data[:, 0, 0].tolist() == [11, 12, 14]
    assert records[2].image.position == PlatePosition("C", 11, None, "Week1_22124")
    assert records[0].truth is None
    truths = [record.truth for record in records[1:]]
    assert all(isinstance(truth, ImageClasses) for truth in truths)
    assert [truth.classes for truth in truths if isinstance(truth, ImageClasses)] == [
        ("Microtubule stabilizers",),
        ("DMSO",),
    ]
    assert records[0].entry.metadata["concentration"] == "0.1"


def test_tables_of_cellprofiler_are_read_wherever_the_images_are(tmp_path: Path) -> None:
    (tmp_path / "load_data.csv").write_text(
        "FileName_OrigDNA,PathName_OrigDNA,FileName_OrigER,PathName_OrigER,Metadata_Plate,Metadata_Row,Metadata_Col,"
        "Metadata_Site,Metadata_control_type\n"
        "r02c03f05-ch1.tif,C:\\data\\p1,r02c03f05-ch2.tif,C:\\data\\p1,p1,2,3,5,negcon\n"
        "r02c03f05-ch1.tif,/home/x/p2,r02c03f05-ch2.tif,/home/x/p2,p2,2,3,5,\n"
        "gone.tif,,gone2.tif,,p2,2,4,5,\n"
        "../secret.tif,,r02c03f05-ch2.tif,../p2,p2,2,5,5,\n"
    )
    for value, plate in enumerate(("p1", "p2")):
        for channel in (1, 2):
            plane(tmp_path / plate / f"r02c03f05-ch{channel}.tif", 10 * value + channel)
    plane(tmp_path.parent / "secret.tif", 9)
    scan = LAYOUT.scan(tmp_path)
    assert [s.reason for s in scan.skipped] == ["row 3: gone.tif is not here", "row 4: ../secret.tif is not here"]
    records = {entry.name: LAYOUT.read(entry) for entry in scan.entries}
    assert list(records) == ["p1 B3 s5", "p2 B3 s5"]
    assert records["p2 B3 s5"].image.data[:, 0, 0].tolist() == [11, 12]
    assert records["p1 B3 s5"].image.position == PlatePosition("B", 3, 5, "p1")
    truth = records["p1 B3 s5"].truth
    assert isinstance(truth, ImageClasses)
    assert truth.classes == ("negcon",)
    assert records["p2 B3 s5"].truth is None


def test_what_is_wrong_is_named(folder: Path, tmp_path: Path) -> None:
    first = folder / "Week1" / "Week1_22123" / "22123_B02_s1_w2.tif"
    plane(first, 1, (6, 8))
    with pytest.raises(MismatchedShapes, match="s1_w2"):
        LAYOUT.read(LAYOUT.scan(folder).entries[0])
    first.write_bytes(first.read_bytes()[:40])
    with pytest.raises(CellCommonsError, match="s1_w2"):
        LAYOUT.read(LAYOUT.scan(folder).entries[0])
    table = folder / "BBBC021_v1_image.csv"
    text = table.read_text()
    for old, new, said in (
        (",B02,", ",2B,", "well '2B'"),
        (",0.3\n", ",much\n", "concentration 'much'"),
        (",0.3\n", ",nan\n", "concentration 'nan'"),
        (",0.3\n", ",0.3,1,2\n", "fields for"),
    ):
        table.write_text(text.replace(old, new))
        with pytest.raises(InvalidDocument, match=said):
            LAYOUT.scan(folder)
    table.write_text(text)
    (folder / "BBBC021_v1_moa.csv").write_text("compound,dose\n")
    (folder / "BBBC021_v1_moa.csv").write_text("compound,dose\na,1\n")
    with pytest.raises(InvalidDocument, match="compound, concentration and moa"):
        LAYOUT.scan(folder)
    with pytest.raises(UnknownLayout, match="bbbc"):
        LAYOUT.scan(tmp_path / "absent")


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.tif"
    plane(outside, 9)
    file = folder / "Week1" / "Week1_22124" / "22124_C11_s1_w1.tif"
    file.unlink()
    file.symlink_to(outside)
    assert [s.reason for s in LAYOUT.scan(folder).skipped] == ["row 3: 22124_C11_s1_w1.tif is not here"]


def test_treatments_are_written_and_channels_must_agree(folder: Path, tmp_path: Path) -> None:
    records = [LAYOUT.read(entry) for entry in LAYOUT.scan(folder).entries]
    write_layout(LAYOUT, records, tmp_path / "again")
    again = LAYOUT.scan(tmp_path / "again")
    assert [(e.source, e.metadata["compound"]) for e in again.entries] == [(r.entry.source,) * 2 for r in records]
    assert not (tmp_path / "again" / "sources.csv").exists()
    # What is told of a control is no class where nothing was said of the mechanism.
    control = replace(records[0], entry=replace(records[0].entry, metadata={"control": "negcon"}))
    write_layout(LAYOUT, [control], tmp_path / "control")
    (entry,) = LAYOUT.scan(tmp_path / "control").entries
    assert (entry.metadata["control"], LAYOUT.read(entry).truth) == ("negcon", None)
    other = Record(Entry("x", (), ""), ImageData(np.zeros((1, 4, 5), np.uint8), "cyx", ("DAPI",)), None, Path())
    with pytest.raises(CannotCarry, match="same channels"):
        write_layout(LAYOUT, [records[0], other], tmp_path / "more")


@pytest.mark.real_data
def test_a_real_plate_goes_through_the_table(real_data: Path, tmp_path: Path) -> None:
    plate = Plate()
    records = {entry.name: plate.read(entry) for entry in plate.scan(real_data / "cls_sbs_translocation").entries}
    write_layout(LAYOUT, records.values(), tmp_path / "table")
    assert guess_layout(tmp_path / "table").name == "bbbc"
    entries = LAYOUT.scan(tmp_path / "table").entries
    assert (len(entries), entries[0].metadata["control"]) == (24, "negative")
    for entry in entries:
        assert_same_record(LAYOUT.read(entry), records[entry.name], LAYOUT.carries)
