"""The hub on a bucket: bytes by range, links to what is public and nothing else, what people see when it is down."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from s3_server import READER, S3Server

from backend.core import object_files
from backend.core.object_files import object_response
from backend.core.storage import object_store
from backend.people.models import Person
from backend.settings.environment import Environment
from cellcommons.canonical import sha256_hex
from cellcommons.store import ObjectStore

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
DATA = bytes(range(250)) * 400


@pytest.fixture
def bucket(s3_server: S3Server, settings: Any, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The hub's object store, in a bucket."""
    for name, word in s3_server.env.items():
        monkeypatch.setenv(name, word)
    settings.OBJECTS_URL = s3_server.address(uuid.uuid4().hex)
    return object_store()


@pytest.mark.parametrize(
    ("header", "status", "expected"),
    [
        ("", 200, DATA),
        ("bytes=70000-", 206, DATA[70000:]),
        ("bytes=-5", 206, DATA[-5:]),
        ("bytes=100000-", 416, b""),
    ],
)
@pytest.mark.parametrize("whole", [4 << 20, 1])
def test_ranges_of_a_bucket(
    bucket: ObjectStore, header: str, status: int, expected: bytes, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_files, "_WHOLE", whole)
    digest = bucket.put(DATA)
    response: Any = object_response(RequestFactory().get("/", headers={"Range": header} if header else {}), digest)
    assert response.status_code == status
    assert (b"".join(response.streaming_content) if response.streaming else response.content) == expected
    response.close()


def test_links_are_for_large_public_objects_asked_for_by_clients(
    bucket: ObjectStore, s3_server: S3Server, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_files, "_LINKED", len(DATA))
    large, small = bucket.put(DATA), bucket.put(DATA[1:])
    get, head = RequestFactory().get, RequestFactory().head
    assert object_response(get("/"), large, public=True).status_code == 200
    settings.OBJECTS_PUBLIC_ENDPOINT = s3_server.endpoint
    linked = object_response(get("/"), large, public=True)
    assert (linked.status_code, linked["Cache-Control"]) == (307, "no-store")
    with urllib.request.urlopen(linked["Location"]) as answer:
        assert sha256_hex(answer.read()) == large
    assert object_response(get("/"), small, public=True).status_code == 200
    assert object_response(head("/"), large, public=True).status_code == 200
    assert object_response(get("/", headers={"Sec-Fetch-Dest": "empty"}), large, public=True).status_code == 200
    # What is not public never gets a link, whoever asks.
    assert object_response(get("/"), large).status_code == 200


def test_a_folder_gives_no_links(store: ObjectStore, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_files, "_LINKED", 1)
    settings.OBJECTS_PUBLIC_ENDPOINT = "https://files.lab.org"
    assert object_response(RequestFactory().get("/"), store.put(DATA), public=True).status_code == 200


def test_a_store_that_cannot_be_used_is_a_503_that_tells_nothing(
    bucket: ObjectStore, s3_server: S3Server, settings: Any, client_of: Any, make_image: Any, curator: Person
) -> None:
    image = make_image("field")
    path = f"/api/v1/images/{image.pk}/preview.png"
    client = client_of(curator)
    assert client.get(path).status_code == 200
    settings.OBJECTS_URL = s3_server.address("hub", bucket="absent")
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:cellcommons:store-unusable")
    assert "absent" not in answer.content.decode()
    settings.OBJECTS_URL = "s3://cells/hub?endpoint=http://127.0.0.1:9"
    parts = client.get("/api/v1/health/").json()["parts"]
    assert (parts["objects"], parts["database"]) == ("not reachable (EndpointDown)", "ok")


def check_parts(**changes: str) -> subprocess.CompletedProcess[str]:
    env = {key: os.environ[key] for key in ("PATH", "HOME", "DATABASE_URL") if key in os.environ}
    env |= {"SECRET_KEY": "x" * 50, "BROKER_URL": "memory://", "AWS_EC2_METADATA_DISABLED": "true"} | changes
    return subprocess.run(
        [sys.executable, "manage.py", "check_parts"], cwd=ROOT, env=env, capture_output=True, text=True
    )


def test_what_a_person_brings_is_asked_before_it_is_used(s3_server: S3Server) -> None:
    given = {"OBJECTS_URL": s3_server.address("hub"), **s3_server.env}
    done = check_parts(**given)
    assert (done.returncode, done.stdout.split()) == (0, ["database", "ok", "objects", "ok", "broker", "ok"]), done
    for wrong, said in (
        ({"OBJECTS_URL": s3_server.address("hub", bucket="absent")}, "OBJECTS_URL s3://absent/hub"),
        ({"AWS_ACCESS_KEY_ID": READER[0], "AWS_SECRET_ACCESS_KEY": READER[1]}, "do not allow this"),
        ({"BROKER_URL": "redis://:hunter2@127.0.0.1:9/0"}, "BROKER_URL: the broker at redis://:**@127.0.0.1:9/0"),
    ):
        done = check_parts(**given | wrong)
        assert done.returncode == 2, done
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("read", "value"),
    [
        ("store", "objects"),
        ("store", "file://host/folder"),
        ("store", "ftp://host/folder"),
        ("store", "s3://key:hunter2@cells"),
        ("store", "s3://cells?secret=hunter2"),
        ("endpoint", "files.lab.org"),
        ("endpoint", "https://key:hunter2@files.lab.org"),
        ("broker", "localhost:6379"),
        ("broker", "http://:hunter2@broker"),
        ("broker", "redis://"),
        ("database", "mysql://u:hunter2@h/d"),
        ("database", "postgresql://u:hunter2@h:port/d"),
    ],
)
def test_a_malformed_address_is_refused_by_its_name(read: str, value: str) -> None:
    env = Environment({"SOME_URL": value})
    with pytest.raises(ImproperlyConfigured, match="SOME_URL") as caught:
        getattr(env, read)("SOME_URL")
    assert "hunter2" not in str(caught.value)


def test_addresses_that_are_well_formed() -> None:
    bucket = "s3://cells/hub?endpoint=https://s3.lab.org:9000"
    given = {"A": "file:///data/objects", "B": bucket, "C": "redis+socket:///run/redis.sock", "D": "memory://"}
    env = Environment(given)
    assert [env.store("A"), env.store("B"), env.broker("C"), env.broker("D"), env.endpoint("E")] == [
        *given.values(),
        "",
    ]


def test_the_boot_ends_with_the_name() -> None:
    done = check_parts(OBJECTS_URL="s3://key:hunter2@cells", DATABASE_URL="postgresql://u@h/d")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("OBJECTS_URL: ")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr
