"""Objects that nothing names: found by marking from all that does, and deleted once they are old.

Roots are all 64-digit hex names in the database (every text and JSON column of every table, so that no model can be
forgotten) and in the refs of the object store that apps register. From there each tree, document and parquet index is
read for what it names in turn. Whatever is not named, and was not put for the length of the grace, goes.

Safe beside a hub at work: what is put, or put again, is young; what is named by then in a row is seen by the second
marking, after the candidates are known; and a store discards nothing that became young meanwhile.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from django.apps import apps
from django.db import connection, models, transaction

from backend.core.errors import WrongState
from cellcommons.errors import NotFound
from cellcommons.object_store import ObjectStore, StoredObject
from cellcommons.tree import FORMAT, parse_tree

HEX = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_IN_POSTGRES = "(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"
_AT_ONCE = 8
_COLLECTING = 0x6763  # of the advisory lock
_PEEK = 4
_NAMING = re.compile(r"\d{5,}|indexes/.+\.parquet")

_REFS: list[Callable[[], Iterable[str]]] = []


def register_refs(names: Callable[[], Iterable[str]]) -> None:
    """Let the collector ask ``names`` for refs that may name objects; apps register in ``AppConfig.ready``."""
    _REFS.append(names)


@dataclass(frozen=True)
class Collected:
    """What a collection found and did.

    Attributes:
        named, young: objects that stay, because something names them, or because they were put within the grace.
        unnamed: the others, which go. deleted: those of them that went; none in a dry run.
        spared: those that were named or put again while the collector ran.
        broken_puts: leftovers of puts that broke off, removed too.
    """

    named: int
    young: int
    unnamed: tuple[StoredObject, ...]
    deleted: int
    freed_bytes: int
    spared: int
    broken_puts: int


def collect_garbage(store: ObjectStore, *, grace_seconds: float, dry_run: bool) -> Collected:
    """Delete the objects that nothing names and that are older than the grace; a dry run only finds them.

    Raises:
        DigestMismatch: a document that is named is damaged, so what it names is not known: nothing
            is deleted.
        StoreUnusable: the store.
        WrongState: another collection is under way.
    """
    with _alone():
        return _collect(store, grace_seconds=grace_seconds, dry_run=dry_run)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the database's word for it that nobody else collects. Raises WrongState."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_COLLECTING])
        if not cursor.fetchone()[0]:
            raise WrongState("another collection is under way", where="gc", remedy="Wait until it is done.")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_COLLECTING])


def _collect(store: ObjectStore, *, grace_seconds: float, dry_run: bool) -> Collected:
    kept_before = time.time() - grace_seconds
    marked = mark(store)
    named = young = 0
    unnamed = []
    for found in store.listing():
        if found.digest in marked:
            named += 1
        elif found.kept_at >= kept_before:
            young += 1
        else:
            unnamed.append(found)
    if dry_run or not unnamed:
        broken = 0 if dry_run else store.tidy(older_than=grace_seconds)
        return Collected(named, young, tuple(unnamed), 0, 0, 0, broken)
    # Again, now that the candidates are known: a row may have named one without putting it.
    marked = mark(store)
    deleted = freed = spared = 0
    for found in unnamed:
        if found.digest not in marked and store.discard(found.digest, kept_before=kept_before):
            deleted, freed = deleted + 1, freed + found.size
        else:
            spared += 1
    return Collected(named, young, tuple(unnamed), deleted, freed, spared, store.tidy(older_than=grace_seconds))


def mark(store: ObjectStore) -> set[str]:
    """Every digest that is named, from the refs and the database on."""
    # Refs first: what a ref names moves on into a row, never back.
    roots = {name for value in _ref_values(store) for name in _hex(value)}
    return trace(store, roots | digests_in_database())


def digest_columns() -> list[tuple[str, str]]:
    """``(table, column)`` of every column that can hold a digest: text and JSON of all models."""
    found = []
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            for field in model._meta.local_concrete_fields:
                if isinstance(field, (models.CharField, models.TextField, models.JSONField, models.FileField)):
                    found.append((model._meta.db_table, field.column))
    return found


def digests_in_database() -> set[str]:
    """Every 64-digit hex name in any of these columns, as of one moment."""
    found: set[str] = set()
    quote = connection.ops.quote_name
    nested = connection.in_atomic_block  # then the moment is that of whoever began the transaction
    with transaction.atomic(), connection.cursor() as cursor:
        if not nested:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for table, column in digest_columns():
            cursor.execute(
                f"SELECT DISTINCT m[1] FROM {quote(table)}, regexp_matches({quote(column)}::text, %s, 'g') AS m",
                [_IN_POSTGRES],
            )
            found.update(row[0] for row in cursor)
    return found


def trace(store: ObjectStore, roots: Iterable[str]) -> set[str]:
    """``roots`` and all that they lead to: files of trees, names in JSON documents and in parquet tables.

    A name that no object has (a hash of something else, an object that was never kept) leads nowhere.
    """
    marked, leaves = set(roots), set[str]()
    waiting = sorted(marked)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="gc") as pool:
        while waiting:
            following: set[str] = set()
            for files, documents in pool.map(lambda digest: _named_by(store, digest), waiting):
                leaves |= files
                following |= documents
            waiting = sorted(following - marked)
            marked |= following
    return marked | leaves


def _named_by(store: ObjectStore, digest: str) -> tuple[set[str], set[str]]:
    """``(files of a tree, which name nothing; other names)`` in one object."""
    try:
        with store.open(digest) as handle:
            begin = handle.read(_PEEK)
            if begin == b"PAR1":
                return set(), _names_in_parquet(handle)
        if not begin.startswith((b"{", b"[")):
            return set(), set()
        data = store.get(digest)
    except NotFound:
        return set(), set()
    with suppress(ValueError):
        document = json.loads(data)
        if isinstance(document, dict) and document.get("format") == FORMAT:
            entries = parse_tree(data, where=digest).entries
            # A release's parts are trees of tables and of such trees; the files of an image name nothing.
            naming = {entry.sha256 for entry in entries if _NAMING.fullmatch(entry.path)}
            return {entry.sha256 for entry in entries} - naming, naming
    return set(), set(_hex(data))


def _names_in_parquet(handle: BinaryIO) -> set[str]:
    """Names in the text columns of a table; pixels in it are not read. What cannot be read is no table of ours."""
    handle.seek(0)
    found: set[str] = set()
    with suppress(pa.ArrowException):
        file = pq.ParquetFile(handle)
        columns = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        for batch in file.iter_batches(columns=columns):
            for column in batch.columns:
                found.update(name for text in column.unique().to_pylist() if text for name in _hex(text.encode()))
    return found


def _hex(data: bytes) -> Iterator[str]:
    return (match.group().decode() for match in HEX.finditer(data))


def _ref_values(store: ObjectStore) -> Iterator[bytes]:
    for names in _REFS:
        for name in names():
            value = store.get_ref(name)
            if value is not None:
                yield value
