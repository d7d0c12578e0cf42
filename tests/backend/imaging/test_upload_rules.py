"""Uploads: what is not sent again, what nobody is told, limits, and what the database holds."""

from __future__ import annotations

import hashlib
import random
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import sending
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.test import APIClient
from sending import png

from backend.core import part_links
from backend.core.garbage import collect_garbage
from backend.imaging.models import Dataset, Import, Upload
from backend.imaging.services.arrivals import receive_upload
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.uploads import ranges_of, sweep_uploads
from backend.people.labs import create_lab, first_lab
from backend.people.models import Person, Role
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
def test_what_only_others_have_is_sent_in_full_and_looks_like_what_nobody_has(
    client: APIClient, make_person: Callable[..., Person], client_of: Callable[..., APIClient],
    commits: Callable[..., Any], store: ObjectStore,
) -> None:  # fmt: skip
    secret, unknown = png(1), png(2)
    mine = sending.upload(client, secret, "secret.png", commits=commits).data
    person = make_person("stranger", Role.CURATOR)
    create_dataset(lab=create_lab(slug="elsewhere", title="Elsewhere", person=person), slug="other", title="Other")
    stranger = client_of(person)
    answers = []
    for data in (secret, unknown):
        begun = sending.declare(stranger, data, "x.png", dataset="elsewhere/other")
        answers.append((begun.status_code, begun.data | dict.fromkeys(("id", "created", "sha256", "size"))))
    assert answers[0] == answers[1]
    assert answers[0][0] == 201
    theirs = sending.upload(stranger, secret, "x.png", commits=commits, dataset="elsewhere/other").data
    assert (theirs["state"], theirs["already_there"]) == ("kept", False)
    assert theirs["images"][0]["id"] != mine["images"][0]["id"]
    assert store.get(theirs["sha256"]) == secret
    # Into another lab's dataset nobody sends; what one's own lab has in another dataset is read from where it lies.
    assert sending.declare(client, unknown, "x.png", dataset="elsewhere/other").status_code == 403
    create_dataset(lab=first_lab(), slug="more", title="More")
    known = sending.upload(client, secret, "again.png", commits=commits, dataset="commons/more").data
    assert (known["state"], known["already_there"], len(known["images"])) == ("kept", False, 1)
    # Nor does anybody see another's uploads.
    for path in ("", "links/"):
        assert stranger.get(f"{URL}{mine['id']}/{path}").status_code == 404
    assert stranger.delete(f"{URL}{mine['id']}/").status_code == 404
    assert stranger.post(f"{URL}{mine['id']}/finish/").status_code == 404
    assert [row["id"] for row in client.get(f"{URL}?dataset=commons/cells").data["results"]] == [mine["id"]]


@pytest.mark.django_db
def test_what_the_dataset_has_is_not_sent_again(
    client: APIClient, make_person: Callable[..., Person], client_of: Callable[..., APIClient], commits: Any
) -> None:
    data = png()
    first = sending.upload(client, data, "a.png", commits=commits).data
    colleague = client_of(make_person("colleague", Role.CURATOR))
    for _ in range(2):
        again = sending.declare(colleague, data, "renamed.png")
        assert (again.status_code, again.data["state"], again.data["already_there"]) == (200, "kept", True)
        assert again.data["images"] == first["images"]
    assert Upload.objects.count() == 2
    # As an archive, too: what it is imported as may differ, its bytes are here.
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("b.png", png(2))
    fields = {"purpose": "import", "layout": "plain"}
    one = sending.upload(client, buffer.getvalue(), "b.zip", commits=commits, **fields).data
    same = sending.declare(colleague, buffer.getvalue(), "b.zip", **fields)
    assert (same.data["state"], same.data["import_id"]) == ("kept", one["import_id"])
    with commits(execute=True):
        other = sending.declare(colleague, buffer.getvalue(), "b.zip", purpose="import", layout="dsb2018")
    assert (other.status_code, other.data["state"], other.data["missing"]) == (201, "reading", [])
    receive_upload(upload_id=other.data["id"])
    assert Import.objects.count() == 2


@pytest.mark.django_db
def test_two_people_with_the_same_bytes_at_once(
    client: APIClient, make_person: Callable[..., Person], client_of: Callable[..., APIClient], commits: Any
) -> None:
    data = png()
    colleague = client_of(make_person("colleague", Role.CURATOR))
    theirs = sending.declare(colleague, data, "b.png").data
    mine = sending.declare(client, data, "a.png").data
    assert theirs["id"] != mine["id"]
    for who, row, name in ((client, mine, "a.png"), (colleague, theirs, "b.png")):
        assert sending.declare(who, data, name).data["id"] == row["id"]
    done = sending.upload(client, data, "a.png", commits=commits).data
    sending.send_parts(colleague, theirs, data)
    with commits(execute=True):
        colleague.post(f"{URL}{theirs['id']}/finish/")
    receive_upload(upload_id=theirs["id"])
    late = colleague.get(f"{URL}{theirs['id']}/").data
    assert (late["state"], late["already_there"], late["images"]) == ("kept", True, done["images"])


