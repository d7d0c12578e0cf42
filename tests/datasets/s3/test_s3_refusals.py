"""A store that cannot be used says why, where and what to do, whatever it is asked."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.auth
import pytest
from s3_server import READER

from cellcommons.errors import NotFound, StoreUnusable
from cellcommons.s3 import faults
from cellcommons.s3.store import S3Store

Make = Callable[..., S3Store]
ABSENT = "0" * 64


def refusals(store: S3Store) -> Iterator[StoreUnusable]:
    """What each kind of use says of a store that cannot be used."""
    uses = (
        lambda: store.put(b"new"), lambda: store.get(ABSENT), lambda: store.exists(ABSENT), lambda: store.size(ABSENT),
        lambda: store.open(ABSENT), lambda: list(store.digests()), lambda: store.get_ref("a"),
        lambda: store.put_ref("a", b""), lambda: store.check(),
    )  # fmt: skip
    for use in uses:
        with pytest.raises(StoreUnusable) as caught:
            use()
        assert caught.value.where == store.url
        assert caught.value.remedy
        yield caught.value


def test_a_wrong_secret(make_store: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "quite-another-secret")
    for error in refusals(make_store()):
        assert isinstance(error, faults.WrongCredentials)
        assert "secret key" in error.what
        assert "quite-another-secret" not in error.line()


def test_an_unknown_key_and_none(make_store: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with pytest.raises(faults.WrongCredentials, match="access key is not known"):
        make_store().put(b"new")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    for error in refusals(make_store()):
        assert isinstance(error, faults.WrongCredentials)
        assert "AWS_ACCESS_KEY_ID" in error.remedy


def test_a_missing_bucket_is_not_a_missing_object(make_store: Make) -> None:
    for error in refusals(make_store(bucket="no-such-bucket")):
        assert isinstance(error, faults.MissingBucket)
        assert not isinstance(error, NotFound)


def test_who_may_only_read(store: S3Store, make_store: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = store.put(b"for all to read")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", READER[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", READER[1])
    reader = make_store(store.address.prefix.rstrip("/"))
    assert reader.get(digest) == b"for all to read"
    for refused in (lambda: reader.put(b"new"), lambda: reader.delete(digest), lambda: reader.put_ref("a", b"")):
        with pytest.raises(faults.NoRights) as caught:
            refused()
        assert "s3:PutObject" in caught.value.remedy
    assert store.exists(digest)


def test_a_clock_that_is_wrong(make_store: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    now = botocore.auth.get_current_datetime
    ahead = datetime.timedelta(hours=2)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *a, **k: now(*a, **k) + ahead)
    for error in refusals(make_store()):
        assert isinstance(error, faults.ClockSkew)


def test_nobody_listens(make_store: Make) -> None:
    for error in refusals(make_store(endpoint="http://127.0.0.1:9", attempts=1)):
        assert isinstance(error, faults.EndpointDown)
