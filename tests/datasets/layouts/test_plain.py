"""A folder of images and nothing else: what each is called, what lies beside them, there and back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from cellcommons.errors import CellCommonsError
from cellcommons.layouts.plain import Plain, short_names
from cellcommons.testing.layout_suite import LayoutSuite

LAYOUT = Plain()


class TestPlain(LayoutSuite):
    layout = Plain()


def test_names_are_paths_and_tables_name_them_with_or_without_ending(tmp_path: Path) -> None:
    png = imagecodecs.png_encode(np.zeros((4, 5), np.uint8))
    for name in ("a.png", "day 1/b.png", "day 1/notes.txt", ".hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png)
    for name in ("c.ome.tif", "d.ome.tif", "d.OME.TIFF"):
        (tmp_path / name).write_bytes(b"II*\0")
    (tmp_path / "sources.csv").write_text("name,source\nday 1/b.png,donor\nc.ome.tif,slide\n")
    (tmp_path / "splits.csv").write_text("name,split\nc,test\n")
    scan = LAYOUT.scan(tmp_path)
    assert {e.name: (e.source, e.split) for e in scan.entries} == {
        "a.png": ("a.png", ""),
        "c": ("slide", "test"),
        "d.ome.tif": ("d.ome.tif", ""),
        "d.OME.TIFF": ("d.OME.TIFF", ""),
        "day 1/b.png": ("donor", ""),
    }
    assert [s.path.name for s in scan.skipped] == ["notes.txt"]
    with pytest.raises(CellCommonsError):
        LAYOUT.read(next(e for e in scan.entries if e.name == "c"))


def test_short_names_are_unique() -> None:
    files = [
        Path("f") / name for name in ("a.png", "x/b.tif", "y/b.png", "c.ome.tif", "d", "d.png", "e.png.png", "e.png")
    ]
    assert list(short_names(Path("f"), files).values()) == [
        "a",
        "x/b.tif",
        "y/b.png",
        "c",
        "d",
        "d.png",
        "e.png.png",
        "e",
    ]


def test_each_image_of_a_file_is_an_entry_of_its_own(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "plate.ome.tif", ome=True) as tiff:
        for value, name in ((1, "well A1"), (2, "well A2"), (3, "well A2")):
            tiff.write(np.full((4, 4 + value), value, np.uint8), metadata={"axes": "YX", "Name": name})
    (tmp_path / "sources.csv").write_text("name,source\nplate,slide 1\n")
    scan = LAYOUT.scan(tmp_path)
    assert [(e.name, e.part, e.source) for e in scan.entries] == [
        ("plate well A1", "well A1", "slide 1"),
        ("plate well A2 2", "well A2 2", "slide 1"),
        ("plate well A2 3", "well A2 3", "slide 1"),
    ]
    assert [LAYOUT.read(entry).image.data.shape for entry in scan.entries] == [(1, 4, 5), (1, 4, 6), (1, 4, 7)]
    whole = Plain(parts=False).scan(tmp_path).entries
    assert [(e.name, e.part) for e in whole] == [("plate", "")]
    assert LAYOUT.scan(tmp_path / "plate.ome.tif").entries[2].name == "plate well A2 3"


@pytest.mark.real_data
def test_real_files_of_every_format(real_data: Path) -> None:
    scan = LAYOUT.scan(real_data / "fmt_mixed")
    kinds = Counter(entry.paths[0].suffix for entry in scan.entries)
    assert {".nd2", ".czi", ".tif", ".zarr"} <= set(kinds), kinds
    czi = next(entry for entry in scan.entries if entry.paths[0].suffix == ".czi")
    assert LAYOUT.read(czi).image.data.size
    assert not any(part.endswith(".zarr") for entry in scan.entries for part in entry.paths[0].parts[:-1])