@pytest.mark.django_db
def test_limits(client: APIClient, settings: Any, annotator: Person, client_of: Callable[..., APIClient]) -> None:
    settings.LIVE_UPLOADS, settings.UPLOAD_LIMIT_BYTES, settings.ARCHIVE_LIMIT_BYTES = 1, 100, 200
    assert sending.declare(client, b"x" * 101, "a.png").status_code == 413
    assert sending.declare(client, b"x" * 201, "a.zip", purpose="import").status_code == 413
    assert sending.declare(client, b"x" * 200, "a.zip", purpose="import").status_code == 201
    more = sending.declare(client, b"y" * 100, "b.png")
    assert (more.status_code, "1 uploads of yours" in more.data["detail"]) == (409, True)
    assert sending.declare(client_of(annotator), b"x", "a.png").status_code == 403
    other = sending.declare(client, b"x" * 200, "a.zip", purpose="import", dataset="none")
    assert (other.status_code, "dataset" in other.data["errors"]) == (400, True)
    for wrong in ({"size": 0}, {"sha256": "A" * 64}, {"sha256": "a" * 63}, {"purpose": "x"}, {"name": ""}):
        body = {"dataset": "commons/cells", "purpose": "image", "name": "a", "size": 1, "sha256": "a" * 64} | wrong
        assert client.post(URL, body).status_code == 400
    clash = sending.declare(client, b"x" * 200, "a.zip", purpose="image")
    settings.UPLOAD_LIMIT_BYTES = 200
    clash = sending.declare(client, b"x" * 200, "a.zip", purpose="image")
    assert (clash.status_code, clash.data["type"]) == (409, "urn:cellcommons:wrong-state")


@pytest.mark.django_db
def test_parts_outlive_garbage_collection_and_stale_ones_go(client: APIClient, store: ObjectStore) -> None:
    begun = sending.declare(client, LARGE, "large.tif").data
    sending.send_parts(client, begun, LARGE)
    collect_garbage(store, grace_seconds=86_400, dry_run=False)
    assert client.get(f"{URL}{begun['id']}/").data["missing"] == []
    Upload.objects.update(touched=timezone.now() - timedelta(days=6))
    sweep_uploads()
    assert Upload.objects.count() == 1
    Upload.objects.update(touched=timezone.now() - timedelta(days=8))
    sweep_uploads()
    assert not Upload.objects.exists()
    assert sending.put(links_url(begun), LARGE[:PART])[0] == 403
    # One whose parts the store has lost is begun anew.
    lost = sending.declare(client, LARGE, "large.tif").data
    store.tidy(older_than=-60)
    anew = sending.declare(client, LARGE, "large.tif")
    assert (anew.status_code, anew.data["missing"]) == (201, [[1, 4]])
    assert client.get(f"{URL}{lost['id']}/").data["state"] == "abandoned"


def links_url(begun: Any) -> str:
    return f"{part_links.PATH}?key={begun['id']}&part=1&length={PART}&expires=9999999999&signature={'0' * 64}"


@pytest.mark.django_db
def test_what_postgres_holds(curator: Person, dataset: Dataset) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    given = {"person": curator, "dataset": dataset, "purpose": "image", "size": 1, "part_size": 1, "sha256": digest}
    row = Upload.objects.create(**given)
    bad: list[dict[str, Any]] = [
        {"state": "kept"},  # nothing was verified
        {"state": "kept", "object_sha256": digest},  # nor compared
        {"state": "verifying", "object_sha256": digest},
        {"state": "reading", "object_sha256": "0" * 64},
        {"size": 2}, {"sha256": "0" * 64}, {"purpose": "import"}, {"place": "elsewhere"},
    ]  # fmt: skip
    for change in bad:
        with pytest.raises(IntegrityError), transaction.atomic():
            Upload.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Upload.objects.create(**given)
    Upload.objects.filter(pk=row.pk).update(state="abandoned")
    with pytest.raises(IntegrityError), transaction.atomic():
        Upload.objects.filter(pk=row.pk).update(state="sending")
    Upload.objects.create(**given)


def test_ranges() -> None:
    assert ranges_of([]) == []
    assert ranges_of([1, 2, 3, 7, 9, 10]) == [[1, 3], [7, 7], [9, 10]]
