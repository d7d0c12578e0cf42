"""The suite that every object store must pass. Subclass it and say how to make a store and how to damage an object."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cellcommons.canonical import sha256_hex
from cellcommons.errors import DigestMismatch, InvalidDocument, NotFound
from cellcommons.store import CHUNK, ObjectStore
from cellcommons.testing.store_machine import any_order_of_uses

ABSENT = "0" * 64


class StoreSuite:
    """Behaviour of ``ObjectStore``. A subclass named ``Test...`` defines ``store``, ``corrupt`` and, where a put can be
    cut short, ``crash_during_put``."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        """A fresh, empty store."""
        raise NotImplementedError

    @pytest.fixture
    def make_empty(self, tmp_path: Path) -> Callable[[], ObjectStore]:
        """Makes more of them."""
        raise NotImplementedError

    def corrupt(self, store: ObjectStore, digest: str, data: bytes) -> None:
        """Replace the kept bytes of ``digest`` by ``data``, behind the store's back."""
        raise NotImplementedError

    def crash_during_put(self, store: ObjectStore, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put ``data`` in such a way that the process dies before the last step."""
        raise NotImplementedError

    def reopened(self, store: ObjectStore) -> ObjectStore:
        """The same place through a new store object."""
        raise NotImplementedError

    @pytest.mark.parametrize("data", [b"", b"x", b"cells" * 1000, bytes(range(256)) * (CHUNK // 128)])
    def test_put_is_named_by_sha256_and_read_back(self, store: ObjectStore, data: bytes) -> None:
        digest = store.put(data)
        assert digest == sha256_hex(data)
        assert store.get(digest) == data
        assert store.exists(digest)
        assert store.size(digest) == len(data)
        with store.open(digest) as handle:
            handle.seek(len(data) // 2)
            assert handle.read() == data[len(data) // 2 :]

    def test_put_twice_keeps_one(self, store: ObjectStore) -> None:
        assert store.put(b"same") == store.put(b"same")
        assert list(store.digests()) == [sha256_hex(b"same")]

    def test_put_file_equals_put(self, store: ObjectStore, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"abc" * CHUNK)
        assert store.put_file(path) == sha256_hex(b"abc" * CHUNK)
        assert store.get(sha256_hex(b"abc" * CHUNK)) == b"abc" * CHUNK
        assert path.exists()

    def test_a_store_that_can_be_used_says_so(self, store: ObjectStore) -> None:
        store.check()
        with store.batch() as batch:
            batch.check()

    def test_absent_objects(self, store: ObjectStore) -> None:
        assert not store.exists(ABSENT)
        for read in (store.get, store.open, store.size):
            with pytest.raises(NotFound):
                read(ABSENT)
        store.delete(ABSENT)

    @pytest.mark.parametrize("name", ["", "abc", "../../etc/passwd", "A" * 64, "0" * 63 + "\n", "0" * 65])
    def test_bad_names_are_refused(self, store: ObjectStore, name: str) -> None:
        for use in (store.get, store.open, store.size, store.exists, store.delete):
            with pytest.raises(InvalidDocument):
                use(name)

    @pytest.mark.parametrize("damaged", [b"", b"original bytez", b"original bytes and more"])
    def test_a_damaged_object_is_never_handed_out(self, store: ObjectStore, damaged: bytes) -> None:
        digest = store.put(b"original bytes")
        self.corrupt(store, digest, damaged)
        with pytest.raises(DigestMismatch):
            store.get(digest)

    def test_deleted_objects_are_gone_and_can_come_back(self, store: ObjectStore) -> None:
        digest = store.put(b"garbage")
        other = store.put(b"kept")
        store.delete(digest)
        assert not store.exists(digest)
        assert list(store.digests()) == [other]
        assert store.put(b"garbage") == digest
        assert store.get(digest) == b"garbage"

    def test_only_what_is_old_is_discarded(self, store: ObjectStore) -> None:
        digest, now = store.put(b"garbage"), time.time()
        assert not store.discard(digest, kept_before=now - 60)
        assert store.get(digest) == b"garbage"
        assert store.discard(digest, kept_before=now + 60)
        assert not store.exists(digest)
        assert not store.discard(digest, kept_before=now + 60)
        with store.batch() as batch:
            waiting = batch.put(b"in the making")
            assert not batch.discard(waiting, kept_before=now - 60)
        assert store.get(waiting) == b"in the making"

    def test_a_crash_leaves_no_partial_object(self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        data = b"half written" * 1000
        with monkeypatch.context() as patch:
            self.crash_during_put(store, data, patch)
        later = self.reopened(store)
        assert not later.exists(sha256_hex(data))
        assert list(later.digests()) == []
        later.put(data)
        assert later.get(sha256_hex(data)) == data

    def test_a_batch_is_there_when_its_block_ends(self, store: ObjectStore, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"from a file")
        already = store.put(b"already there")
        with store.batch() as batch:
            digests = [batch.put(b"one"), batch.put(b"one"), batch.put(b"two"), batch.put_file(tmp_path / "file")]
            assert batch.put(b"already there") == already
            # What is in the making is there for its maker.
            assert batch.get(digests[0]) == b"one"
            assert (batch.exists(digests[2]), batch.size(digests[3])) == (True, len(b"from a file"))
        assert digests[0] == sha256_hex(b"one")
        later = self.reopened(store)
        assert sorted(later.digests()) == sorted({*digests, already})
        assert [later.get(digest) for digest in digests] == [b"one", b"one", b"two", b"from a file"]

    def test_a_batch_that_is_broken_off_leaves_nothing(self, store: ObjectStore) -> None:
        def begin() -> None:
            with store.batch() as batch:
                batch.put(b"half of it")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            begin()
        assert list(self.reopened(store).digests()) == []

    def test_an_empty_batch(self, store: ObjectStore) -> None:
        with store.batch():
            pass
        assert list(store.digests()) == []

    def test_two_batches_with_the_same_object(self, store: ObjectStore) -> None:
        with store.batch() as first, self.reopened(store).batch() as second:
            assert first.put(b"same") == second.put(b"same")
        assert store.get(sha256_hex(b"same")) == b"same"

    def test_threads_putting_the_same_and_different_objects(self, store: ObjectStore) -> None:
        payloads = [bytes([index % 10]) * 5000 for index in range(80)]
        with ThreadPoolExecutor(8) as pool:
            digests = list(pool.map(store.put, payloads))
        assert digests == [sha256_hex(data) for data in payloads]
        assert sorted(store.digests()) == sorted(set(digests))
        assert all(store.get(digest) == data for digest, data in zip(digests, payloads, strict=True))

    def test_the_listing_says_size_and_time(self, store: ObjectStore) -> None:
        began = time.time()
        digests = [store.put(b"x" * size) for size in (0, 1, 5000)]
        store.put_ref("runs/1/state", b"no object")
        found = {kept.digest: kept for kept in store.listing()}
        assert {digest: kept.size for digest, kept in found.items()} == dict(zip(digests, (0, 1, 5000), strict=True))
        # Stores keep whole seconds, and their clocks are not ours.
        assert all(began - 60 < kept.kept_at < time.time() + 60 for kept in found.values())

    def test_ranges_and_the_end(self, store: ObjectStore) -> None:
        data = bytes(range(256)) * 2000
        digest = store.put(data)
        with store.open(digest) as handle:
            assert [handle.seek(at) and handle.read(7) for at in (300_000, 5, 511_990, 65_534)] == [
                data[at : at + 7] for at in (300_000, 5, 511_990, 65_534)
            ]
            assert handle.seek(-3, 2) == len(data) - 3
            assert handle.read(100) == data[-3:]
            assert handle.seek(10 * len(data)) == 10 * len(data)
            assert handle.read(1) == b""
            assert handle.seek(0) == 0
            assert handle.read() == data

    def test_any_order_of_uses(self, make_empty: Callable[[], ObjectStore]) -> None:
        any_order_of_uses(make_empty, examples=12, steps=15)

    def test_refs_change_and_go(self, store: ObjectStore) -> None:
        assert store.get_ref("runs/1/state") is None
        store.put_ref("runs/1/state", b"running")
        store.put_ref("runs/1/state", b"done")
        store.put_ref("runs/1/cancel", b"")
        assert store.get_ref("runs/1/state") == b"done"
        assert store.get_ref("runs/1/cancel") == b""
        assert self.reopened(store).get_ref("runs/1/state") == b"done"
        store.delete_ref("runs/1/state")
        store.delete_ref("runs/1/state")
        assert store.get_ref("runs/1/state") is None
        assert list(store.digests()) == []

    @pytest.mark.parametrize("name", ["", "/absolute", "../up", "runs/../../up", "runs//x", "runs/", ".hidden", "a\n"])
    def test_bad_ref_names_are_refused(self, store: ObjectStore, name: str) -> None:
        with pytest.raises(InvalidDocument):
            store.put_ref(name, b"x")
        with pytest.raises(InvalidDocument):
            store.get_ref(name)

    def test_a_ref_is_never_read_half_written(self, store: ObjectStore) -> None:
        values = [bytes([index]) * 20_000 for index in range(4)]
        store.put_ref("runs/1/progress", values[0])

        def write(index: int) -> None:
            store.put_ref("runs/1/progress", values[index % 4])

        def read(_: int) -> bytes | None:
            return store.get_ref("runs/1/progress")

        with ThreadPoolExecutor(8) as pool:
            writes = [pool.submit(write, index) for index in range(60)]
            reads = [pool.submit(read, index) for index in range(60)]
            assert all(task.result() in values for task in reads)
            assert all(task.exception() is None for task in writes)
