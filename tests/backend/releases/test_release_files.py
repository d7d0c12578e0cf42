"""What a release holds, by names that pandas, duckdb, napari and a person can use; and what each image rests on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zarr
from rest_framework.test import APIClient

from backend.annotation.models import Campaign
from backend.core.storage import object_store
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from backend.releases import services
from backend.releases.contents import pseudonym
from backend.releases.models import Release
from cellcommons.canonical import sha256_hex
from cellcommons.tree import load_tree

Clients = Callable[[Person | None], APIClient]
RELEASE = "/api/v1/releases/commons/cells/1.0.0/"


@pytest.fixture
def release(dataset: Dataset, campaign: Campaign, curator: Person) -> Release:
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    return services.publish_release(release_id=draft.pk)


def test_files_are_named_as_in_a_download_and_served_whole_and_in_ranges(release: Release, client_of: Clients) -> None:
    stranger = client_of(None)
    listed = {file["path"]: file for file in stranger.get(f"{RELEASE}files/").json()}
    assert {"README.md", "splits.json", "croissant.json", "datacite.json", "CITATION.cff"} <= set(listed)
    for path, file in listed.items():
        answer = stranger.get(file["url"])
        assert (sha256_hex(answer.content), len(answer.content)) == (file["sha256"], file["bytes"]), path
        assert answer["Cache-Control"] == "public, no-cache", "a withdrawn release is served no more"
        assert answer["Access-Control-Allow-Origin"] == "*"
    tables = {path: file for path, file in listed.items() if path.startswith("indexes/")}
    assert any("cells" in path for path in tables)
    for file in tables.values():
        assert pq.read_table(io.BytesIO(stranger.get(file["url"]).content)).num_rows == file["rows"]
    part = stranger.get(listed["README.md"]["url"], headers={"range": "bytes=0-3"})
    assert (part.status_code, len(part.content)) == (206, 4)
    assert json.loads(stranger.get(f"{RELEASE}files/splits.json").content)
    for path in ("nothing.json", "indexes/../README.md", "indexes/"):
        assert stranger.get(f"{RELEASE}files/{path}").status_code == 404, path


def test_an_image_says_who_read_it_under_pseudonyms_and_what_each_cell_rests_on(
    release: Release, readers: list[Person], dataset: Dataset, client_of: Clients
) -> None:
    image = release.images.first().image
    answer = client_of(None).get(f"{RELEASE}images/{image.pk}/")
    told = answer.json()
    people = {pseudonym(dataset.pk, person.pk) for person in readers}
    assert {reader["reader"] for reader in told["readers"]} <= people
    assert len(told["readers"]) == 2
    assert not any(f'"{person.username}"' in answer.content.decode() for person in readers)
    assert told["cell_count"] == len(told["cells"]) == release.images.first().cells
    for cell in told["cells"]:
        assert set(cell["readers"]) <= people
        assert (cell["area"] > 0, cell["decided"]) == (True, False)
    agreed = [cell["agreement"] for cell in told["cells"]]
    assert agreed == sorted(agreed)
    assert (told["source"], told["prediction"], told["adjudications"]) == (image.source.name, None, 0)


def test_its_zarrs_open_by_address(release: Release, client_of: Clients, tmp_path: Path) -> None:
    stranger, row = client_of(None), release.images.first()
    told = stranger.get(f"{RELEASE}images/{row.image_id}/").json()
    assert [one["name"] for one in told["zarrs"]] == ["image", "labels"]
    for one in told["zarrs"]:
        for entry in load_tree(object_store(), one["tree"]).entries:
            served = stranger.get(f"{one['url']}/{entry.path}")
            assert sha256_hex(served.content) == entry.sha256
            file = tmp_path / one["name"] / entry.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(served.content)
        group = zarr.open_group(tmp_path / one["name"], mode="r")
        assert group["0"].shape[-2:] == (told["height"], told["width"])
    base = f"{RELEASE}images/{row.image_id}/"
    assert stranger.get(f"{base}image.ome.zarr/nothing").status_code == 404
    assert stranger.get(f"{base}target.ome.zarr/zarr.json").status_code == 404


def test_what_is_not_in_the_release_or_was_withdrawn_is_not_told(
    release: Release, make_image: Callable[..., Image], curator: Person, client_of: Clients
) -> None:
    stranger, other = client_of(None), make_image("not in it")
    assert stranger.get(f"{RELEASE}images/{other.pk}/").status_code == 404
    assert stranger.get(f"{RELEASE}images/{other.pk}/image.ome.zarr/zarr.json").status_code == 404
    image = release.images.first().image_id
    services.withdraw_release(release_id=release.pk, person=curator, reason="A consent was taken back.")
    tails = ("files/", "files/README.md", f"images/{image}/", f"images/{image}/image.ome.zarr/zarr.json")
    assert [stranger.get(RELEASE + tail).status_code for tail in tails] == [410] * len(tails)


def test_the_page_of_a_withdrawn_release_is_410_with_its_reason(
    release: Release, curator: Person, client_of: Clients, tmp_path: Path, settings: Any
) -> None:
    settings.UI_FOLDER = tmp_path
    (tmp_path / "index.html").write_text("<!doctype html><body><div id=app></div></body>", encoding="utf-8")
    stranger = client_of(None)
    page = "/releases/commons/cells/1.0.0"
    assert [stranger.get(path).status_code for path in (page, "/releases/commons/cells/9", "/releases")] == [
        200,
        404,
        200,
    ]
    services.withdraw_release(release_id=release.pk, person=curator, reason="<b>Two fields</b> name a patient.")
    gone = stranger.get(page)
    assert (gone.status_code, gone["Content-Type"]) == (410, "text/html; charset=utf-8")
    assert "commons/cells@1.0.0 was withdrawn" in gone.content.decode()
    assert "&lt;b&gt;Two fields&lt;/b&gt; name a patient." in gone.content.decode()
    assert "<div id=app>" in gone.content.decode()
