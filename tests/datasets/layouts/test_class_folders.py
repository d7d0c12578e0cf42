"""Images sorted into classes, by folder and by table."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cellcommons.axes import PixelSize
from cellcommons.classes import ImageClasses, Ontology
from cellcommons.errors import CellCommonsError, InvalidDocument, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.layouts.class_folders import ClassFolders
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.voc import VocCrops
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.sameness import assert_same_record

LAYOUT = ClassFolders()
HUGGING_FACE = os.environ.get("CELLCOMMONS_PYTHON_WITH_DATASETS", "")
"""A Python of its own with `datasets` and Pillow."""


class TestClassFolders(LayoutSuite):
    layout = ClassFolders()


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
        "3": ("blast",),
        "neutrophil/1.png": ("neutrophil",),
        "2": ("neutrophil",),
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
    splits = {e.name: e.split for e in LAYOUT.scan(tmp_path).entries}
    assert splits == {"1": "train", "2": "train", "3": "validation", "4": "test"}
    assert guess_layout(tmp_path).name == "class_folders"
    assert truths(tmp_path) == {"1": ("a",), "2": ("b",), "3": ("a",), "4": ("b",)}


def test_a_table_may_name_several_classes(tmp_path: Path) -> None:
    for name in ("x/1.png", "2.png", "3.png"):
        picture(tmp_path / name)
    (tmp_path / "classes.csv").write_text("name,class\nx/1.png,nucleus; cytosol\n2.png,nucleus\ngone.png,nucleus\n")
    (tmp_path / "sources.csv").write_text("name,source\nx/1.png,donor 1\n")
    # An image that the table does not name has no truth.
    assert truths(tmp_path) == {"2": ("nucleus",), "1": ("cytosol", "nucleus"), "3": None}
    scan = LAYOUT.scan(tmp_path)
    assert {s.path.name for s in scan.skipped} == {"gone.png"}
    assert {e.name: e.source for e in scan.entries} == {"1": "donor 1", "2": "2", "3": "3"}
    assert LAYOUT.guess(tmp_path)[0] == 0.8


def test_an_empty_cell_is_unknown_or_none_of_several(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        picture(tmp_path / name)
    table = tmp_path / "classes.csv"
    table.write_text("name,class\n1.png,a\n2.png,\n")
    assert truths(tmp_path) == {"1": ("a",), "2": None}
    (tmp_path / "ontology.json").write_text('{"names": ["a", "b"], "multi": true}')
    assert truths(tmp_path) == {"1": ("a",), "2": ()}


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
    assert [e.name for e in scan.entries] == ["1"]
    assert {s.path.name for s in scan.skipped} == {"secret.png", "link.png"}


def test_other_folders_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "1.png")
    picture(tmp_path / "masks" / "1.png")
    for path in (tmp_path, tmp_path / "absent"):
        assert LAYOUT.guess(path)[0] == 0
        with pytest.raises(UnknownLayout, match="class_folders"):
            LAYOUT.scan(path)


def labelled(name: str, names: tuple[str, ...] | None, ontology: Ontology, *, split: str = "") -> Record:
    image = ImageData(np.full((1, 4, 5), len(name), np.uint8), "cyx", ("intensity",))
    truth = None if names is None else ImageClasses(names, ontology)
    return Record(Entry(name, (), name, "", {"source_known": False}, split), image, truth, Path())


def test_what_is_written_is_folders_where_that_says_it_all(tmp_path: Path) -> None:
    ontology = Ontology(("b", "a", "c"))
    made = [labelled("1", ("b",), ontology, split="train"), labelled("2", ("a",), ontology, split="test")]
    write_layout(LAYOUT, made, tmp_path / "parted")
    assert {p.relative_to(tmp_path / "parted").as_posix() for p in (tmp_path / "parted").rglob("*.*")} == {
        "train/b/1.png",
        "test/a/2.png",
        "ontology.json",
    }
    write_layout(LAYOUT, [*made, labelled("3", ("a",), ontology)], tmp_path / "some")
    assert (tmp_path / "some" / "a" / "3.png").is_file()
    assert (tmp_path / "some" / "splits.csv").is_file()
    for other in (None, ("c",)):
        folder = tmp_path / f"table {other}"
        reserved = Ontology(("a", "b", "c")) if other is None else Ontology(("b", "a", "c", "train"))
        names = other if other is None else ("train",)
        write_layout(LAYOUT, [labelled("1", ("b",), reserved), labelled("4", names, reserved)], folder)
        assert json.loads((folder / "metadata.jsonl").read_text().splitlines()[1])["label"] == (
            None if other is None else "train"
        )


def test_tables_of_hugging_face_are_read(tmp_path: Path) -> None:
    for name in ("x/1.png", "2.png", "3.png"):
        picture(tmp_path / name)
    (tmp_path / "metadata.csv").write_text("file_name,caption,label\nx/1.png,c,b\n2.png,,a\n3.png,,\n")
    assert truths(tmp_path) == {"1": ("b",), "2": ("a",), "3": None}
    (tmp_path / "metadata.csv").unlink()
    lines = [{"file_name": "x/1.png", "label": ["b", "a"]}, {"file_name": "2.png", "label": []}, {"file_name": "3.png"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    assert truths(tmp_path) == {"1": ("a", "b"), "2": (), "3": None}
    # A table of something else is no table of classes.
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "2.png", "caption": "x"}')
    assert LAYOUT.guess(tmp_path)[0] == 0


@pytest.mark.parametrize(
    ("table", "content", "said"),
    [
        ("metadata.jsonl", '{"file_name": "1.png", "label": 3}', "text or a list of texts"),
        ("metadata.jsonl", '{"file_name": ["1.png"], "label": "a"}', "needs a file_name"),
        ("metadata.jsonl", '{"file_name": "1.png", "label": "a"}\n[1', "line 2: not JSON"),
        ("metadata.jsonl", '{"file_name": "1.png", "label": "a"}\n' + "[" * 100_000, "line 2: not JSON"),
        ("metadata.jsonl", '{"file_name": "1.png", "label": " "}', "cannot name a class"),
        ("metadata.csv", "file_name,label\n1.png,a\n./1.png,b\n", "listed twice"),
        ("classes.csv", "picture,class\n1.png,a\n", "needs a column"),
        ("classes.csv", "name,class\n1.png,a,b\n", "3 fields for 2 columns"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, table: str, content: str, said: str) -> None:
    picture(tmp_path / "1.png")
    (tmp_path / table).write_text(content)
    with pytest.raises(CellCommonsError, match=said):
        LAYOUT.scan(tmp_path)


_LOOK = """
import sys
from datasets import load_dataset
for folder in sys.argv[1:]:
    found = load_dataset("imagefolder", data_dir=folder, cache_dir=folder + ".cache")
    for split, rows in found.items():
        kind = rows.features["label"]
        for row in rows:
            label = kind.int2str(row["label"]) if hasattr(kind, "int2str") else row["label"]
            print(split, row["image"].size, row["image"].getpixel((0, 0)), label)
