"""What a server, a network and a colleague can do to a store, done to it."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cut_proxy import CutProxy
from s3_server import S3Server
from small_release import items_in, seal

from cellcommons.canonical import sha256_hex
from cellcommons.errors import DigestMismatch, StoreUnusable
from cellcommons.release import open_release
from cellcommons.s3 import faults
from cellcommons.s3 import store as store_module
from cellcommons.s3.store import S3Store
from cellcommons.store import CHUNK, object_path

Make = Callable[..., S3Store]
ABSENT = "0" * 64


def unfinished(store: S3Store) -> list[str]:
    """Keys of uploads in parts that were begun below the store's prefix."""
    rows = store.client().list_multipart_uploads(Bucket=store.address.bucket).get("Uploads", ())
    return [row["Key"] for row in rows if row["Key"].startswith(store.address.prefix)]


def noise(path: Path, size: int, seed: int = 0) -> str:
    data = random.Random(seed).randbytes(size)
    path.write_bytes(data)
    return sha256_hex(data)


@pytest.fixture
def through(s3_server: S3Server, make_store: Make) -> Iterator[Callable[..., tuple[S3Store, CutProxy]]]:
    """``through(store, up=..., down=...)``: the same place by a way that breaks."""
    proxies = []

    def make(store: S3Store, *, attempts: int, **limits: int) -> tuple[S3Store, CutProxy]:
        proxy = CutProxy(s3_server.ports["s3"], **limits)
        proxies.append(proxy)
        prefix = store.address.prefix.rstrip("/")
        return make_store(prefix, endpoint=proxy.endpoint, attempts=attempts), proxy

    yield make
    for proxy in proxies:
        proxy.close()


def test_64_megabytes_in_parts(store: S3Store, tmp_path: Path) -> None:
    digest = noise(tmp_path / "large", 64 << 20)
    sent: list[str] = []
    store.client().meta.events.register("before-call.s3", lambda model, **_: sent.append(model.name))
    assert store.put_file(tmp_path / "large") == digest
    assert (sent.count("UploadPart"), sent.count("CompleteMultipartUpload"), sent.count("PutObject")) == (4, 1, 0)
    assert store.size(digest) == 64 << 20
    with store.open(digest) as handle:
        assert sha256_hex(b"".join(iter(lambda: handle.read(CHUNK), b""))) == digest
        # Few requests for a whole object: the range asked for grows.
        assert sent.count("GetObject") <= 10
        handle.seek((16 << 20) - 5)
        assert handle.read(10) == (tmp_path / "large").read_bytes()[(16 << 20) - 5 : (16 << 20) + 5]
    sent.clear()
    assert store.put_file(tmp_path / "large") == digest
    assert set(sent) == {"HeadObject"}  # is it there, and since when: nothing is sent again


def test_two_writers_of_one_large_object(make_store: Make, tmp_path: Path) -> None:
    digest = noise(tmp_path / "large", 20 << 20)
    one, two = make_store("two-writers"), make_store("two-writers")
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda store: store.put_file(tmp_path / "large"), (one, two))) == [digest, digest]
    assert list(one.digests()) == [digest]
    assert sha256_hex(two.get(digest)) == digest
    assert unfinished(one) == []


def test_a_name_is_given_once(store: S3Store) -> None:
    """A put of a name that is there changes nothing, even if what is there is damaged: repair is a decision."""
    digest = store.put(b"first")
    key = store.address.prefix + object_path(digest)
    store.client().put_object(Bucket=store.address.bucket, Key=key, Body=b"other")
    assert store.put(b"first") == digest
    with pytest.raises(DigestMismatch):
        store.get(digest)
    store.delete(digest)
    store.put(b"first")
    assert store.get(digest) == b"first"


