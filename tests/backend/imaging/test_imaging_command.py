"""./hub import on the command line."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from django.core.management import call_command
from PIL import Image as Picture

from backend.imaging import units
from backend.imaging.models import Dataset, Image, Import, Truth
from cellcommons.errors import CellCommonsError
from cellcommons.store import ObjectStore


def put(folder: Path, name: str, *, mask: int = 40, fill: int = 200) -> None:
    for kind, size, value in (("images", 40, fill), ("masks", mask, 255)):
        (folder / name / kind).mkdir(parents=True)
        pixels = np.zeros((size, size), np.uint8)
        pixels[5:20, 5:20] = value
        Picture.fromarray(pixels).save(folder / name / kind / f"{name}.png")


def run(*arguments: Any, **options: Any) -> tuple[int, list[str], list[str]]:
    """Exit status, lines of stdout, lines of stderr."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("import", *map(str, arguments), stdout=out, stderr=err, processes=1, **options)
    except CellCommonsError as error:  # as manage.py does
        code = 2
        err.write(f"{error.line()}\n")
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, out.getvalue().splitlines(), err.getvalue().splitlines()


@pytest.mark.django_db
def test_import_goes_on_where_it_stopped(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path, f"n{number}", fill=100 + number)
    code, lines, errors = run("dsb2018", tmp_path, "--dataset", "nuclei", "--limit", "2", "--json")
    assert (code, errors) == (0, [])
    report = json.loads(lines[-1])
    assert (report["dataset"], report["found"], report["imported"], report["skipped"]) == ("commons/nuclei", 2, 2, [])
    code, lines, _ = run("dsb2018", tmp_path, "--dataset", "nuclei", "--json")
    report = json.loads(lines[-1])
    assert (code, report["imported"]) == (0, 1)
    assert [(item["where"], item["outcome"]) for item in report["skipped"]] == [
        (n, "already_there") for n in ("n0", "n1")
    ]
    assert Truth.objects.count() == Image.objects.count() == 3
    code, _, errors = run("dsb2018", tmp_path, "--dataset", "nuclei")
    assert code == 2
    assert errors == ["commons/nuclei: all 3 images are already there. Nothing to do."]


@pytest.mark.django_db
def test_a_bad_mask_is_one_line_and_status_2(tmp_path: Path) -> None:
    put(tmp_path, "good")
    put(tmp_path, "bad", mask=30, fill=90)
    code, _, errors = run("dsb2018", tmp_path, "--dataset", "nuclei")
    assert code == 2
    (line,) = errors
    assert line.startswith("bad/masks/bad.png: the mask is 30 x 30, its image 40 x 40")
    assert [image.name for image in Image.objects.all()] == ["good"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("layout", "folder", "slug", "words"),
    [
        ("nonsense", ".", "x", "nonsense: no such layout. Choose one of: "),
        ("dsb2018", "absent", "x", "no such folder"),
        ("dsb2018", ".", "x", "this is not the dsb2018 layout"),
        ("dsb2018", ".", "no slug!", "named lab/slug, of letters"),
    ],
)
def test_refusals_are_one_line_and_make_nothing(
    tmp_path: Path, store: ObjectStore, layout: str, folder: str, slug: str, words: str
) -> None:
    code, _, errors = run(layout, tmp_path / folder, "--dataset", slug)
    assert code == 2
    (line,) = errors
    assert words in line
    assert not Dataset.objects.exists()
    assert list(store.digests()) == []


@pytest.mark.real_data
@pytest.mark.django_db
def test_real_nuclei(real_data: Path) -> None:
    code, lines, errors = run(
        "dsb2018", real_data / "seg_dsb2018_fixes", "--dataset", "dsb2018", "--limit", "12", "--json"
    )
    assert (code, errors) == (0, [])
    assert json.loads(lines[-1])["imported"] == 12
    assert Truth.objects.count() == 12
    assert all(truth.cells for truth in Truth.objects.all())
    assert all(image.stratum for image in Image.objects.all())


@pytest.mark.django_db
def test_two_processes_give_what_one_gives(tmp_path: Path, store: ObjectStore) -> None:
    for number in range(16):
        put(tmp_path / "in", f"n{number:02}", fill=50 + number)
    call_command("import", "dsb2018", str(tmp_path / "in"), dataset="two", processes=2, stdout=io.StringIO())
    shutil.rmtree(store.root)  # type: ignore[attr-defined]
    store.root.mkdir()  # type: ignore[attr-defined]
    (store.root / "incoming").mkdir()  # type: ignore[attr-defined]
    call_command("import", "dsb2018", str(tmp_path / "in"), dataset="one", processes=1, stdout=io.StringIO())

    def trees(slug: str) -> list[tuple[str, str]]:
        return list(Image.objects.filter(dataset__slug=slug).order_by("name").values_list("name", "tree_sha256"))

    assert trees("one") == trees("two")
    assert len(trees("one")) == 16


