"""Finding layouts by name and by looking, and the plain folder of images."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from cellcommons.errors import NotFound, UnknownLayout, WrongFormat
from cellcommons.layouts.plain import Plain
from cellcommons.layouts.registry import all_layouts, get_layout, guess_layout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    data = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(data))
    tifffile.imwrite(tmp_path / "sub" / "a.TIF", data.astype(np.uint16))
    (tmp_path / ".hidden" / "b.png").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    return tmp_path


def test_layouts_have_different_names_and_are_found_by_them() -> None:
    names = [layout.name for layout in all_layouts()]
    assert len(set(names)) == len(names)
    assert {"dsb2018", "plain"} <= set(names)
    for layout in all_layouts():
        assert get_layout(layout.name) is layout
        assert layout.title
        assert layout.task in {
            "classification",
            "instance_segmentation",
            "semantic_segmentation",
            "tracking",
            "augmented",
            "keypoints",
        }


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownLayout, match=r"coco2099: no such layout.*dsb2018.*plain"):
        get_layout("coco2099")


def test_looking_at_a_folder_tells_its_layout(folder: Path, tmp_path: Path) -> None:
    assert guess_layout(folder).name == "plain"
    nested = tmp_path / "x" / "images"
    nested.mkdir(parents=True)
    (tmp_path / "x" / "masks").mkdir()
    (nested / "x.png").write_bytes((folder / "a.png").read_bytes())
    assert guess_layout(tmp_path).name == "dsb2018"


def test_what_follows_no_layout_is_refused_with_the_reasons(tmp_path: Path) -> None:
    with pytest.raises(UnknownLayout, match=r"dsb2018: .*plain: "):
        guess_layout(tmp_path)
    with pytest.raises(NotFound):
        guess_layout(tmp_path / "absent")


@pytest.mark.real_data
def test_the_real_folder_is_told(real_data: Path) -> None:
    assert guess_layout(real_data / "seg_dsb2018_fixes").name == "dsb2018"


def test_a_plain_folder_is_scanned_and_read(folder: Path) -> None:
    scan = Plain().scan(folder)
    assert [(e.name, e.source) for e in scan.entries] == [("a.png", "a.png"), ("sub/a.TIF", "sub/a.TIF")]
    assert [s.path.name for s in scan.skipped] == ["notes.txt"]
    record = Plain().read(scan.entries[1])
    assert record.labels is None
    assert record.image.data.shape == (1, 20, 30)
    assert not record.entry.metadata["source_known"]


def test_a_plain_folder_may_name_its_sources(folder: Path) -> None:
    (folder / "sources.csv").write_text("name,source\na.png,donor 1\nsub/a.TIF,donor 2\n")
    (folder / "strata.csv").write_text("name,stratum\na.png,bright\n")
    scan = Plain().scan(folder)
    assert [(e.source, e.stratum, e.metadata["source_known"]) for e in scan.entries] == [
        ("donor 1", "bright", True),
        ("donor 2", "", True),
    ]
    assert [s.path.name for s in scan.skipped] == ["notes.txt"]


def test_one_file_is_a_plain_layout_too(folder: Path) -> None:
    (entry,) = Plain().scan(folder / "a.png").entries
    assert Plain().read(entry).image.shape_yx == (20, 30)
    (folder / "b.png").write_text("text, not an image")
    with pytest.raises(WrongFormat, match=r"b\.png"):
        Plain().read(Plain().scan(folder / "b.png").entries[0])


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownLayout, match="no image file"):
        Plain().scan(tmp_path)
