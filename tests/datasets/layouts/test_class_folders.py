"""Images sorted into classes, by folder and by table."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cellcommons.classes import ImageClasses
from cellcommons.errors import InvalidDocument, UnknownLayout
from cellcommons.layouts.class_folders import ClassFolders
from cellcommons.layouts.registry import guess_layout

LAYOUT = ClassFolders()


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(np.zeros((9, 9), np.uint8)))


def truths(folder: Path) -> dict[str, tuple[str, ...] | None]:
    found = {}
    for entry in LAYOUT.scan(folder).entries:
        truth = LAYOUT.read(entry).truth
        assert truth is None or isinstance(truth, ImageClasses)
        found[entry.name] = None if truth is None else truth.classes
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("neutrophil/1.png", "neutrophil/2.png", "blast/1.png", "blast/3.png"):
        picture(tmp_path / name)
    (tmp_path / "blast" / "notes.txt").write_text("x")
    return tmp_path


def test_a_folder_is_a_class(folder: Path) -> None:
    # A file name that is unique does not tell the class; one that is not needs its folder.
    assert truths(folder) == {
        "blast/1.png": ("blast",),
        "3.png": ("blast",),
        "neutrophil/1.png": ("neutrophil",),
        "2.png": ("neutrophil",),
    }
    scan = LAYOUT.scan(folder)
    assert [s.path.name for s in scan.skipped] == ["notes.txt"]
    assert scan.entries[0].metadata["ontology"]["names"] == ["blast", "neutrophil"]
    # Folders may be anything; an ontology says that they are classes.
    assert guess_layout(folder).name == "plain"
    (folder / "ontology.json").write_text('{"names": ["blast", "neutrophil"]}')
    assert guess_layout(folder).name == "class_folders"


def test_numbers_are_sorted_by_value_and_ranks_are_stated(tmp_path: Path) -> None:
    for name in ("10", "9", "2.5"):
        picture(tmp_path / name / f"{name}.png")
    ontology = LAYOUT.scan(tmp_path).entries[0].metadata["ontology"]
    assert (ontology["names"], ontology["ordinal"]) == (["2.5", "9", "10"], False)
    (tmp_path / "ontology.json").write_text('{"names": ["2.5", "9", "10", "20"], "ordinal": true}')
    truth = LAYOUT.read(LAYOUT.scan(tmp_path).entries[0]).truth
    assert isinstance(truth, ImageClasses)
    assert truth.ontology.ordinal


def test_published_splits_are_kept(tmp_path: Path) -> None:
    for name in ("train/a/1.png", "train/b/2.png", "valid/a/3.png", "test/b/4.png"):
        picture(tmp_path / name)
    assert {e.name: e.metadata["set"] for e in LAYOUT.scan(tmp_path).entries} == {
        "1.png": "train",
        "2.png": "train",
        "3.png": "val",
        "4.png": "test",
    }
    assert guess_layout(tmp_path).name == "class_folders"
    assert truths(tmp_path) == {"1.png": ("a",), "2.png": ("b",), "3.png": ("a",), "4.png": ("b",)}


def test_a_table_may_name_several_classes(tmp_path: Path) -> None:
    for name in ("x/1.png", "2.png", "3.png"):
        picture(tmp_path / name)
    (tmp_path / "classes.csv").write_text("name,class\nx/1.png,nucleus; cytosol\n2.png,nucleus\ngone.png,nucleus\n")
    (tmp_path / "sources.csv").write_text("name,source\nx/1.png,donor 1\n")
    assert truths(tmp_path) == {"2.png": ("nucleus",), "1.png": ("cytosol", "nucleus")}
    scan = LAYOUT.scan(tmp_path)
    assert {s.path.name for s in scan.skipped} == {"gone.png", "3.png"}
    assert {e.name: e.source for e in scan.entries} == {"1.png": "donor 1", "2.png": "2.png"}
    assert LAYOUT.guess(tmp_path)[0] == 0.8


def test_an_empty_cell_is_unknown_or_none_of_several(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        picture(tmp_path / name)
    table = tmp_path / "classes.csv"
    table.write_text("name,class\n1.png,a\n2.png,\n")
    assert truths(tmp_path) == {"1.png": ("a",), "2.png": None}
    (tmp_path / "ontology.json").write_text('{"names": ["a", "b"], "multi": true}')
    assert truths(tmp_path) == {"1.png": ("a",), "2.png": ()}


def test_classes_outside_the_ontology_and_several_for_one_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    (tmp_path / "classes.csv").write_text("name,class\n1.png,a;b\n")
    (tmp_path / "ontology.json").write_text('{"names": ["a", "c"], "multi": true}')
    with pytest.raises(InvalidDocument, match="'b' is not in the ontology"):
        LAYOUT.scan(tmp_path)
    (tmp_path / "ontology.json").write_text('{"names": ["a", "b"]}')
    with pytest.raises(InvalidDocument, match=r"1\.png: one class is asked for, got 2"):
        LAYOUT.scan(tmp_path)


def test_a_table_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    picture(tmp_path / "secret.png")
    picture(tmp_path / "set" / "1.png")
    (tmp_path / "set" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "set" / "classes.csv").write_text(
        f"name,class\n1.png,a\n../secret.png,a\n{tmp_path}/secret.png,a\nlink.png,a\n"
    )
    scan = LAYOUT.scan(tmp_path / "set")
    assert [e.name for e in scan.entries] == ["1.png"]
    assert {s.path.name for s in scan.skipped} == {"secret.png", "link.png"}


def test_other_folders_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "1.png")
    picture(tmp_path / "masks" / "1.png")
    for path in (tmp_path, tmp_path / "absent"):
        assert LAYOUT.guess(path)[0] == 0
        with pytest.raises(UnknownLayout, match="class_folders"):
            LAYOUT.scan(path)
