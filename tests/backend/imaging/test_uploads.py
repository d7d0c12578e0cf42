"""Uploads in parts: what is kept, what is refused, what is not sent again, and what nobody is told."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sending
from django.utils import timezone
from rest_framework.test import APIClient
from sending import links, png

from backend.core import part_links
from backend.imaging.models import Dataset, Image, Upload
from backend.imaging.services.arrivals import receive_upload
from backend.imaging.services.uploads import sweep_uploads
from backend.people.models import Person
from cellcommons.errors import DiskFull, StoreUnusable
from cellcommons.folder_uploads import FolderUploads
from cellcommons.store import ObjectStore

URL = sending.URL
PART = 1 << 16
LARGE = random.Random(3).randbytes(3 * PART + 17)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 64 KiB, so that small files have several."""
    monkeypatch.setattr("cellcommons.folder_uploads.part_size_of", lambda size: PART)


@pytest.fixture
def client(curator: Person, dataset: Dataset, client_of: Callable[..., APIClient]) -> APIClient:
    return client_of(curator)


@pytest.fixture
def commits(django_capture_on_commit_callbacks: Callable[..., Any]) -> Callable[..., Any]:
    return django_capture_on_commit_callbacks


@pytest.mark.django_db
def test_parts_out_of_order_with_pauses_and_twice(client: APIClient, commits: Callable[..., Any]) -> None:
    data = png()
    begun = sending.declare(client, data, "a.png")
    assert (begun.status_code, begun.data["state"], begun.data["missing"]) == (201, "sending", [[1, 2]])
    two = links(client, begun.data, first=2)[0]
    assert (two["part"], two["offset"], two["length"]) == (2, PART, len(data) - PART)
    for _ in range(2):
        assert sending.put(two["url"], data[PART:]) == (204, b"")
    # The process goes away, and comes again: only what is missing is asked for.
    again = sending.declare(client, data, "a.png")
    assert (again.status_code, again.data["id"], again.data["missing"]) == (200, begun.data["id"], [[1, 1]])
    early = client.post(f"{URL}{begun.data['id']}/finish/")
    assert (early.status_code, early.data["type"]) == (409, "urn:cellcommons:wrong-state")
    assert "1 of 2 parts" in early.data["detail"]
    sending.send_parts(client, begun.data, data)
    with commits(execute=True) as sent:
        for _ in range(2):
            assert client.post(f"{URL}{begun.data['id']}/finish/").data["state"] == "verifying"
    assert len(sent) == 1
    for _ in range(2):
        receive_upload(upload_id=begun.data["id"])
    done = client.get(f"{URL}{begun.data['id']}/").data
    assert (done["state"], [image["name"] for image in done["images"]]) == ("kept", ["a"])
    assert client.post(f"{URL}{begun.data['id']}/finish/").data["state"] == "kept"
    assert Image.objects.get().original_sha256 == begun.data["sha256"]
    row = Upload.objects.get()
    assert row.object_sha256 == row.sha256


@pytest.mark.django_db
def test_other_bytes_than_declared(client: APIClient, store: ObjectStore, commits: Callable[..., Any]) -> None:
    begun = sending.declare(client, LARGE, "large.tif").data
    sending.send_parts(client, begun, LARGE[:-1] + b"?")
    with commits(execute=True):
        client.post(f"{URL}{begun['id']}/finish/")
    receive_upload(upload_id=begun["id"])
    refused = client.get(f"{URL}{begun['id']}/").data
    assert (refused["state"], refused["error"]["code"]) == ("refused", "digest-mismatch")
    assert "another sha256" in refused["error"]["detail"]
    assert list(store.digests()) == []
    # Begun again, all of it is missing.
    assert sending.declare(client, LARGE, "large.tif").data["missing"] == [[1, 4]]


