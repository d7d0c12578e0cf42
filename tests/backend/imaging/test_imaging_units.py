"""What is converted and written together; and that nothing is half there, whenever an import dies."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deadly_layout import Deadly
from django.db import connections
from PIL import Image as Picture

from backend.imaging import units
from backend.imaging.conversion import Converted, Refused
from backend.imaging.models import Companion, Dataset, FileOutcome, Image, Import, ImportedFile, Source, Truth
from backend.imaging.services import folders
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.folders import import_folder
from backend.imaging.services.images import receive_image
from backend.imaging.units import UNIT_BYTES, convert_entries, units_of
from backend.people.labs import first_lab
from cellcommons.layouts.contract import Entry
from cellcommons.store import FolderStore, ObjectStore, object_path
from cellcommons.tree import load_tree


def class_folders(path: Path, count: int) -> None:
    for number in range(count):
        folder = path / ("round", "long")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (24, 24)).astype(np.uint8)
        Picture.fromarray(pixels).save(folder / f"cell{number:02}.png")


def files(path: Path, sizes: list[int]) -> list[Entry]:
    entries = []
    for number, size in enumerate(sizes):
        file = path / f"{number}.png"
        with file.open("wb") as handle:
            handle.truncate(size)
        entries.append(Entry(file.name, (file,), ""))
    return entries


def test_units_are_cut_by_count_and_by_bytes(tmp_path: Path) -> None:
    entries = files(tmp_path, [10] * 25)
    assert [len(unit) for unit in units_of(entries, 10)] == [10, 10, 5]
    large = files(tmp_path, [UNIT_BYTES, UNIT_BYTES // 2, UNIT_BYTES // 2, 1])
    assert [len(unit) for unit in units_of(large)] == [1, 2, 1]
    assert list(units_of([])) == []


def test_a_file_of_labels_that_all_images_share_counts_once(tmp_path: Path) -> None:
    notes = tmp_path / "all.json"
    with notes.open("wb") as handle:
        handle.truncate(UNIT_BYTES)
    entries = [Entry(entry.name, (*entry.paths, notes), "") for entry in files(tmp_path, [9] * 9)]
    assert [len(unit) for unit in units_of(entries)] == [1, 8]


@pytest.mark.django_db
def test_an_import_that_dies_between_units_goes_on_and_counts_each_file_once(
    dataset: Dataset, tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folders(tmp_path / "in", 9)
    (tmp_path / "in" / "round" / "broken.png").write_bytes(b"no")
    (tmp_path / "in" / "note.txt").write_text("x")
    monkeypatch.setattr(units, "UNIT_ENTRIES", 3)
    record = Import.objects.create(dataset=dataset, layout="class_folders", archive_sha256="0" * 64)
    real = folders._keep_unit
    done = []

    def dies(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(folders, "_keep_unit", dies)
    with pytest.raises(KeyboardInterrupt):
        import_folder(record=record, path=tmp_path / "in")
    record.refresh_from_db()
    assert 0 < record.imported < 9
    assert record.imported == Image.objects.count() == Truth.objects.count()
    monkeypatch.setattr(folders, "_keep_unit", real)
    record = import_folder(record=record, path=tmp_path / "in")
    assert (record.state, record.found, record.imported, record.skipped) == ("finished", 11, 9, 2)
    assert Image.objects.count() == Truth.objects.count() == 9
    outcomes = sorted(record.files.values_list("outcome", flat=True))
    assert outcomes == [FileOutcome.IMPORTED] * 9 + [FileOutcome.LEFT_OUT, FileOutcome.REFUSED]
    for image in Image.objects.all():
        assert all(store.exists(entry.sha256) for entry in load_tree(store, image.tree_sha256).entries)


@pytest.mark.django_db
def test_a_unit_whose_rows_fail_leaves_none_of_them(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folders(tmp_path / "in", 4)

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(Truth.objects, "bulk_create", fails)
    record = Import.objects.create(dataset=dataset, layout="class_folders")
    with pytest.raises(RuntimeError):
        import_folder(record=record, path=tmp_path / "in")
    record.refresh_from_db()
    dataset.refresh_from_db()
    assert (record.imported, dataset.ontology) == (0, None)
    for model in (Image, Source, Truth, Companion):
        assert not model.objects.exists()
    assert not ImportedFile.objects.exists()


@pytest.mark.django_db
def test_twins_within_a_unit_are_reported_each(dataset: Dataset, tmp_path: Path) -> None:
    class_folders(tmp_path / "in", 4)
    for number in range(3):
        (tmp_path / "in" / "round" / f"twin{number}.png").write_bytes(
            (tmp_path / "in" / "round" / "cell00.png").read_bytes()
        )
    record = Import.objects.create(dataset=dataset, layout="class_folders")
    record = import_folder(record=record, path=tmp_path / "in")
    assert (record.found, record.imported, record.skipped) == (7, 4, 3)
    there = record.files.filter(outcome=FileOutcome.THERE)
    first = Image.objects.get(original_name="cell00.png")
    assert {(Path(row.name).stem, row.image_id) for row in there} == {(f"twin{n}", first.pk) for n in range(3)}


@pytest.mark.django_db
def test_no_query_is_asked_for_each_image(dataset: Dataset, tmp_path: Path, django_assert_max_num_queries: Any) -> None:
    class_folders(tmp_path / "in", 60)
    record = Import.objects.create(dataset=dataset, layout="class_folders")
    with django_assert_max_num_queries(45):
        import_folder(record=record, path=tmp_path / "in")
    assert Image.objects.count() == 60


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_comes_between_costs_one_image_and_not_the_unit(
    tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = create_dataset(lab=first_lab(), slug="cells", title="Cells")
    class_folders(tmp_path / "in", 5)
    between = tmp_path / "in" / "round" / "cell02.png"
    real = Image.objects.bulk_create
    said: list[str] = []

    def late(rows: Any, **options: Any) -> Any:
        rows = list(rows)
        if not said and len(rows) == 5:
            said.append("now")

            def upload() -> None:
                receive_image(dataset=dataset, path=between, filename="other name.png")
                connections.close_all()

            monkeypatch.setattr(Image.objects, "bulk_create", real)
            thread = threading.Thread(target=upload)
            thread.start()
            thread.join()
        return real(rows, **options)

    monkeypatch.setattr(Image.objects, "bulk_create", late)
    record = Import.objects.create(dataset=dataset, layout="class_folders")
    record = import_folder(record=record, path=tmp_path / "in")
    assert (record.imported, record.skipped) == (4, 1)
    assert record.files.get(outcome=FileOutcome.THERE).name.startswith("cell02")
    assert Image.objects.count() == 5


@pytest.mark.django_db
def test_what_a_row_names_is_on_the_disk_before_the_row_is(
    dataset: Dataset, tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folders(tmp_path / "in", 4)
    real = Image.objects.bulk_create

    def looks(rows: Any, **options: Any) -> Any:
        rows = list(rows)
        for row in rows:
            for digest in (row.tree_sha256, row.preview_sha256, row.original_sha256):
                assert (store.root / object_path(digest)).is_file()  # type: ignore[attr-defined]
        return real(rows, **options)

    monkeypatch.setattr(Image.objects, "bulk_create", looks)
    record = import_folder(record=Import.objects.create(dataset=dataset, layout="class_folders"), path=tmp_path / "in")
    assert record.imported == 4


def test_a_file_that_takes_its_process_down_is_refused_and_the_others_come_in(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(16):
        pixels = np.random.default_rng(number).integers(0, 255, (24, 24)).astype(np.uint8)
        Picture.fromarray(pixels).save(tmp_path / "in" / f"{'killer' if number == 5 else 'cell'}{number:02}.png")
    layout = Deadly()
    entries = list(layout.scan(tmp_path / "in").entries)
    store = FolderStore(tmp_path / "store")
    outcomes = [one for unit in convert_entries(store.url, layout, entries, processes=2) for one in unit]
    assert len(outcomes) == 16
    refused = [one.name for (one,) in outcomes if isinstance(one, Refused)]
    assert {Path(name).stem for name in refused} == {"killer05"}
    assert [one.name for (one,) in outcomes] == [entry.name for entry in entries]
    assert all(store.exists(one.tree) for (one,) in outcomes if isinstance(one, Converted))
