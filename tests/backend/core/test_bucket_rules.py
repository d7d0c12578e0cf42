"""Whether the hub's pages may send to its bucket is found out before a person does."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from s3_server import BUCKET, OWNER, S3Server

from backend.core.bucket_rules import refusal

ROOT = Path(__file__).resolve().parents[3]
ORIGIN = "https://hub.lab.org"


@pytest.fixture
def rule(s3_server: S3Server, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets the bucket's CORS rule; the hub's objects are in that bucket."""
    for name, word in s3_server.env.items():
        monkeypatch.setenv(name, word)
    settings.OBJECTS_URL = s3_server.address(uuid.uuid4().hex)
    client = boto3.client(
        "s3", endpoint_url=s3_server.endpoint, region_name="us-east-1", aws_access_key_id=OWNER[0],
        aws_secret_access_key=OWNER[1], config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip

    def put(origin: str = ORIGIN, method: str = "PUT", header: str = "content-type") -> None:
        allowed = {"AllowedOrigins": [origin], "AllowedMethods": [method], "AllowedHeaders": [header]}
        client.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [allowed]})

    yield put
    client.delete_bucket_cors(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        ({}, ""),
        ({"origin": "*", "header": "*"}, ""),
        ({"origin": "https://elsewhere.org"}, f"no CORS rule that allows PUT from {ORIGIN}"),
        ({"method": "GET"}, "CORS rule"),
        ({"header": "x-other"}, "CORS rule"),
    ],
)
def test_what_the_bucket_allows(s3_server: S3Server, rule: Callable[..., None], allowed: Any, said: str) -> None:
    rule(**allowed)
    why = refusal(endpoint=s3_server.endpoint, origin=ORIGIN)
    assert said in why
    assert bool(why) == bool(said)


def test_what_no_rule_can_mend(s3_server: S3Server, rule: Callable[..., None]) -> None:
    assert "https to an address of http" in refusal(endpoint="http://s3.lab.org", origin=ORIGIN)
    assert "does not answer" in refusal(endpoint="http://127.0.0.1:9", origin=ORIGIN)


def test_a_folder(settings: Any, tmp_path: Path) -> None:
    settings.OBJECTS_URL = tmp_path.as_uri()
    assert "in a folder" in refusal(endpoint="https://s3.lab.org", origin=ORIGIN)


@pytest.mark.django_db
def test_the_operator_is_told(s3_server: S3Server, rule: Callable[..., None]) -> None:
    rule()
    env = {key: os.environ[key] for key in ("PATH", "HOME", "DATABASE_URL") if key in os.environ}
    env |= {"SECRET_KEY": "x" * 50, "BROKER_URL": "memory://", "OBJECTS_URL": s3_server.address("hub")}
    env |= {"OBJECTS_PUBLIC_ENDPOINT": s3_server.endpoint, "HUB_ORIGINS": ORIGIN, **s3_server.env}
    command = [sys.executable, "manage.py", "check_parts", "--origin", "http://127.0.0.1:8000"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done
    allowed, refused = done.stdout.splitlines()[-2:]
    assert allowed == f"uploads from pages of {ORIGIN} go straight to {s3_server.endpoint}"
    assert refused.startswith("uploads from pages of http://127.0.0.1:8000 go by way of the hub: ")
    assert "docs/operating.md" in refused
