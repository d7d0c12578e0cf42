"""``cellcommons convert | validate | info | layouts | guess``, as people type them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cellcommons
from cellcommons.axes import PixelSize
from cellcommons.cli import main
from cellcommons.errors import CannotCarry, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.images.writers import write_tiff
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.registry import all_layouts

STACK = np.random.default_rng(0).integers(0, 60_000, (2, 3, 300, 280), dtype=np.uint16)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        status = main([str(part) for part in (*arguments, "--json")])
        return status, json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


@pytest.fixture
def nuclei(tmp_path: Path) -> Path:
    """Two images with cells, as the Data Science Bowl lays them out."""

    def record(name: str) -> Record:
        image = ImageData(np.arange(600, dtype=np.uint16).reshape(1, 20, 30), "cyx", ("intensity",))
        data = np.zeros((20, 30), dtype=np.uint32)
        data[2:8, 3:9], data[10:15, 20:29] = 1, 2
        return Record(Entry(name, (Path(name),), "slide 1"), image, LabelMap(data), Path(name))

    cellcommons.write([record("a"), record("b")], tmp_path / "nuclei", layout="dsb2018")
    return tmp_path / "nuclei"


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    image = ImageData(STACK, "czyx", ("DAPI", "GFP"), PixelSize(0.25, 0.25, 1.5))
    write_tiff(tmp_path / "stack.ome.tif", image)
    return tmp_path / "stack.ome.tif"


def test_an_image_is_told_checked_and_converted(stack: Path, tmp_path: Path, say) -> None:
    status, told = say("info", stack)
    assert status == 0
    assert told["images"][0]["shape"] == [2, 3, 300, 280]
    assert told["images"][0]["pixel_size_um"] == {"y": 0.25, "x": 0.25, "z": 1.5}
    assert say("validate", stack)[1]["valid"] is True
    status, done = say("convert", stack, tmp_path / "out.zarr")
    assert (status, done["written"]) == (0, 1)
    back = cellcommons.read_image(tmp_path / "out.zarr")
    assert np.array_equal(back.data, STACK)
    assert (back.channels, back.pixel_size) == (("DAPI", "GFP"), PixelSize(0.25, 0.25, 1.5))
    assert say("info", tmp_path / "out.zarr")[1]["images"][0]["channels"] == ["DAPI", "GFP"]


def test_an_image_that_cannot_be_read_leaves_nothing(tmp_path: Path, capsys) -> None:
    image = ImageData(np.full((1, 40, 50), np.nan, np.float32), "cyx", ("a",))
    write_tiff(tmp_path / "nothing.tif", image)
    assert main(["validate", str(tmp_path / "nothing.tif")]) == 1
    capsys.readouterr()
    assert main(["convert", str(tmp_path / "nothing.tif"), str(tmp_path / "out.zarr")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("cellcommons: nothing.tif")
    assert "every pixel is NaN" in last
    assert not (tmp_path / "out.zarr").exists()


def test_a_file_that_is_cut_short_is_found_out(stack: Path, tmp_path: Path, capsys) -> None:
    stack.write_bytes(stack.read_bytes()[:-4000])
    assert main(["validate", str(stack)]) in (1, 2)
    assert main(["convert", str(stack), str(tmp_path / "out.zarr")]) == 2
    assert "stack.ome.tif" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out.zarr").exists()


def test_a_folder_is_guessed_told_and_checked(nuclei: Path, say) -> None:
    status, told = say("guess", nuclei)
    assert (status, told["layout"]) == (0, "dsb2018")
    assert "masks" in told["guesses"][0]["reason"]
    assert {row["layout"] for row in told["guesses"] + told["not"]} == {layout.name for layout in all_layouts()}
    told = say("info", nuclei)[1]
    assert (told["layout"], told["images"], told["sources"], told["skipped"]) == ("dsb2018", 2, 1, 0)
    status, told = say("validate", nuclei)
    assert (status, told["found"], told["read"], told["labels"]) == (0, 2, 2, {"LabelMap": 2})


def test_a_fault_in_one_file_is_named_and_status_1(nuclei: Path, tmp_path: Path, say, capsys) -> None:
    broken = nuclei / "stage1_train" / "a" / "images" / "a.png"
    broken.write_bytes(broken.read_bytes()[:40])
    status, told = say("validate", nuclei)
    assert (status, told["found"], told["read"], told["valid"]) == (1, 2, 1, False)
    assert told["skipped"][0]["where"].endswith("a.png")
    assert main(["convert", str(nuclei), str(tmp_path / "out"), "--to", "dsb2018"]) == 2
    assert "a.png" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()
    status, told = say("convert", nuclei, tmp_path / "out", "--to", "dsb2018", "--keep-going")
    assert (status, told["found"], told["written"], len(told["skipped"])) == (0, 2, 1, 1)


def test_what_a_layout_cannot_carry_is_refused_or_dropped(nuclei: Path, tmp_path: Path, say, capsys) -> None:
    assert main(["convert", str(nuclei), str(tmp_path / "out"), "--to", "plain"]) == 2
    assert "LabelMap" in capsys.readouterr().err
    status, told = say("convert", nuclei, tmp_path / "out", "--to", "plain", "--drop", "truth")
    assert (status, told["written"], told["dropped"]) == (0, 2, {"truth": 2})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convert", "IN", "OUT"], "--to"),
        (["convert", "IN", "OUT", "--to", "voc_crops"], "only read"),
        (["convert", "IN", "OUT", "--to", "cocoo"], "Choose one of"),
        (["convert", "IN", "IN", "--to", "dsb2018"], "is there already"),
        (["convert", "IN", "OUT", "--to", "dsb2018", "--drop", "sise"], "'sise'"),
        (["convert", "IN", "OUT", "--to", "coco", "--from", "ctc"], "ctc"),
        (["validate", "IN/none"], "no such file"),
        (["info", "IN/none"], "no such file"),
        (["guess", "IN/none"], "no such file"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    nuclei: Path, tmp_path: Path, capsys, arguments: list[str], said: str
) -> None:
    places = {"IN": str(nuclei), "OUT": str(tmp_path / "out")}
    assert main([part.replace("IN", places["IN"]).replace("OUT", places["OUT"]) for part in arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert said in err
    assert not (tmp_path / "out").exists()


def test_people_read_tables_not_json(nuclei: Path, capsys) -> None:
    assert main(["layouts"]) == 0
    assert "dsb2018" in capsys.readouterr().out
    assert main(["guess", str(nuclei)]) == 0
    assert "folders with images/" in capsys.readouterr().out


def test_five_lines_of_python(nuclei: Path, tmp_path: Path) -> None:
    records = cellcommons.read(nuclei)
    assert (records.layout.name, len(records), records["b"].entry.source) == ("dsb2018", 2, "slide 1")
    assert records[0].labels is not None
    cellcommons.write(records, tmp_path / "again", layout="dsb2018")
    assert len(cellcommons.read(str(tmp_path / "again"), "dsb2018", limit=1)) == 1
    with pytest.raises(CannotCarry):
        cellcommons.write(records, tmp_path / "plain", layout="plain")
    with pytest.raises(UnknownLayout):
        cellcommons.read(nuclei, "ctc")


def test_a_program_that_only_imports_it_does_not_wait() -> None:
    code = (
        "import sys, cellcommons; sys.exit(any(m in sys.modules for m in ('scipy', 'zarr', 'pyarrow', 'h5py', 'nd2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
