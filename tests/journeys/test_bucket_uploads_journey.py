"""Parts of an upload go from a real browser straight into the bucket; where the bucket or the network forbids it, by
way of the hub, and the page says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from noise import noise
from playwright.sync_api import Browser, Page, Request, expect
from s3_server import BUCKET, OWNER, S3Server
from visitor import Visitor

from backend.door.hub import Hub
from backend.rehearsal.api import Api
from cellcommons.canonical import sha256_hex
from cellcommons.store import open_store

pytestmark = pytest.mark.journey
PARTS = 3  # of a picture of 3,000 x 3,000


@pytest.fixture
def allow(s3_server: S3Server) -> Iterator[Callable[[str], None]]:
    """Let pages of one origin send to the bucket, as docs/operating.md says; others may not."""
    client = boto3.client(
        "s3", endpoint_url=s3_server.endpoint, region_name="us-east-1", aws_access_key_id=OWNER[0],
        aws_secret_access_key=OWNER[1], config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip

    def rule(origin: str) -> None:
        allowed = {"AllowedOrigins": [origin], "AllowedMethods": ["PUT"], "AllowedHeaders": ["content-type"]}
        client.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [allowed | {"MaxAgeSeconds": 1}]})

    yield rule
    client.delete_bucket_cors(Bucket=BUCKET)


@pytest.fixture
def visitor(bucket_hub: Hub, browser: Browser) -> Iterator[Visitor]:
    account = bucket_hub.accounts["curator"]
    visitor = Visitor(browser, bucket_hub.url)
    visitor.sign_in(account["username"], account["password"])
    yield visitor
    visitor.close()


@pytest.fixture
def dataset(bucket_hub: Hub, request: Any) -> str:
    account = bucket_hub.accounts["curator"]
    api = Api(bucket_hub.url, account["username"], account["password"])
    slug = str(request.node.name).replace("_", "-").removeprefix("test-")[:40].strip("-")
    return str(api.post("datasets/", {"slug": slug, "title": slug, "licence": "CC0-1.0"})["name"])


def sent_by(page: Page) -> list[str]:
    """Addresses that take a part of this page's from now on, as they are answered."""
    urls: list[str] = []

    def note(request: Request) -> None:
        if request.method == "PUT" and (answer := request.response()) and answer.ok:
            urls.append(request.url)

    page.on("requestfinished", note)
    return urls


def choose(page: Page, url: str, dataset: str, path: Path) -> None:
    """Drop a file on the page of an empty dataset, where the panel is open."""
    page.goto(f"{url}/datasets/{dataset}")
    page.locator("input[type=file][multiple]").set_input_files([path])


def check_kept(s3_server: S3Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, word in s3_server.env.items():
        monkeypatch.setenv(name, word)
    data = path.read_bytes()
    assert open_store(s3_server.address("journey")).get(sha256_hex(data)) == data


def test_straight_to_the_bucket(
    bucket_hub: Hub, s3_server: S3Server, visitor: Visitor, dataset: str, allow: Callable[[str], None], said: list[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    allow(bucket_hub.url)
    assert any(f"uploads from pages of {bucket_hub.url} go straight to {s3_server.endpoint}" in line for line in said)
    path, page = noise(tmp_path / "straight.png", 3000, 70), visitor.page
    # The tab dies when the first part is there.
    page.route(
        f"{s3_server.endpoint}/**", lambda route: route.continue_() if "partNumber=1&" in route.request.url else None
    )
    with page.expect_response(lambda answer: "partNumber=1&" in answer.url and answer.ok):
        choose(page, bucket_hub.url, dataset, path)
    visitor.crash()
    # No routes here: with them Playwright answers for the bucket what a browser asks it before it sends.
    page = visitor.new_page()
    sent = sent_by(page)
    page.goto(f"{bucket_hub.url}/datasets/{dataset}")
    expect(page.get_by_role("group", name="Not finished")).to_contain_text(path.name)
    page.locator("input[type=file][multiple]").set_input_files([path])
    expect(page.locator(".upload", has_text=path.name).get_by_text("added")).to_be_visible()
    assert len(sent) == PARTS - 1
    assert all(url.startswith(f"{s3_server.endpoint}/{BUCKET}/") for url in sent)
    assert not [url for url in sent if "partNumber=1&" in url]
    expect(page.get_by_text("by way of the hub")).not_to_be_visible()
    check_kept(s3_server, path, monkeypatch)


def test_a_bucket_without_a_rule(
    bucket_hub: Hub, s3_server: S3Server, visitor: Visitor, dataset: str, allow: Callable[[str], None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    allow("https://elsewhere.org")
    path, page = noise(tmp_path / "roundabout.png", 3000, 71), visitor.page
    sent = sent_by(page)
    choose(page, bucket_hub.url, dataset, path)
    expect(page.get_by_text(f"cannot send to the bucket at {s3_server.endpoint}")).to_be_visible()
    expect(page.locator(".upload", has_text=path.name).get_by_text("added")).to_be_visible()
    assert len(sent) == PARTS
    assert all(url.startswith(f"{bucket_hub.url}/api/v1/uploads/parts/") for url in sent)
    check_kept(s3_server, path, monkeypatch)


def test_a_bucket_that_says_nothing(
    bucket_hub: Hub, s3_server: S3Server, visitor: Visitor, dataset: str, tmp_path: Path
) -> None:
    path, page = noise(tmp_path / "silent.png", 60, 72), visitor.page
    page.route(f"{s3_server.endpoint}/**", lambda route: None)  # as a firewall that drops what it does not like
    choose(page, bucket_hub.url, dataset, path)
    expect(page.locator(".upload", has_text=path.name).get_by_text("added")).to_be_visible()
    expect(page.get_by_text(f"cannot send to the bucket at {s3_server.endpoint}")).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")
