"""./hub import on the command line."""

from __future__ import annotations

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

from backend.imaging import conversion
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
    assert (report["dataset"], report["found"], report["imported"], report["skipped"]) == ("nuclei", 2, 2, [])
    code, lines, _ = run("dsb2018", tmp_path, "--dataset", "nuclei", "--json")
    report = json.loads(lines[-1])
    assert (code, report["imported"]) == (0, 1)
    assert report["skipped"] == [{"where": name, "reason": "already there"} for name in ("n0", "n1")]
    assert Truth.objects.count() == Image.objects.count() == 3
    code, _, errors = run("dsb2018", tmp_path, "--dataset", "nuclei")
    assert code == 2
    assert errors == ["nuclei: all 3 images are already there. Nothing to do."]


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
        ("dsb2018", ".", "no slug!", "a slug has letters"),
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
    real = conversion.convert_image

    def strange(store: Any, image: Any, **options: Any) -> Any:
        if options["name"] == "n0":
            raise RuntimeError("a reader's own fault")
        if options["name"] == "n2":
            raise KeyboardInterrupt
        return real(store, image, **options)

    monkeypatch.setattr(conversion, "convert_image", strange)
    with pytest.raises(KeyboardInterrupt):
        run("dsb2018", tmp_path, "--dataset", "nuclei")
    record = Import.objects.get()
    assert (record.state, record.imported) == ("failed", 1)
    assert "stopped" in record.error
    monkeypatch.setattr(conversion, "convert_image", real)
    assert run("dsb2018", tmp_path, "--dataset", "nuclei")[0] == 0
    assert Image.objects.count() == 3


@pytest.mark.django_db
def test_a_layout_that_the_hub_cannot_keep_is_refused_with_the_one_to_use(tmp_path: Path) -> None:
    code, _, errors = run("voc_crops", tmp_path, "--dataset", "blood")
    assert code == 2
    (line,) = errors
    assert "classification" in line
    assert "Import the layout voc instead" in line


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