@pytest.mark.parametrize("size", [1000, 17 << 20])
def test_bytes_that_change_on_the_way_get_no_name(store: S3Store, tmp_path: Path, size: int) -> None:
    """The server compares the sha256 with what arrives."""
    digest = noise(tmp_path / "file", size)

    def flip(params: dict, **_: object) -> None:
        params["body"] = b"?" + (params["body"] if isinstance(params["body"], bytes) else params["body"].read())[1:]

    for operation in ("PutObject", "UploadPart"):
        store.client().meta.events.register(f"before-call.s3.{operation}", flip)
    with pytest.raises(StoreUnusable, match="BadDigest"):
        store.put_file(tmp_path / "file")
    assert not store.exists(digest)
    assert unfinished(store) == []


def test_where_the_server_does_not_compare_the_object_is_read_back(store: S3Store) -> None:
    digest = sha256_hex(b"some cells")

    def flip(params: dict, **_: object) -> None:
        params["headers"].pop("x-amz-checksum-sha256")
        params["body"] = b"Some cells"

    events = store.client().meta.events
    events.register("before-call.s3.PutObject", flip)
    with pytest.raises(DigestMismatch, match="what arrived"):
        store.put(b"some cells")
    assert not store.exists(digest)
    events.unregister("before-call.s3.PutObject", flip)

    def forget(params: dict, **_: object) -> None:
        del params["headers"]["x-amz-checksum-sha256"]

    events.register("before-call.s3.PutObject", forget)
    assert store.put(b"some cells") == digest
    assert store.get(digest) == b"some cells"


def test_a_file_that_grows_while_it_is_kept(store: S3Store, tmp_path: Path) -> None:
    for size in (1 << 20, 17 << 20):
        path = tmp_path / str(size)
        noise(path, size)

        def grow(path: Path = path, **_: object) -> None:
            with path.open("ab") as file:
                file.write(b"more")

        # Between the digest and the sending: they are asked for first.
        store.client().meta.events.register("before-call.s3.HeadObject", grow, unique_id=path.name)
        with pytest.raises(DigestMismatch, match="changed"):
            store.put_file(path)
        store.client().meta.events.unregister("before-call.s3.HeadObject", unique_id=path.name)
    assert list(store.digests()) == []
    assert unfinished(store) == []


def test_reading_goes_on_where_the_way_broke(store: S3Store, through: Callable, tmp_path: Path) -> None:
    digest = noise(tmp_path / "file", 3 << 20)
    store.put_file(tmp_path / "file")
    cut, proxy = through(store, attempts=3, down=700_000)
    with cut.open(digest) as handle:
        assert sha256_hex(handle.read()) == digest
    assert proxy.cuts >= 4
    # Whole or nothing: here no attempt can come to its end.
    with pytest.raises(faults.EndpointDown):
        cut.get(digest)


def test_sending_is_tried_again_but_not_for_ever(store: S3Store, through: Callable) -> None:
    data = random.Random(1).randbytes(300_000)
    cut, proxy = through(store, attempts=2, up=100_000)
    with pytest.raises(faults.EndpointDown) as caught:
        cut.put(data)
    assert proxy.cuts == 2
    assert caught.value.where == cut.url
    assert list(store.digests()) == []


def test_the_server_is_killed_in_the_middle_of_an_upload(s3_server: S3Server, make_store: Make, tmp_path: Path) -> None:
    """Nothing acknowledged is lost, nothing half sent is seen, and the same put succeeds afterwards."""
    digest = noise(tmp_path / "large", 33 << 20)
    store = make_store("killed", attempts=1)
    kept = [store.put(bytes([number]) * 3000) for number in range(30)]
    store.put_ref("runs/1/state", b"kept")
    parts: list[int] = []

    def count(params: dict, **_: object) -> None:
        parts.append(1)
        if len(parts) == 2:
            s3_server.kill()

    store.client().meta.events.register("before-call.s3.UploadPart", count)
    try:
        with pytest.raises(faults.EndpointDown, match="does not answer"):
            store.put_file(tmp_path / "large")
    finally:
        s3_server.kill()
        s3_server.start()
    later = make_store("killed", attempts=4)
    assert not later.exists(digest)
    assert sorted(later.digests()) == sorted(kept)
    assert all(sha256_hex(later.get(name)) == name for name in kept)
    assert later.get_ref("runs/1/state") == b"kept"
    assert later.put_file(tmp_path / "large") == digest
    with later.open(digest) as handle:
        assert sha256_hex(handle.read()) == digest


