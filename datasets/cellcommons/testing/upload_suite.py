"""The suite that the uploads of every object store must pass. Subclass it and say how to make a store."""

from __future__ import annotations

import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cellcommons.canonical import sha256_hex
from cellcommons.errors import DigestMismatch, InvalidDocument, NotFound
from cellcommons.object_uploads import PendingUpload
from cellcommons.store import ObjectStore

PART = 5 << 20  # the least that S3 takes for a part but the last
DATA = random.Random(5).randbytes(2 * PART + 1000)
SHORT = b"one short part"

Way = Callable[[ObjectStore, PendingUpload, int, bytes], None]


def by_receive(store: ObjectStore, upload: PendingUpload, number: int, data: bytes) -> None:
    """Send a part through the store itself."""
    part = store.uploads().receive(upload.key, number, upload.length(number))
    try:
        for start in range(0, len(data), 700_000):
            part.write(data[start : start + 700_000])
        part.keep()
    finally:
        part.drop()


def by_link(store: ObjectStore, upload: PendingUpload, number: int, data: bytes) -> None:
    """PUT a part at its link. Raises InvalidDocument, NotFound where the server refuses it."""
    link = store.uploads().link(upload, number, seconds=60)
    assert link is not None
    try:
        urllib.request.urlopen(urllib.request.Request(link, data=data, method="PUT"), timeout=60).close()
    except urllib.error.HTTPError as error:
        refusal = NotFound if error.code == 404 else InvalidDocument
        raise refusal(f"{error.code} {error.reason}", where=f"part {number}") from None


