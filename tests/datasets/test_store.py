"""The folder store passes the suite, and opens by URL."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cellcommons import durable
from cellcommons.errors import InvalidDocument, StoreUnusable
from cellcommons.store import FolderStore, ObjectStore, free_bytes, object_path, open_store
from cellcommons.testing.store_suite import StoreSuite


class Died(BaseException):
    """Stands for kill -9: no except clause of the store may swallow it."""


class TestFolderStore(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return FolderStore(tmp_path / "store")

    @pytest.fixture
    def make_empty(self, tmp_path: Path) -> Callable[[], ObjectStore]:
        numbers = itertools.count()
        return lambda: FolderStore(tmp_path / f"store-{next(numbers)}")

    def corrupt(self, store: ObjectStore, digest: str, data: bytes) -> None:
        assert isinstance(store, FolderStore)
        path = store.root / object_path(digest)
        path.chmod(0o644)
        path.write_bytes(data)

    def crash_during_put(self, store: ObjectStore, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        def die(*_: object) -> None:
            raise Died

        monkeypatch.setattr(os, "fsync", die)
        # A killed process does not tidy up either.
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(Died):
            store.put(data)

    def reopened(self, store: ObjectStore) -> ObjectStore:
        assert isinstance(store, FolderStore)
        return FolderStore(store.root)

    def test_objects_are_read_only_files(self, store: FolderStore) -> None:
        path = store.root / object_path(store.put(b"sealed"))
        assert path.stat().st_mode & 0o777 == 0o444

    def test_nothing_is_left_in_incoming(self, store: FolderStore, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"1")
        store.put(b"1")
        store.put_file(tmp_path / "file")
        store.put_ref("a/b", b"1")
        assert list((store.root / "incoming").iterdir()) == []

    def test_a_folder_that_is_gone_cannot_be_used(self, store: FolderStore) -> None:
        shutil.rmtree(store.root)
        with pytest.raises(StoreUnusable, match="gone"):
            store.check()

    def test_what_a_killed_process_left_is_tidied_up(self, store: FolderStore) -> None:
        left = store.root / "incoming" / "tmpleft"
        left.write_bytes(b"half")
        digest = store.put(b"kept")
        assert store.tidy(older_than=3600) == 0
        os.utime(left, (0, 0))
        assert store.tidy(older_than=3600) == 1
        assert not left.exists()
        assert store.exists(digest)

    @pytest.mark.parametrize("has_syncfs", [True, False])
    def test_a_batch_leaves_nothing_in_incoming_and_names_only_what_is_synced(
        self, store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_syncfs: bool
    ) -> None:
        (tmp_path / "file").write_bytes(b"1")
        synced: list[bool] = []

        def sync(_: int) -> int:
            synced.append(any((store.root / "objects").rglob("*/*/*/*")))
            return 0

        monkeypatch.setattr(durable, "_SYNCFS", sync if has_syncfs else None)
        monkeypatch.setattr(os, "fsync", sync)
        with store.batch() as batch:
            batch.put(b"1")
            batch.put_file(tmp_path / "file")
            batch.put(b"2")
        # Two contents before they have names, then their names.
        assert synced == ([False, True] if has_syncfs else [False, False, True, True])
        assert list((store.root / "incoming").iterdir()) == []
        path = store.root / object_path(store.put(b"2"))
        assert path.stat().st_mode & 0o777 == 0o444

    def test_a_batch_that_died_while_syncing_named_nothing(
        self, store: FolderStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def die(_: int) -> int:
            raise Died

        monkeypatch.setattr(durable, "_SYNCFS", die)
        with pytest.raises(Died), store.batch() as batch:
            batch.put(b"1")
        assert list(store.digests()) == []

    def test_a_ref_cannot_hide_others_below_it(self, store: FolderStore) -> None:
        store.put_ref("runs/1", b"x")
        with pytest.raises(InvalidDocument, match="runs/1/state"):
            store.put_ref("runs/1/state", b"y")
        assert store.get_ref("runs/1/state") is None
        store.delete_ref("runs/1/state")
        store.put_ref("runs/2/state", b"y")
        with pytest.raises(InvalidDocument, match="runs/2"):
            store.put_ref("runs/2", b"x")
        assert store.get_ref("runs/2") is None


def test_open_store_by_url_and_by_path(tmp_path: Path) -> None:
    folder = tmp_path / "with space and %"
    digest = FolderStore(folder).put(b"x")
    assert open_store(FolderStore(folder).url).get(digest) == b"x"
    assert open_store(str(folder)).get(digest) == b"x"


def test_other_schemes_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="ftp"):
        open_store("ftp://host/bucket")


def test_free_bytes_of_a_folder_not_made_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") > 0


def test_what_is_put_while_it_is_discarded_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The put comes at each step of the discarding: before the name is taken, after, and after the age was read."""
    for step in ("rename", "stat", "unlink"):
        store = FolderStore(tmp_path / step)
        digest = store.put(b"named again")
        os.utime(store.root / object_path(digest), (0, 0))
        put = []

        def meanwhile(real: Any, store: FolderStore = store, put: list[str] = put) -> Any:
            def act(*arguments: object, **named: object) -> object:
                if not put:
                    put.append("")
                    store.put(b"named again")
                return real(*arguments, **named)

            return act

        with monkeypatch.context() as patch:
            where = os if step == "rename" else Path
            patch.setattr(where, step, meanwhile(getattr(where, step)))
            store.discard(digest, kept_before=1e9)
        assert put == [""]
        assert store.get(digest) == b"named again"


def test_a_collector_that_died_gives_a_young_object_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore(tmp_path)
    digest = store.put(b"young")

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", die)
        with pytest.raises(Died):
            store.discard(digest, kept_before=1e12)
    assert not store.exists(digest)
    assert store.tidy(older_than=3600) == 0
    assert store.get(digest) == b"young"
