"""Somebody puts an object again while a collector discards it: whatever the order of their requests, it is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cellcommons.canonical import sha256_hex
from cellcommons.s3.discarding import ASIDE, INCOMING, RENEWED
from cellcommons.s3.store import ASK_FIRST, S3Store

# Requests of a collector: look, copy aside, delete, look for the mark, give back or not, forget the copy. And one more.
STEPS = range(7)
SIZES = (9, ASK_FIRST + 9)


class Stepped(S3Store):
    """A store that calls ``between`` before its n-th request, and never again."""

    def __init__(self, store: S3Store, step: int, between: Callable[[], object]) -> None:
        super().__init__(store.address, attempts=2, timeout=20)
        self._left, self._between = step, between

    def client(self, *arguments: Any, **named: Any) -> Any:
        if self._left == 0:
            self._left = -1
            self._between()
        self._left -= 1
        return super().client(*arguments, **named)


@pytest.fixture
def aged(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[bytes]], float]:
    """Puts these, lets them grow old by what renewal and the grace then mean, and gives the time of the grace."""
    monkeypatch.setattr("cellcommons.s3.upload.YOUNG", 1.0)

    def put(payloads: list[bytes]) -> float:
        for data in payloads:
            store.put(data)
        time.sleep(3.1)  # the bucket counts whole seconds
        return time.time() - 1.5

    return put


def payload(step: int, size: int) -> bytes:
    return (f"step {step} " * size).encode()[:size]


def test_a_put_between_any_two_requests_of_a_collector(store: S3Store, aged: Callable[[list[bytes]], float]) -> None:
    cases = [payload(step, size) for size in SIZES for step in STEPS]
    before = aged(cases)
    gone = []
    for data, step in zip(cases, [step for _ in SIZES for step in STEPS], strict=True):
        collector = Stepped(store, step, lambda data=data: S3Store(store.address).put(data))
        gone.append(collector.discard(sha256_hex(data), kept_before=before))
        put_at_all = collector._left < 0
        assert store.exists(sha256_hex(data)) == put_at_all, f"a put before request {step}"
    assert True in gone
    assert False in gone
    assert not waiting(store, ASIDE)


def test_a_collector_between_any_two_requests_of_a_put(store: S3Store, aged: Callable[[list[bytes]], float]) -> None:
    cases = [(payload(step, size), step) for size in SIZES for step in range(6)]
    before = aged([data for data, _ in cases])
    for data, step in cases:
        digest = sha256_hex(data)
        writer = SteppedPut(
            store, step, lambda digest=digest: S3Store(store.address).discard(digest, kept_before=before)
        )
        assert writer.put(data) == digest
        assert store.get(digest) == data, f"a collector before request {step}"


class SteppedPut(S3Store):
    """A store whose puts are interrupted before the n-th call of boto3 itself."""

    def __init__(self, store: S3Store, step: int, between: Callable[[], object]) -> None:
        super().__init__(store.address, attempts=2, timeout=20)
        self._left, self._between = step, between

    def client(self, *arguments: Any, **named: Any) -> Any:
        return Counting(super().client(*arguments, **named), self)

    def count(self) -> None:
        if self._left == 0:
            self._left = -1
            self._between()
        self._left -= 1


class Counting:
    """boto3's client, each call announced."""

    def __init__(self, client: Any, owner: SteppedPut) -> None:
        self._client, self._owner = client, owner

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def announced(*given: Any, **arguments: Any) -> Any:
            self._owner.count()
            return call(*given, **arguments)

        return announced


def test_writers_and_a_collector_at_once(store: S3Store, aged: Callable[[list[bytes]], float]) -> None:
    cases = [payload(number, 40) for number in range(24)]
    before = aged(cases)

    def put_all() -> None:
        writer = S3Store(store.address)
        for data in cases:
            writer.put(data)

    threads = [threading.Thread(target=put_all) for _ in range(2)]
    for thread in threads:
        thread.start()
    for data in cases:
        store.discard(sha256_hex(data), kept_before=before)
    for thread in threads:
        thread.join()
    assert [data for data in cases if not store.exists(sha256_hex(data))] == []


def test_what_a_dead_collector_put_aside_is_given_back(store: S3Store, aged: Callable[[list[bytes]], float]) -> None:
    before = aged([b"wanted after all", b"unwanted"])

    def die() -> None:
        raise KeyboardInterrupt

    for data in (b"wanted after all", b"unwanted"):
        with pytest.raises(KeyboardInterrupt):
            Stepped(store, 3, die).discard(sha256_hex(data), kept_before=before)
    assert not store.exists(sha256_hex(b"wanted after all"))
    store.tidy(older_than=60)
    assert store.get(sha256_hex(b"wanted after all")) == b"wanted after all"
    assert store.exists(sha256_hex(b"unwanted")), "it is young again, and goes with a later collection"
    assert not waiting(store, ASIDE)


def test_marks_are_forgotten_with_time(store: S3Store, aged: Callable[[list[bytes]], float]) -> None:
    aged([b"renewed"])
    store.put(b"renewed")
    assert waiting(store, RENEWED) == [sha256_hex(b"renewed")]
    store.tidy(older_than=60)
    assert waiting(store, RENEWED)
    time.sleep(2.1)
    store.tidy(older_than=1)
    assert not waiting(store, RENEWED)


def waiting(store: S3Store, kind: str) -> list[str]:
    """Digests that notes of this kind lie about."""
    begin = f"{store.address.prefix}{INCOMING}{kind}"
    answer = store.client().list_objects_v2(Bucket=store.address.bucket, Prefix=begin)
    return [row["Key"][len(begin) :] for row in answer.get("Contents", ())]
