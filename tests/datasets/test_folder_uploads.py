"""Uploads into a folder pass the suite; parts are durable before they count."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from cellcommons.canonical import sha256_hex
from cellcommons.errors import DiskFull
from cellcommons.object_uploads import part_size_of
from cellcommons.store import FolderStore, ObjectStore
from cellcommons.testing.upload_suite import SHORT, UploadSuite, by_receive


class Died(BaseException):
    """Stands for kill -9."""


class TestFolderUploads(UploadSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return FolderStore(tmp_path / "store")

    def reopened(self, store: ObjectStore) -> ObjectStore:
        assert isinstance(store, FolderStore)
        return FolderStore(store.root)

    def test_a_part_counts_only_when_the_disk_has_it(self, store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
        upload = self.begin(store, SHORT)

        def die(_: int) -> None:
            raise Died

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", die)
            with pytest.raises(Died):
                by_receive(store, upload, 1, SHORT)
        assert store.uploads().parts(upload) == set()

    def test_death_while_it_is_put_together_loses_no_part(
        self, store: FolderStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = self.begin(store, SHORT)
        by_receive(store, upload, 1, SHORT)

        def die(*_: object) -> None:
            raise Died

        for place in ("fsync", "replace", "chmod"):
            with monkeypatch.context() as patch:
                patch.setattr(os, place, die)
                with pytest.raises(Died):
                    store.uploads().finish(upload)
            assert list(store.digests()) == []
        assert store.uploads().finish(upload) == upload.sha256

    def test_a_disk_without_room_is_told_before_anything_is_sent(
        self, store: FolderStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 90, 10))
        with pytest.raises(DiskFull, match="10 are free"):
            store.uploads().begin(11, sha256_hex(SHORT))
        store.uploads().begin(10, sha256_hex(SHORT))


def test_sizes_of_parts() -> None:
    assert part_size_of(1) == part_size_of(70 << 30) == 8 << 20
    assert part_size_of(1 << 40) == 117 << 20
    assert -(-(5 << 40) // part_size_of(5 << 40)) <= 9000
