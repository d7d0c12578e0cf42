"""Garbage collection in a bucket: S3 deletes on no condition of age, so what goes is kept aside until that is settled.

A collector copies the object aside, deletes it, and only then looks for a mark; whoever puts an object that is there,
and is old, leaves a mark before they renew it (``Target.renew``). So either the collector sees the mark and brings the
object back, or the renewal finds it gone and it is put anew. One collector at a time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cellcommons.object_names import is_digest
from cellcommons.s3.faults import explained

if TYPE_CHECKING:
    from cellcommons.s3.store import S3Store

INCOMING, ASIDE, RENEWED = "incoming/", "discarded-", "renewed-"


def note_of(store: S3Store, kind: str, digest: str) -> str:
    """The key of what is noted of an object, beside the objects."""
    return f"{store.address.prefix}{INCOMING}{kind}{digest}"


def discard(store: S3Store, digest: str, *, kept_before: float) -> bool:
    """See ``ObjectStore.discard``."""
    key, aside = store.key_of(digest), note_of(store, ASIDE, digest)
    head = store.head(key)
    if head is None or head["LastModified"].timestamp() >= kept_before:
        return False
    _copy(store, key, aside)
    store.delete(digest)
    mark = store.head(note_of(store, RENEWED, digest))
    wanted = mark is not None and mark["LastModified"].timestamp() >= kept_before
    if wanted:
        _copy(store, aside, key)
    store.ask("delete_object", Key=aside)
    return not wanted


def tidy_discarded(store: S3Store, *, older_than: float) -> None:
    """Give back what a collector that died had put aside: it is young again then. Forget old marks."""
    begin = f"{store.address.prefix}{INCOMING}"
    with explained(store.url):
        pages = store.client().get_paginator("list_objects_v2").paginate(Bucket=store.address.bucket, Prefix=begin)
        found = [(row["Key"], row["LastModified"].timestamp()) for page in pages for row in page.get("Contents", ())]
    for key, noted_at in found:
        kind, digest = key[len(begin) : -64], key[-64:]
        if not is_digest(digest) or kind not in (ASIDE, RENEWED):
            continue
        if kind == ASIDE and not store.exists(digest):
            _copy(store, key, store.key_of(digest))
        if kind == ASIDE or noted_at < time.time() - older_than:
            store.ask("delete_object", Key=key)


def _copy(store: S3Store, source: str, target: str) -> None:
    """Within the bucket, of any size."""
    place = {"Bucket": store.address.bucket, "Key": source}
    with explained(store.url):
        store.client().copy(place, store.address.bucket, target)