def test_a_kill_while_many_write(s3_server: S3Server, make_store: Make) -> None:
    """Writers go on through a kill; every put that returned is there and whole, and nothing else has a name."""
    store = make_store("seeded", attempts=1)
    acknowledged: dict[str, bytes] = {}
    refused, stop = [], threading.Event()

    def write(seed: int) -> None:
        rng = random.Random(seed)
        while not stop.is_set():
            data = rng.randbytes(rng.choice((10, 4000, 400_000)))
            try:
                acknowledged[store.put(data)] = data
            except StoreUnusable as error:
                refused.append(error)
                time.sleep(0.05)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.5)
        s3_server.kill()
        s3_server.start()
        time.sleep(0.3)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert refused
    assert all(isinstance(error, faults.EndpointDown) for error in refused), refused
    later = make_store("seeded", attempts=4)
    found = set(later.digests())
    assert acknowledged.keys() <= found
    for digest in found:  # one more may be whole, its answer lost
        assert sha256_hex(later.get(digest)) == digest


def test_a_link_opens_one_object_for_a_while(store: S3Store) -> None:
    digest, other = store.put(b"linked"), store.put(b"not linked")
    link = store.link(digest, seconds=60)
    assert urllib.request.urlopen(link).read() == b"linked"
    asked = urllib.request.Request(link, headers={"Range": "bytes=2-3"})
    assert urllib.request.urlopen(asked).read() == b"nk"
    brief = store.link(digest, seconds=1)
    time.sleep(2.1)
    elsewhere = link.replace(object_path(digest), object_path(other))
    for refused in (elsewhere, link[:-4] + "0000", link.partition("?")[0], brief):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(refused)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(link, method="DELETE"))
    assert store.exists(digest)
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in link
    assert store.link(digest, seconds=60, endpoint="https://files.lab.org").startswith("https://files.lab.org/cells/")


def test_a_damaged_object_of_a_release_is_found_and_named(store: S3Store) -> None:
    release = seal(store, items_in(store, 2))
    assert open_release(store, release.digest).verify().count > 4
    member = [m for m in release.members() if m.role.startswith("image ") and ", file " in m.role][-1]
    key = store.address.prefix + object_path(member.sha256)
    data = bytearray(store.get(member.sha256))
    data[len(data) // 2] ^= 1
    store.client().put_object(Bucket=store.address.bucket, Key=key, Body=bytes(data))
    with pytest.raises(DigestMismatch, match="image ") as caught:
        open_release(store, release.digest).verify()
    assert caught.value.where == member.sha256


def test_a_forked_child_has_connections_of_its_own(store: S3Store) -> None:
    before = store.put(b"by the parent")
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=lambda n=n: store.get(store.put(bytes([n]) * 500))) for n in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert set(store.digests()) == {before, *(sha256_hex(bytes([n]) * 500) for n in range(3))}


def test_parts_that_a_killed_process_left_are_tidied_up(store: S3Store) -> None:
    digest = store.put(b"kept")
    key = store.address.prefix + object_path(ABSENT)
    store.client().create_multipart_upload(Bucket=store.address.bucket, Key=key)
    assert unfinished(store) == [key]
    assert store.tidy(older_than=3600) == 0
    assert store.tidy(older_than=-60) == 1
    assert unfinished(store) == []
    assert list(store.digests()) == [digest]


def test_many_names_are_listed_page_by_page(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PAGE", 10)
    with store.batch() as batch:
        digests = {batch.put(b"%d" % number) for number in range(45)}
    assert set(store.digests()) == digests