@pytest.mark.django_db
def test_links_are_for_one_part_one_length_and_their_time(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = sending.declare(client, LARGE, "large.tif").data
    (first, *_), data = links(client, begun, count=2), LARGE[:PART]
    url = first["url"]
    forged = [
        url.replace("part=1", "part=2"), url.replace("length=65536", "length=65535"), url[:-1] + "x",
        url.replace("expires=", "expires=9"), url.partition("&signature")[0], url.replace("key=", "key=x"),
        part_links.PATH,
    ]  # fmt: skip
    for one in forged:
        status, body = sending.put(one, data)
        assert (status, json.loads(body)["type"]) == (403, "urn:cellcommons:not-allowed"), one
    assert sending.put(url, data + b"x")[0] == 400
    assert sending.put(url, data[:-1])[0] == 400
    assert sending.put(url, data + b"x", declared=PART)[0] == 400
    assert sending.put(url, data, block=999, breaks_off=True) is None
    later = time.time() + 3601
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: later)
        status, body = sending.put(url, data)
    assert (status, "time is over" in json.loads(body)["detail"]) == (403, True)
    assert client.get(f"{URL}{begun['id']}/").data["missing"] == [[1, 4]]
    assert sending.put(url, data, block=999) == (204, b"")
    assert client.get(f"{URL}{begun['id']}/").data["missing"] == [[2, 4]]
    assert client.delete(f"{URL}{begun['id']}/").status_code == 204
    assert sending.put(url, data)[0] == 404
    assert client.get(f"{URL}{begun['id']}/links/").data["type"] == "urn:cellcommons:wrong-state"
    assert client.delete(f"{URL}{begun['id']}/").status_code == 204


@pytest.mark.django_db
def test_a_full_disk_is_told(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = sending.declare(client, LARGE, "large.tif").data
    url = links(client, begun)[0]["url"]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        status, body = sending.put(url, LARGE[:PART])
    assert (status, json.loads(body)["type"]) == (507, "urn:cellcommons:disk-full")
    monkeypatch.setattr("cellcommons.folder_uploads.free_bytes", lambda _: 5)
    other = sending.declare(client, LARGE[1:], "other.tif")
    assert (other.status_code, other.data["type"]) == (507, "urn:cellcommons:disk-full")
    assert Upload.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [StoreUnusable("away"), OSError(28, "No space left on device")])
def test_a_store_that_is_away_while_it_is_compared_loses_nothing(
    client: APIClient, commits: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    data = png()
    begun = sending.declare(client, data, "a.png").data
    sending.send_parts(client, begun, data)
    with commits(execute=True):
        client.post(f"{URL}{begun['id']}/finish/")

    def away(*_: object) -> None:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(FolderUploads, "finish", away)
        with pytest.raises((StoreUnusable, DiskFull)):
            receive_upload(upload_id=begun["id"])
    waiting = client.get(f"{URL}{begun['id']}/").data
    assert waiting["state"] == "verifying"
    assert "tried again" in waiting["error"]["remedy"]
    Upload.objects.update(touched=timezone.now() - timedelta(minutes=2))
    assert sweep_uploads() == 1
    receive_upload(upload_id=begun["id"])
    done = client.get(f"{URL}{begun['id']}/").data
    assert (done["state"], done["error"]) == ("kept", None)


class Died(BaseException):
    """Stands for kill -9 of the worker."""


@pytest.mark.django_db
@pytest.mark.parametrize("place", ["object_store", "forget_parts", "receive_file", "_end"])
def test_a_worker_that_dies_anywhere_is_taken_over(
    client: APIClient, commits: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    data = png()
    begun = sending.declare(client, data, "a.png").data
    sending.send_parts(client, begun, data)
    with commits(execute=True):
        client.post(f"{URL}{begun['id']}/finish/")

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(f"backend.imaging.services.arrivals.{place}", die)
        with pytest.raises(Died):
            receive_upload(upload_id=begun["id"])
    # Nobody takes it while the dead one's heart may still beat.
    receive_upload(upload_id=begun["id"])
    assert client.get(f"{URL}{begun['id']}/").data["state"] in ("verifying", "reading")
    Upload.objects.update(heartbeat=timezone.now() - timedelta(minutes=3))
    assert sweep_uploads() == 1
    receive_upload(upload_id=begun["id"])
    done = client.get(f"{URL}{begun['id']}/").data
    assert (done["state"], done["already_there"], len(done["images"])) == ("kept", False, 1)
    assert Image.objects.count() == 1
