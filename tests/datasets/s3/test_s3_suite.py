"""The bucket passes the suite that the folder passes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cut_proxy import CutProxy
from s3_server import S3Server

from cellcommons.errors import StoreUnusable
from cellcommons.s3.store import ASK_FIRST, S3Store
from cellcommons.s3.upload import PART
from cellcommons.store import FolderStore, ObjectStore, object_path
from cellcommons.testing.store_suite import StoreSuite


class TestS3Store(StoreSuite):
    @pytest.fixture
    def store(self, make_store: Callable[..., S3Store]) -> ObjectStore:
        return make_store()

    @pytest.fixture
    def make_empty(self, make_store: Callable[..., S3Store]) -> Callable[[], ObjectStore]:
        return make_store

    @pytest.fixture(autouse=True)
    def _server(self, s3_server: S3Server) -> None:
        self.server = s3_server

    def corrupt(self, store: ObjectStore, digest: str, data: bytes) -> None:
        assert isinstance(store, S3Store)
        key = store.address.prefix + object_path(digest)
        store.client().put_object(Bucket=store.address.bucket, Key=key, Body=data)

    def crash_during_put(self, store: ObjectStore, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        # To the server it is the same whether a process or its connection ends: half of the bytes came.
        assert isinstance(store, S3Store)
        proxy = CutProxy(self.server.ports["s3"], up=len(data) // 2)
        prefix = store.address.prefix.rstrip("/")
        cut = S3Store(self.server.address(prefix, endpoint=proxy.endpoint), attempts=1)
        with pytest.raises(StoreUnusable, match="does not answer"):
            cut.put(data)
        assert proxy.cuts == 1
        proxy.close()

    def reopened(self, store: ObjectStore) -> ObjectStore:
        return S3Store(store.url)


def test_a_folder_is_moved_into_a_bucket_by_copying_its_files(store: S3Store, tmp_path: Path) -> None:
    folder = FolderStore(tmp_path / "folder")
    digests = [folder.put(b"one"), folder.put(b"two")]
    folder.put_ref("runs/1/state", b"done")
    for path in (path for name in ("objects", "refs") for path in (folder.root / name).rglob("*") if path.is_file()):
        key = store.address.prefix + path.relative_to(folder.root).as_posix()
        store.client().upload_file(str(path), store.address.bucket, key)
    assert sorted(store.digests()) == sorted(digests)
    assert [store.get(digest) for digest in digests] == [b"one", b"two"]
    assert store.get_ref("runs/1/state") == b"done"


@pytest.mark.parametrize("size", [10, ASK_FIRST + 1, PART + 1])
def test_what_is_put_again_is_young_again(store: S3Store, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this a collector could take what an upload has just found to be there already."""
    data = b"x" * size
    digest = store.put(data)
    (before,) = store.listing()
    time.sleep(1.1)  # the bucket counts whole seconds
    store.put(data)
    assert list(store.listing()) == [before]
    monkeypatch.setattr("cellcommons.s3.upload.YOUNG", 0.5)
    store.put(data)
    (after,) = store.listing()
    assert after.kept_at > before.kept_at
    assert not store.discard(digest, kept_before=after.kept_at)
    assert store.get(digest) == data
