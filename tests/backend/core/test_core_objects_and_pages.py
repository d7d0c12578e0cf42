"""Fixed bytes over HTTP: tags, ranges; and the pages of the browser part."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncRequestFactory, Client, RequestFactory

from backend.core import object_files
from backend.core.object_files import object_response, tree_file_response
from cellcommons.errors import NotFound
from cellcommons.store import ObjectStore
from cellcommons.tree import seal_files

# A response that is closed looks after the database connections of its thread.
pytestmark = pytest.mark.django_db

DATA = bytes(range(256)) * 8


@pytest.mark.parametrize(
    ("header", "status", "expected"),
    [
        ("", 200, DATA),
        ("bytes=0-9", 206, DATA[:10]),
        ("bytes=2000-", 206, DATA[2000:]),
        ("bytes=-5", 206, DATA[-5:]),
        ("bytes=2040-99999", 206, DATA[2040:]),
        ("bytes=0-1,4-5", 200, DATA),
        ("nonsense", 200, DATA),
        ("bytes=9999-", 416, b""),
        ("bytes=9-3", 416, b""),
    ],
)
@pytest.mark.parametrize("whole", [4 << 20, 1])
def test_ranges(
    store: ObjectStore, header: str, status: int, expected: bytes, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same whether the bytes are held at once or streamed."""
    monkeypatch.setattr(object_files, "_WHOLE", whole)
    digest = store.put(DATA)
    response: Any = object_response(RequestFactory().get("/", headers={"Range": header} if header else {}), digest)
    assert response.status_code == status
    body = b"".join(response.streaming_content) if response.streaming else response.content
    assert body == expected
    if status == 206:
        start = 2048 - len(expected) if header != "bytes=0-9" else 0
        assert response["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/2048"
        assert response["Content-Length"] == str(len(expected))
    response.close()


def test_fixed_bytes_are_kept_by_the_browser(store: ObjectStore) -> None:
    digest = store.put(DATA)
    first = object_response(RequestFactory().get("/"), digest)
    assert first["ETag"] == f'"{digest}"'
    assert first["Cache-Control"] == "private, max-age=31536000, immutable"
    again = object_response(RequestFactory().get("/", headers={"If-None-Match": first["ETag"]}), digest)
    assert again.status_code == 304
    assert object_response(RequestFactory().get("/"), digest, public=True)["Cache-Control"].startswith("public")
    head = object_response(RequestFactory().head("/"), digest)
    assert head["Content-Length"] == "2048"
    assert head.content == b""


def test_files_of_a_tree(store: ObjectStore) -> None:
    tree = seal_files(store, {"zarr.json": b"{}", "0/c/0/0": DATA})
    assert tree_file_response(RequestFactory().get("/"), tree.digest, "0/c/0/0").content == DATA
    assert tree_file_response(RequestFactory().get("/"), tree.digest, "zarr.json")["Content-Type"] == "application/json"
    for path in ("1/zarr.json", "../zarr.json", "0/c"):
        with pytest.raises(NotFound):
            tree_file_response(RequestFactory().get("/"), tree.digest, path)


@pytest.fixture
def pages(settings: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>workbench</title>")
    (folder / "assets" / "index-abc.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    settings.UI_FOLDER = folder
    return folder


def test_the_index_answers_for_every_page(pages: Path) -> None:
    client = Client()
    for path in ("/", "/campaigns/demo", "/images/1.2"):
        response = client.get(path)
        assert response.status_code == 200
        assert b"workbench" in response.content
        assert response["Cache-Control"] == "no-cache"
        assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "cellcommons_csrf" in client.cookies


def test_scripts_are_packed_for_who_takes_that(pages: Path) -> None:
    script = pages / "assets" / "index-abc.js"
    script.write_text("export const words = 1;\n" * 500)
    client = Client()
    plain = client.get("/assets/index-abc.js")
    packed = client.get("/assets/index-abc.js", headers={"Accept-Encoding": "gzip, deflate, br"})
    assert not plain.has_header("Content-Encoding")
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 10
    assert gzip.decompress(packed.content) == plain.content == script.read_bytes()
    assert "Accept-Encoding" in packed["Vary"]
    script.write_text("export {}")  # another build: nothing old is kept
    again = client.get("/assets/index-abc.js", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(again.content) == b"export {}"


def test_what_is_data_may_do_nothing_in_a_browser() -> None:
    answer = Client().get("/api/v1/nothing/")
    assert answer.status_code == 404
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_assets_are_immutable_and_nothing_leaves_the_folder(pages: Path) -> None:
    client = Client()
    script = client.get("/assets/index-abc.js")
    assert script["Content-Type"].startswith("text/javascript")
    assert "immutable" in script["Cache-Control"]
    assert client.get("/assets/index-old.js").status_code == 404
    for path in ("/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt"):
        assert b"secret" not in client.get(path).content
    assert client.post("/").status_code == 405


def test_a_readable_page_when_nothing_is_built(settings: Any, tmp_path: Path) -> None:
    settings.UI_FOLDER = tmp_path / "none"
    response = Client().get("/")
    assert response.status_code == 503
    assert b"not built yet" in response.content


@pytest.mark.django_db
def test_health_names_each_part() -> None:
    response = Client().get("/api/v1/health/")
    assert response.status_code == 200
    body = response.json()
    assert set(body["parts"]) == {"database", "objects", "broker", "cpu_worker", "io_worker", "gpu_worker"}
    assert body["parts"]["database"] == body["parts"]["objects"] == "ok"
    # No worker runs in tests.
    assert body["parts"]["gpu_worker"] == "does not answer"
    assert body["status"] == "degraded"


def test_large_objects_stream_under_asgi(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_files, "_WHOLE", 1)
    monkeypatch.setattr(object_files, "_BLOCK", 100)
    digest = store.put(DATA)
    response: Any = object_response(AsyncRequestFactory().get("/"), digest)
    assert response.is_async

    async def read() -> list[bytes]:
        return [block async for block in response.streaming_content]

    blocks = async_to_sync(read)()
    assert len(blocks) == 21
    assert b"".join(blocks) == DATA
    response.close()
