"""What an import says of each file, over HTTP; and an archive whose layout nobody named."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import sending
from django.utils import timezone
from PIL import Image as Picture
from rest_framework.test import APIClient

from backend.imaging.models import Dataset, FileOutcome, Image, Import, ImportedFile
from backend.imaging.services.imports import run_import, take_up_imports
from backend.people.models import Person


def png(seed: int, size: int = 24) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (size, size)).astype(np.uint8)
    Picture.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def send(
    curator: Person,
    dataset: Dataset,
    client_of: Callable[..., APIClient],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> Callable[..., Any]:
    def post(files: dict[str, bytes], **fields: Any) -> Any:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        commits = django_capture_on_commit_callbacks
        client = client_of(curator)
        answer = sending.upload(client, buffer.getvalue(), "batch.zip", commits=commits, purpose="import", **fields)
        if answer.status_code == 200:
            run_import(record_id=answer.data["import_id"])
        return answer

    return post


@pytest.fixture
def mixed(send: Callable[..., Any]) -> str:
    """An import of 3 images, one of them twice, with a text and two broken files."""
    files = {
        "a.png": png(1), "b.png": png(2), "c.png": png(3), "twin.png": png(1), "read me.txt": b"hello",
        "cut.png": png(4)[:60], "empty.png": b"",
    }  # fmt: skip
    return str(send(files, layout="plain").data["import_id"])


@pytest.mark.django_db
def test_counts_first_then_every_file_with_its_reason(
    mixed: str, curator: Person, client_of: Callable[..., APIClient]
) -> None:
    client = client_of(curator)
    row = client.get(f"/api/v1/imports/{mixed}/").data
    assert (row["state"], row["found"], row["imported"], row["skipped"]) == ("finished", 7, 3, 4)
    assert row["outcomes"] == {"imported": 3, "already_there": 1, "refused": 2, "left_out": 1}
    assert sum(reason["count"] for reason in row["reasons"]) == 4
    assert row["reasons"][0] == {"outcome": "refused", "kind": "The file cannot be read", "count": 2}

    def files(query: str = "") -> list[Any]:
        return client.get(f"/api/v1/imports/{mixed}/files/?{query}").data["results"]

    assert len(files()) == 7
    assert {file["name"] for file in files("outcome=refused")} == {"cut.png", "empty.png"}
    assert all(file["reason"] and file["remedy"] and file["image"] is None for file in files("outcome=refused"))
    (there,) = files("outcome=already_there")
    # Which of the two came first does not matter; that it is the same image does.
    assert there["image"] == str(Image.objects.get(name={"a.png": "twin.png", "twin.png": "a.png"}[there["name"]]).pk)
    assert [file["name"] for file in files("kind=The file cannot be read&search=EMPTY")] == ["empty.png"]
    assert [file["name"] for file in files("outcome=left_out")] == ["read me.txt"]
    assert files("search=nothing like it") == []
    assert client.get("/api/v1/imports/?dataset=commons/cells").data["count"] == 1
    assert client.get("/api/v1/imports/?dataset=commons/other").data["count"] == 0


@pytest.mark.django_db
def test_the_report_as_csv(mixed: str, curator: Person, client_of: Callable[..., APIClient]) -> None:
    answer = client_of(curator).get(f"/api/v1/imports/{mixed}/files.csv")
    assert answer["Content-Type"] == "text/csv"
    assert answer["Content-Disposition"].startswith('attachment; filename="import-commons-cells-')
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert len(rows) == 7
    assert {row["outcome"] for row in rows} == set(FileOutcome.values)


@pytest.mark.django_db
def test_reports_are_for_curators(mixed: str, annotator: Person, client_of: Callable[..., APIClient]) -> None:
    for path in ("", "files/", "files.csv"):
        assert client_of(annotator).get(f"/api/v1/imports/{mixed}/{path}").status_code == 403
    answer = client_of(annotator).post(f"/api/v1/imports/{mixed}/layout/", {"layout": "plain"})
    assert answer.status_code == 403


@pytest.mark.django_db
def test_a_report_of_thousands_comes_in_pages(
    dataset: Dataset, curator: Person, client_of: Callable[..., APIClient], django_assert_max_num_queries: Any
) -> None:
    record = Import.objects.create(dataset=dataset, layout="plain", state="finished", found=5000, skipped=5000)
    ImportedFile.objects.bulk_create(
        ImportedFile(batch=record, name=f"{n}.txt", outcome="left_out", kind=f"kind {n % 60}", reason="no image")
        for n in range(5000)
    )
    client = client_of(curator)
    with django_assert_max_num_queries(8):
        page = client.get(f"/api/v1/imports/{record.pk}/files/?page=100&page_size=50").data
    assert (page["count"], page["results"][-1]["name"]) == (5000, "4999.txt")
    row = client.get(f"/api/v1/imports/{record.pk}/").data
    assert len(row["reasons"]) == 50
    assert row["outcomes"]["left_out"] == 5000


@pytest.mark.django_db
def test_the_layout_is_told_from_the_archive_even_within_a_folder(send: Callable[..., Any]) -> None:
    mask = io.BytesIO()
    Picture.fromarray(np.pad(np.full((6, 6), 255, np.uint8), 9)).save(mask, "PNG")
    send({"wrap/n1/images/n1.png": png(1), "wrap/n1/masks/m.png": mask.getvalue()})
    record = Import.objects.get()
    assert (record.state, record.layout, record.imported) == ("finished", "dsb2018", 1)
    assert record.guesses[0]["layout"] == "dsb2018"
    assert "masks" in record.guesses[0]["reason"]
    assert record.archive_name == "batch.zip"


@pytest.mark.django_db
def test_where_it_is_not_clear_the_hub_asks_and_goes_on_with_the_answer(
    send: Callable[..., Any], curator: Person, client_of: Callable[..., APIClient]
) -> None:
    send({"day1/a.png": png(1), "day1/b.png": png(2), "day2/c.png": png(3)})
    record = Import.objects.get()
    assert (record.state, record.layout, record.imported) == ("asking", "", 0)
    client, url = client_of(curator), f"/api/v1/imports/{record.pk}/layout/"
    guesses = client.get(f"/api/v1/imports/{record.pk}/").data["guesses"]
    assert {"plain", "class_folders"} <= {guess["layout"] for guess in guesses}
    run_import(record_id=str(record.pk))  # a late delivery does not answer for the person
    assert Import.objects.get().state == "asking"
    assert client.post(url, {"layout": "nonsense"}).data["type"] == "urn:cellcommons:unknown-layout"
    assert client.post(url, {"layout": "class_folders"}).status_code == 202
    run_import(record_id=str(record.pk))
    record.refresh_from_db()
    assert (record.state, record.layout, record.imported) == ("finished", "class_folders", 3)
    assert client.post(url, {"layout": "plain"}).data["type"] == "urn:cellcommons:wrong-state"


@pytest.mark.django_db
def test_what_follows_no_layout_says_so(send: Callable[..., Any]) -> None:
    send({"notes.txt": b"hello"})
    record = Import.objects.get()
    assert record.state == "asking"
    assert "no layout that is known here" in record.error


@pytest.mark.django_db
def test_a_command_that_was_killed_does_not_look_as_if_it_ran(dataset: Dataset) -> None:
    now = timezone.now()
    dead, alive = (
        Import.objects.create(dataset=dataset, layout="plain", state="running", heartbeat=now - timedelta(minutes=age))
        for age in (5, 1)
    )
    assert take_up_imports() == 0
    dead.refresh_from_db()
    alive.refresh_from_db()
    assert (dead.state, alive.state) == ("failed", "running")
    assert "run the same command again" in dead.error


@pytest.mark.django_db
def test_formats_are_those_of_the_library(annotator: Person, client_of: Callable[..., APIClient]) -> None:
    rows = {row["name"]: row["extensions"] for row in client_of(annotator).get("/api/v1/formats/").data}
    assert {".tif", ".tiff"} <= set(rows["TIFF"])
    assert ".zip" not in {ending for endings in rows.values() for ending in endings}
