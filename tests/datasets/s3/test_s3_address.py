"""Addresses of buckets: what is understood, and that no secret is ever repeated."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument, MissingExtra
from cellcommons.s3.address import S3Address, parse_address
from cellcommons.s3.store import S3Store
from cellcommons.store import open_store


def test_addresses() -> None:
    assert parse_address("s3://cells") == S3Address("cells")
    assert parse_address("s3://cells/hub/a/?region=eu-central-1") == S3Address("cells", "hub/a/", None, "eu-central-1")
    local = parse_address("s3://cells/hub?endpoint=http://127.0.0.1:8333")
    assert local == S3Address("cells", "hub/", "http://127.0.0.1:8333", None, True)
    assert parse_address("s3://cells?endpoint=https%3A%2F%2Fs3.lab.org&path_style=no").path_style is False
    assert isinstance(open_store("s3://cells/hub?endpoint=http://127.0.0.1:1"), S3Store)


@pytest.mark.parametrize(
    "url",
    [
        "s3://", "s3://C", "s3://Cells", "s3://cells/../x", "s3://cells/a//b", "s3://cells/a b", "s3://cells#x",
        "s3://cells?endpoint=127.0.0.1:8333", "s3://cells?endpoint=http://host:port", "s3://cells?endpoint=http://h/x",
        "s3://cells?endpoint=ftp://host", "s3://cells?path_style=maybe", "s3://cells?region=E U", "s3://cells?x",
        "s3://cells:9000/x", "file:///cells",
    ],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InvalidDocument):
        parse_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:hunter2@cells/hub",
        "s3://hunter2@cells",
        "s3://cells?endpoint=http://key:hunter2@host:9000",
        "s3://cells?secret_key=hunter2",
        "s3://cells?aws_secret_access_key=hunter2&region=x",
    ],
)
def test_secrets_in_an_address_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        open_store(url)
    assert "hunter2" not in caught.value.line()


@given(
    st.builds(
        S3Address,
        bucket=st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", fullmatch=True),
        prefix=st.sampled_from(["", "hub/", "lab-1/hub.2/"]),
        endpoint=st.sampled_from([None, "http://127.0.0.1:8333", "https://s3.lab.org", "http://[::1]:9000"]),
        region=st.sampled_from([None, "us-east-1"]),
        path_style=st.booleans(),
    )
)
def test_an_address_is_read_back(address: S3Address) -> None:
    assert parse_address(address.url) == address


def test_who_has_no_bucket_loads_no_boto3() -> None:
    code = "import sys; from cellcommons.store import open_store; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_without_boto3_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(MissingExtra, match=r"cellcommons\[s3\]"):
        open_store("s3://cells")
