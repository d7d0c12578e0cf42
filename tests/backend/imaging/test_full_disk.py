"""A hub whose disk is full says so, blames no file for it, and goes on when there is room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sending
from django.utils import timezone
from sending import png

from backend.core.storage import object_store
from backend.imaging.layouts import hub_layout
from backend.imaging.models import Dataset, Image, Upload
from backend.imaging.services.arrivals import receive_upload
from backend.imaging.services.uploads import sweep_uploads
from backend.imaging.units import convert_unit
from backend.people.models import Person
from cellcommons.canonical import sha256_hex
from cellcommons.errors import DiskFull

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _store(small_disk: Path, settings: Any) -> None:
    settings.OBJECTS_URL = (small_disk / "objects").as_uri()


def test_an_upload_waits_for_room(
    curator: Person, dataset: Dataset, client_of: Callable[..., Any], django_capture_on_commit_callbacks: Any,
    fill: Callable[[int], Path],
) -> None:  # fmt: skip
    client, data = client_of(curator), png()
    begun = sending.declare(client, data, "a.png").data
    sending.send_parts(client, begun, data)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{sending.URL}{begun['id']}/finish/")
    for left in (40 << 10, len(data) + (40 << 10)):  # not for its object; then not for the image that is made of it
        ballast = fill(left)
        with pytest.raises(DiskFull):
            receive_upload(upload_id=begun["id"])
        waiting = client.get(f"{sending.URL}{begun['id']}/").data
        assert waiting["state"] in ("verifying", "reading")
        assert "disk is full" in waiting["error"]["detail"]
        assert "tried again" in waiting["error"]["remedy"]
        assert not Image.objects.exists()
        store = object_store()
        assert [d for d in store.digests() if sha256_hex(store.open(d).read()) != d] == []
        ballast.unlink()
    Upload.objects.update(touched=timezone.now() - timedelta(minutes=3))
    assert sweep_uploads() == 1
    receive_upload(upload_id=begun["id"])
    done = client.get(f"{sending.URL}{begun['id']}/").data
    assert (done["state"], done["error"], len(done["images"])) == ("kept", None, 1)


def test_a_part_is_refused_and_the_rest_is_kept(
    curator: Person, dataset: Dataset, client_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
    fill: Callable[[int], Path],
) -> None:  # fmt: skip
    monkeypatch.setattr("cellcommons.folder_uploads.part_size_of", lambda size: 1 << 16)
    client, data = client_of(curator), png()
    begun = sending.declare(client, data, "a.png").data
    one, two = sending.links(client, begun)
    assert sending.put(one["url"], data[: 1 << 16])[0] == 204
    ballast = fill(8 << 10)
    status, body = sending.put(two["url"], data[1 << 16 :])
    assert status == 507
    assert b"what was sent so far is kept" in body
    assert client.get(f"{sending.URL}{begun['id']}/").data["missing"] == [[2, 2]]
    ballast.unlink()
    assert sending.put(two["url"], data[1 << 16 :])[0] == 204


def test_an_import_blames_no_image(tmp_path: Path, fill: Callable[[int], Path], settings: Any) -> None:
    folder = tmp_path / "plate"
    folder.mkdir()
    for seed in range(3):
        (folder / f"{seed}.png").write_bytes(png(seed))
    layout = hub_layout("plain")
    entries = list(layout.scan(folder).entries)
    object_store()
    fill(40 << 10)
    with pytest.raises(DiskFull, match="the disk is full"):
        convert_unit(settings.OBJECTS_URL, layout, entries)
    assert list(object_store().digests()) == []