"""


@pytest.mark.skipif(not HUGGING_FACE, reason="CELLCOMMONS_PYTHON_WITH_DATASETS names no Python")
def test_hugging_face_opens_what_is_written(tmp_path: Path) -> None:
    one, several = Ontology(("b", "a")), Ontology(("b", "a"), multi=True)
    # The peer takes folders for classes where its first split has two of them.
    names = (("1", "b", "train"), ("4444", "a", "train"), ("22", "a", "validation"))
    parted = [labelled(name, (given,), one, split=split) for name, given, split in names]
    write_layout(LAYOUT, parted, tmp_path / "parted")
    write_layout(LAYOUT, [labelled("1", ("b",), one), labelled("22", ("a",), one)], tmp_path / "folders")
    sized = labelled("55555", ("a",), one)
    sized.pixels = replace(sized.image, pixel_size=PixelSize(0.5, 0.5))  # which makes it an OME-TIFF
    write_layout(LAYOUT, [labelled("1", ("b",), one), sized], tmp_path / "sized")
    rows = [labelled("1", ("a", "b"), several), labelled("22", (), several), labelled("333", None, several)]
    write_layout(LAYOUT, rows, tmp_path / "table")
    folders = [str(tmp_path / name) for name in ("parted", "folders", "sized", "table")]
    ran = subprocess.run([HUGGING_FACE, "-c", _LOOK, *folders], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert sorted(ran.stdout.splitlines()) == sorted(
        [
            "train (5, 4) 1 b",
            "train (5, 4) 4 a",
            "validation (5, 4) 2 a",
            "train (5, 4) 1 b",
            "train (5, 4) 2 a",
            "train (5, 4) 1 b",
            "train (5, 4) 5 a",
            "train (5, 4) 1 ['b', 'a']",
            "train (5, 4) 2 []",
            "train (5, 4) 3 None",
        ]
    )


@pytest.mark.real_data
def test_real_cells_by_class_come_back(real_data: Path, tmp_path: Path) -> None:
    crops = VocCrops()
    entries = crops.scan(real_data / "cls_det_bccd_voc").entries[:40]
    records = {entry.name: crops.read(entry) for entry in entries}
    done = write_layout(LAYOUT, records.values(), tmp_path / "cells")
    assert (done.images, done.dropped) == (40, {})
    assert guess_layout(tmp_path / "cells").name == "class_folders"
    for entry in LAYOUT.scan(tmp_path / "cells").entries:
        assert_same_record(LAYOUT.read(entry), records.pop(entry.name), LAYOUT.carries)
    assert not records