class UploadSuite:
    """Behaviour of ``ObjectUploads``. A subclass named ``Test...`` defines ``store`` and ``reopened``; ``way`` where
    parts come by links too."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        """A fresh, empty store."""
        raise NotImplementedError

    @pytest.fixture
    def way(self) -> Way:
        """How a part is sent."""
        return by_receive

    def reopened(self, store: ObjectStore) -> ObjectStore:
        """The same place through a new store object, as another process has it."""
        raise NotImplementedError

    def begin(self, store: ObjectStore, data: bytes = DATA) -> PendingUpload:
        return store.uploads().begin(len(data), sha256_hex(data), part_size=PART)

    def piece(self, upload: PendingUpload, number: int, data: bytes = DATA) -> bytes:
        return data[upload.offset(number) :][: upload.length(number)]

    def test_parts_in_any_order_and_through_other_processes(self, store: ObjectStore, way: Way) -> None:
        upload = self.begin(store)
        assert (upload.count, store.uploads().parts(upload)) == (3, set())
        for number in (3, 1):
            way(self.reopened(store), upload, number, self.piece(upload, number))
        assert store.uploads().parts(upload) == {1, 3}
        with pytest.raises(InvalidDocument, match="1 of 3 parts"):
            store.uploads().finish(upload)
        assert list(store.digests()) == []
        way(store, upload, 2, self.piece(upload, 2))
        assert self.reopened(store).uploads().finish(upload) == upload.sha256
        assert store.get(upload.sha256) == DATA
        # A run that died after naming it and before saying so is done again.
        assert store.uploads().finish(upload) == upload.sha256
        store.uploads().abandon(upload)
        store.uploads().abandon(upload)
        assert list(store.digests()) == [upload.sha256]
        assert store.get(upload.sha256) == DATA

    def test_one_short_part(self, store: ObjectStore, way: Way) -> None:
        upload = store.uploads().begin(len(SHORT), sha256_hex(SHORT))
        assert upload.count == 1
        way(store, upload, 1, SHORT)
        assert store.uploads().finish(upload) == sha256_hex(SHORT)
        assert store.get(upload.sha256) == SHORT

    def test_a_part_sent_again_replaces_itself(self, store: ObjectStore, way: Way) -> None:
        upload = self.begin(store, SHORT)
        way(store, upload, 1, b"ONE SHORT PART")
        time.sleep(1.1)  # buckets count whole seconds
        way(store, upload, 1, SHORT)
        way(store, upload, 1, SHORT)
        assert store.uploads().parts(upload) == {1}
        assert store.uploads().finish(upload) == upload.sha256

    def test_other_bytes_never_get_a_name(self, store: ObjectStore, way: Way) -> None:
        upload = self.begin(store, SHORT)
        way(store, upload, 1, b"One short part")
        with pytest.raises(DigestMismatch, match="another sha256"):
            store.uploads().finish(upload)
        assert list(store.digests()) == []
        with pytest.raises(NotFound):
            store.uploads().parts(upload)

    @pytest.mark.parametrize("wrong", [SHORT[:-1], SHORT + b"!", b""])
    def test_a_part_of_another_length_is_refused(self, store: ObjectStore, way: Way, wrong: bytes) -> None:
        upload = self.begin(store, SHORT)
        with pytest.raises(InvalidDocument):
            way(store, upload, 1, wrong)
        assert store.uploads().parts(upload) == set()

    @pytest.mark.parametrize("number", [0, -1, 2, 10_001])
    def test_a_part_past_the_end_is_refused(self, store: ObjectStore, number: int) -> None:
        upload = self.begin(store, SHORT)
        for refused in (upload.offset, upload.length, lambda at: store.uploads().link(upload, at, seconds=9) or 1 / 0):
            with pytest.raises((InvalidDocument, ZeroDivisionError)):
                refused(number)
        with pytest.raises(InvalidDocument):
            by_receive(store, upload, number, SHORT)

    def test_a_part_broken_off_is_no_part(self, store: ObjectStore) -> None:
        upload = self.begin(store, SHORT)
        part = store.uploads().receive(upload.key, 1, len(SHORT))
        part.write(SHORT[:5])
        part.drop()
        assert store.uploads().parts(upload) == set()

    def test_what_is_abandoned_takes_no_more(self, store: ObjectStore, way: Way) -> None:
        upload = self.begin(store, SHORT)
        way(store, upload, 1, SHORT)
        store.uploads().abandon(upload)
        with pytest.raises(NotFound):
            store.uploads().parts(upload)
        with pytest.raises(NotFound):
            way(store, upload, 1, SHORT)
        with pytest.raises(NotFound):
            store.uploads().finish(upload)
        assert list(store.digests()) == []

    @pytest.mark.parametrize("key", ["", "..", "../../objects", "a" * 32, f"{'a' * 32}/..", "x/y"])
    def test_a_made_up_key_is_refused(self, store: ObjectStore, key: str) -> None:
        upload = PendingUpload(key, len(SHORT), sha256_hex(SHORT), PART)
        for use in (store.uploads().parts, store.uploads().finish):
            with pytest.raises(NotFound):
                use(upload)
        with pytest.raises(NotFound):
            by_receive(store, upload, 1, SHORT)

    def test_an_object_that_is_there_stays_and_is_young(self, store: ObjectStore, way: Way) -> None:
        store.put(SHORT)
        upload = self.begin(store, SHORT)
        way(store, upload, 1, SHORT)
        assert store.uploads().finish(upload) == sha256_hex(SHORT)
        assert store.get(upload.sha256) == SHORT

    def test_several_parts_at_once_and_twice(self, store: ObjectStore, way: Way) -> None:
        upload = self.begin(store)
        numbers = [1, 2, 3, 2, 1]
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda number: way(store, upload, number, self.piece(upload, number)), numbers))
        assert store.uploads().finish(upload) == upload.sha256
        assert store.get(upload.sha256) == DATA

    def test_old_uploads_are_tidied_up(self, store: ObjectStore, way: Way) -> None:
        upload = self.begin(store, SHORT)
        way(store, upload, 1, SHORT)
        store.tidy(older_than=3600)
        assert store.uploads().parts(upload) == {1}
        assert store.tidy(older_than=-60) == 1
        with pytest.raises(NotFound):
            store.uploads().parts(upload)

    @pytest.mark.parametrize(("size", "digest"), [(0, "a" * 64), (-1, "a" * 64), (5, "A" * 64), (5, "short")])
    def test_what_is_no_upload(self, store: ObjectStore, size: int, digest: str) -> None:
        with pytest.raises(InvalidDocument):
            store.uploads().begin(size, digest)
