"""Plates as OME-Zarr: there and back, valid to others, and what others write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from ome_zarr_models.v05 import HCS

from cellcommons.errors import AlreadyThere, CannotCarry, UnknownLayout
from cellcommons.images.data import ImageData, PlatePosition
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.hcs_plates import Hcs
from cellcommons.layouts.ome_zarr_images import OmeZarr
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.layout_suite import LayoutSuite

IDS = np.zeros((8, 7), dtype=np.uint32)
IDS[1:4, 1:4] = 3


class TestHcs(LayoutSuite):
    layout = Hcs()

    def arranged(self, wanted: dict[str, Record]) -> dict[str, Record]:
        """Each image in a well of its own."""
        placed = {}
        for number, (name, record) in enumerate(wanted.items(), start=1):
            place = record.image.position
            assert place is not None
            placed[name] = replace(record, pixels=replace(record.image, position=replace(place, column=number)))
        return placed


def record(name: str, place: PlatePosition | None, truth: Any = None) -> Record:
    image = ImageData(np.full((1, 8, 7), 5, np.uint8), "cyx", ("DAPI",), position=place)
    return Record(Entry(name, (), name), image, truth, Path(name))


def test_a_plate_is_valid_and_comes_back(tmp_path: Path) -> None:
    places = [("B", 3, 1), ("B", 3, 2), ("A", 12, 1), ("AB", 3, None)]
    records = [
        record(f"i{n}", PlatePosition(row, column, field, "p 1"), LabelMap(IDS))
        for n, (row, column, field) in enumerate(places)
    ]
    write_layout(Hcs(), records, tmp_path / "out")
    group = zarr.open_group(tmp_path / "out" / "p 1.zarr", mode="r")
    plate = HCS.from_zarr(group)
    said = plate.attributes.ome.plate
    assert [row.name for row in said.rows] == ["A", "B", "AB"]
    assert [column.name for column in said.columns] == ["3", "12"]
    assert [well.path for well in said.wells] == ["A/12", "B/3", "AB/3"]
    np.testing.assert_array_equal(group["B/3/field2/labels/cells/0"][...], IDS)
    scan = Hcs().scan(tmp_path / "out")
    again = {entry.name: Hcs().read(entry) for entry in scan.entries}
    assert {name: one.image.position for name, one in again.items()} == {
        one.entry.name: one.image.position for one in records
    }
    assert again["i1"].labels is not None
    assert OmeZarr().guess(tmp_path / "out")[0] == 0


def test_plates_of_others(tmp_path: Path) -> None:
    store = tmp_path / "plate.zarr"
    wells = [{"path": "B/03", "rowIndex": 0, "columnIndex": 0}]
    said = {"plate": {"name": "screen", "rows": [{"name": "B"}], "columns": [{"name": "03"}], "wells": wells}}
    zarr.open_group(store, mode="w", zarr_format=2).attrs.update(said)
    zarr.open_group(store / "B" / "03", mode="w", zarr_format=2).attrs["well"] = {
        "images": [{"path": "0"}, {"path": "1"}]
    }
    for field in "01":
        group = zarr.open_group(store / "B" / "03" / field, mode="w", zarr_format=2)
        group.create_array("0", data=np.full((8, 7), int(field), np.uint8), chunks=(8, 7))
        axes = [{"name": a, "type": "space"} for a in "yx"]
        group.attrs["multiscales"] = [{"axes": axes, "datasets": [{"path": "0"}]}]
    scan = Hcs().scan(tmp_path)
    assert [(e.name, e.source) for e in scan.entries] == [
        ("screen-B03-1", "screen-B03"), ("screen-B03-2", "screen-B03")
    ]  # fmt: skip
    second = Hcs().read(scan.entries[1])
    assert second.image.position == PlatePosition("B", 3, 2, "screen")
    assert second.image.data.max() == 1
    assert Hcs().guess(tmp_path)[0] == 0.95
    write_layout(OmeZarr(), [record("single", None)], tmp_path / "more")
    assert [item.reason for item in OmeZarr().scan(tmp_path).skipped] == ["a plate: its layout is hcs"]


def test_images_without_a_place_or_on_one_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCarry, match="one: hcs holds"):
        write_layout(Hcs(), [record("one", None)], tmp_path / "out")
    place = PlatePosition("A", 1, 1, "p")
    with pytest.raises(AlreadyThere, match="field 1 of A01"):
        write_layout(Hcs(), [record("one", place), record("two", place)], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnknownLayout):
        Hcs().scan(tmp_path)