@pytest.mark.django_db
def test_a_stopped_import_says_so_and_a_strange_file_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        put(tmp_path, f"n{number}", fill=100 + number)
    real = units.convert_image

    monkeypatch.setattr(units, "UNIT_ENTRIES", 1)

    def strange(store: Any, image: Any, naming: Any, **options: Any) -> Any:
        if naming.name == "n0":
            raise RuntimeError("a reader's own fault")
        if naming.name == "n2":
            raise KeyboardInterrupt
        return real(store, image, naming, **options)

    monkeypatch.setattr(units, "convert_image", strange)
    with pytest.raises(KeyboardInterrupt):
        run("dsb2018", tmp_path, "--dataset", "nuclei")
    record = Import.objects.get()
    assert (record.state, record.imported) == ("failed", 1)
    assert "stopped" in record.error
    monkeypatch.setattr(units, "convert_image", real)
    assert run("dsb2018", tmp_path, "--dataset", "nuclei")[0] == 0
    assert Image.objects.count() == 3


@pytest.mark.django_db
def test_crops_of_one_picture_share_its_original(tmp_path: Path) -> None:
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "Annotations").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    Picture.fromarray(pixels).save(tmp_path / "JPEGImages/smear.png")
    box = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>5</ymin><xmax>{}</xmax><ymax>25</ymax></bndbox></object>"
    boxes = box.format("RBC", 5, 25) + box.format("WBC", 40, 62)
    size = "<size><width>80</width><height>60</height></size>"
    (tmp_path / "Annotations/smear.xml").write_text(f"<annotation>{size}{boxes}</annotation>")
    code, lines, errors = run("voc_crops", tmp_path, "--dataset", "blood", "--json")
    assert (code, errors, json.loads(lines[-1])["imported"]) == (0, [], 2)
    images = list(Image.objects.order_by("name"))
    assert len({image.original_sha256 for image in images}) == 1
    assert [image.part for image in images] == ["box 001", "box 002"]
    code, lines, _ = run("voc_crops", tmp_path, "--dataset", "blood", "--json")
    assert [item["outcome"] for item in json.loads(lines[-1])["skipped"]] == ["already_there"] * 2
    # The whole picture is another image of the same file.
    assert run("voc", tmp_path, "--dataset", "blood")[0] == 0
    assert Image.objects.count() == 3


@pytest.mark.django_db
def test_the_layout_is_told_from_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "in", "n0")
    code, lines, _ = run("auto", tmp_path / "in", "--dataset", "nuclei", "--json")
    report = json.loads(lines[-1])
    assert (code, report["layout"], report["imported"]) == (0, "dsb2018", 1)
    assert report["guess"]["reason"] in lines[0]
    assert Import.objects.get().guesses[0]["layout"] == "dsb2018"
    (tmp_path / "empty").mkdir()
    code, _, errors = run("auto", tmp_path / "empty", "--dataset", "nothing")
    assert code == 2
    assert "no layout that is known here" in errors[0]
    for name in ("day1", "day2"):
        (tmp_path / "days" / name).mkdir(parents=True)
        Picture.fromarray(np.eye(9, dtype=np.uint8)).save(tmp_path / "days" / name / f"{name}.png")
    code, _, errors = run("auto", tmp_path / "days", "--dataset", "nothing")
    assert code == 2
    assert "plain" in errors[0]
    assert "class_folders" in errors[0]
    assert "Name the layout instead of auto" in errors[0]
    assert not Dataset.objects.filter(slug="nothing").exists()


@pytest.mark.django_db
def test_what_became_of_each_file_is_written_and_many_alike_are_told_in_short(tmp_path: Path) -> None:
    put(tmp_path / "in", "good")
    for number in range(14):
        put(tmp_path / "in", f"bad{number:02}", mask=30, fill=60 + number)
    put(tmp_path / "in", "=odd", fill=230)
    report = tmp_path / "report.csv"
    code, lines, errors = run("dsb2018", tmp_path / "in", "--dataset", "nuclei", "--json", "--report", report)
    assert code == 2
    assert len(errors) == 11
    assert errors[-1].startswith("... and 4 more: Image and labels differ in shape")
    found = json.loads(lines[-1])
    assert (found["imported"], len(found["skipped"])) == (2, 14)
    assert found["reasons"] == [{"outcome": "refused", "kind": "Image and labels differ in shape", "count": 14}]
    with report.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 16
    assert {row["outcome"] for row in rows} == {"imported", "refused"}
    # No cell may be a formula.
    assert "'=odd" in {row["file"] for row in rows}
    assert all((row["image"] != "") == (row["outcome"] == "imported") for row in rows)


@pytest.mark.django_db
def test_a_movie_that_lacks_a_frame_says_which(tmp_path: Path) -> None:
    for folder, name in (("01", "t{:03d}.tif"), ("01_GT/TRA", "man_track{:03d}.tif")):
        (tmp_path / folder).mkdir(parents=True)
        for frame in (0, 2):
            cell = np.zeros((20, 20), np.uint16)
            cell[5:9, 5:9] = 1
            tifffile.imwrite(tmp_path / folder / name.format(frame), cell)
    (tmp_path / "01_GT/TRA/man_track.txt").write_text("1 0 2 0\n")
    code, _, errors = run("ctc", tmp_path, "--dataset", "movies")
    assert code == 2
    (line,) = errors
    assert "t001" in line or "frame 1" in line
