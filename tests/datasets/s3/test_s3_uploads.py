"""Uploads into a bucket pass the suite, by presigned links and by way of the hub; links are good for what they say."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from cut_proxy import CutProxy
from s3_server import S3Server

from cellcommons.canonical import sha256_hex
from cellcommons.errors import StoreUnusable
from cellcommons.s3 import presigned
from cellcommons.s3.store import S3Store
from cellcommons.store import ObjectStore, object_path
from cellcommons.testing.upload_suite import DATA, PART, SHORT, UploadSuite, Way, by_link, by_receive


class TestS3Uploads(UploadSuite):
    @pytest.fixture
    def store(self, make_store: Callable[..., S3Store]) -> ObjectStore:
        return make_store()

    @pytest.fixture(params=[by_link, by_receive])
    def way(self, request: pytest.FixtureRequest) -> Way:
        way: Way = request.param
        return way

    def reopened(self, store: ObjectStore) -> ObjectStore:
        return S3Store(store.url)

    def test_nothing_has_the_name_before_it_is_compared(self, store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
        upload = self.begin(store, SHORT)
        by_link(store, upload, 1, SHORT)
        seen: list[tuple[str, bool]] = []

        def look(model: object, **_: object) -> None:
            seen.append((model.name, S3Store(store.url).exists(upload.sha256)))  # type: ignore[attr-defined]

        store.client().meta.events.register("before-call.s3", look)
        store.uploads().finish(upload)
        assert [name for name, _ in seen] == [
            "ListParts", "ListParts", "CompleteMultipartUpload", "HeadObject", "GetObject", "CopyObject",
        ]  # fmt: skip
        assert not any(there for _, there in seen)

    def test_large_ones_are_copied_in_pieces(self, store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(presigned, "COPY", PART)
        for _ in range(2):  # the second finds the name given
            upload = self.begin(store)
            for number in (1, 2, 3):
                by_link(store, upload, number, self.piece(upload, number))
            assert store.uploads().finish(upload) == upload.sha256
            store.uploads().abandon(upload)
        assert store.get(upload.sha256) == DATA
        rows = store.client().list_multipart_uploads(Bucket=store.address.bucket).get("Uploads", ())
        assert not [row for row in rows if row["Key"].startswith(store.address.prefix)]
        listed = store.client().list_objects_v2(Bucket=store.address.bucket, Prefix=store.address.prefix)
        assert [row["Key"] for row in listed["Contents"]] == [store.address.prefix + object_path(upload.sha256)]

    @pytest.mark.parametrize("step", ["begin", "parts", "receive", "finish", "abandon"])
    def test_a_server_that_is_away_is_no_fault_of_what_was_sent(self, store: S3Store, step: str) -> None:
        upload = self.begin(store, SHORT)
        prefix = store.address.prefix.rstrip("/")
        away = S3Store(f"s3://{store.address.bucket}/{prefix}?endpoint=http://127.0.0.1:9&region=us-east-1", attempts=1)
        steps: dict[str, Callable[[], object]] = {
            "begin": lambda: away.uploads().begin(len(SHORT), upload.sha256),
            "parts": lambda: away.uploads().parts(upload),
            "receive": lambda: by_receive(away, upload, 1, SHORT),
            "finish": lambda: away.uploads().finish(upload),
            "abandon": lambda: away.uploads().abandon(upload),
        }
        with pytest.raises(StoreUnusable):
            steps[step]()
        assert store.uploads().parts(upload) == set()

    def test_a_way_that_breaks_while_it_is_finished(self, store: S3Store, s3_server: S3Server) -> None:
        upload = self.begin(store)
        for number in (1, 2, 3):
            by_receive(store, upload, number, self.piece(upload, number))
        proxy = CutProxy(s3_server.ports["s3"], down=PART)
        try:
            prefix = store.address.prefix.rstrip("/")
            cut = S3Store(s3_server.address(prefix, endpoint=proxy.endpoint), attempts=1)
            with pytest.raises(StoreUnusable):
                cut.uploads().finish(upload)
        finally:
            proxy.close()
        assert list(store.digests()) == []
        assert store.uploads().parts(upload) == {1, 2, 3}
        assert store.uploads().finish(upload) == upload.sha256


def refusal(link: str, data: bytes = SHORT) -> int:
    try:
        urllib.request.urlopen(urllib.request.Request(link, data=data, method="PUT"), timeout=60).close()
    except urllib.error.HTTPError as error:
        return error.code
    return 0


def test_a_link_is_for_one_part_one_length_and_its_time(store: S3Store) -> None:
    upload = store.uploads().begin(PART + len(SHORT), sha256_hex(b"x"), part_size=PART)
    link = store.uploads().link(upload, 2, seconds=2)
    assert refusal(link.replace("partNumber=2", "partNumber=1")) == 403
    assert refusal(link.replace("X-Amz-Expires=2", "X-Amz-Expires=900")) == 403
    assert refusal(link, SHORT + b"x") == 403
    assert refusal(link.replace(upload.key.partition("/")[0], "b" * 32)) == 403
    assert refusal(link) == refusal(link) == 0
    time.sleep(3)
    assert refusal(link) == 403
    assert store.uploads().parts(upload) == {2}
