"""What anything names stays; what nothing names goes when it is old."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models

from backend.core import garbage
from backend.core.errors import WrongState
from backend.core.garbage import HEX, collect_garbage, digest_columns, mark
from backend.imaging.models import Image
from backend.modelzoo import services
from backend.modelzoo.models import ModelCard, TrainingRun, Weights
from backend.modelzoo.services.runs import run_ref
from backend.people.models import Person
from backend.releases.models import Release, ReleaseObject
from backend.releases.services import withdraw_release
from cellcommons.errors import DigestMismatch
from cellcommons.orders import TrainingOrder
from cellcommons.release import open_release
from cellcommons.store import FolderStore, ObjectStore, StoredObject, object_path
from cellcommons.tree import load_tree

DAY = 86_400.0
GRACE = 30 * DAY


def age(store: ObjectStore, *digests: str) -> None:
    """Make objects as old as can be; all of them if none is named."""
    assert isinstance(store, FolderStore)
    for digest in digests or list(store.digests()):
        os.utime(store.root / object_path(digest), (0, 0))


def collect(store: ObjectStore, *, dry_run: bool = False) -> garbage.Collected:
    return collect_garbage(store, grace_seconds=GRACE, dry_run=dry_run)


@pytest.fixture
def card(training: TrainingRun, training_report: Callable[..., Any], store: ObjectStore) -> ModelCard:
    """A hub that went round the loop: images, readings, consensus, release, run, card."""
    report = training_report(training)
    services.accept_report(kind="training", run_id=str(training.pk), report_sha256=report.save(store))
    return ModelCard.objects.get()


def test_one_collection_at_a_time(db: None, store: ObjectStore) -> None:
    """Two would take from one another what each put aside to look at."""
    digest = store.put(b"nobody names this")
    age(store, digest)
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [garbage._COLLECTING])
        with pytest.raises(WrongState, match="under way"):
            collect(store)
        other.execute("SELECT pg_advisory_unlock_all()")
    assert store.exists(digest)
    assert collect(store).deleted == 1
    assert collect(store).deleted == 0


def test_every_field_that_can_hold_a_digest_is_looked_at() -> None:
    """Whatever model is added: by the name of its field or by its type."""
    looked_at = set(digest_columns())
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.managed:
            continue  # a view of rows that are looked at
        for field in model._meta.local_concrete_fields:
            digestlike = getattr(field, "max_length", None) == 64 or "sha256" in field.name
            if digestlike or isinstance(field, models.JSONField | models.TextField):
                assert (model._meta.db_table, field.column) in looked_at, f"{model.__name__}.{field.name}"
    names = {f.name for m in apps.get_models() for f in m._meta.local_concrete_fields if "sha256" in f.name}
    assert len(names) >= 10


def test_what_the_hub_holds_stays_and_can_be_read(card: ModelCard, store: ObjectStore, release: Release) -> None:
    kept = {found.digest: found.size for found in store.listing()}
    garbage_of_ours = store.put(b"nobody names this")
    run = card.training_run
    age(store)
    done = collect(store)
    assert [found.digest for found in done.unnamed] == [garbage_of_ours]
    assert (done.deleted, done.spared, done.named, done.young) == (1, 0, len(kept), 0)
    assert {found.digest: found.size for found in store.listing()} == kept
    # And each by its own way, not by the collector's word.
    open_release(store, release.manifest_sha256).verify()
    assert set(ReleaseObject.objects.values_list("sha256", flat=True)) <= set(kept)
    for image in Image.objects.all():
        assert store.get(image.original_sha256)
        assert store.get(image.preview_sha256)
        assert all(store.get(entry.sha256) is not None for entry in load_tree(store, image.tree_sha256).entries)
    for score in card.images:
        assert store.get(score["picture"])
        assert load_tree(store, score["labels"]).entries
    assert store.get(card.checkpoint_sha256)
    TrainingOrder.load(store, run.order_sha256)
    assert store.get(run.report_sha256)


def test_every_sha256_in_a_row_is_marked(card: ModelCard, store: ObjectStore) -> None:
    """Field by field, read through Django and not by the collector's SQL."""
    marked, seen = mark(store), 0
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if "sha256" in field.name or isinstance(field, models.JSONField):
                for value in model._base_manager.values_list(field.name, flat=True):
                    names = {m.group().decode() for m in HEX.finditer(json.dumps(value).encode())}
                    assert names <= marked, f"{model.__name__}.{field.name}"
                    seen += len(names)
    assert seen > 50


def test_a_withdrawn_release_keeps_its_objects(release: Release, curator: Person, store: ObjectStore) -> None:
    withdraw_release(release_id=release.pk, person=curator, reason="wrong licence")
    age(store)
    collect(store)
    open_release(store, release.manifest_sha256).verify()


def test_the_manifest_alone_marks_all_of_it(release: Release, store: ObjectStore) -> None:
    """By its indexes and trees, so that what an order names is kept even where no row says so."""
    needed = {digest for digest, _ in open_release(store, release.manifest_sha256).objects()}
    assert needed <= garbage.trace(store, {release.manifest_sha256})


def test_what_a_run_saved_stays_until_it_is_finished(training: TrainingRun, store: ObjectStore) -> None:
    state, report = store.put(b"half trained"), store.put(b"a report nobody accepted yet")
    store.put_ref(run_ref(training.pk, "state"), state.encode())
    store.put_ref(run_ref(training.pk, "report"), report.encode())
    age(store)
    collect(store)
    assert store.exists(state)
    assert store.exists(report)
    TrainingRun.objects.update(state="finished")
    assert collect(store).deleted == 2


def test_what_is_young_stays_and_a_dry_run_deletes_nothing(store: ObjectStore, release: Release) -> None:
    old, young = store.put(b"old"), store.put(b"an upload under way")
    age(store, old)
    would = collect(store, dry_run=True)
    assert ([found.digest for found in would.unnamed], would.deleted) == ([old], 0)
    assert would.young >= 1
    assert store.exists(old)
    assert collect(store).freed_bytes == len(b"old")
    assert store.exists(young)
    assert not store.exists(old)


def test_what_comes_into_use_while_the_collector_runs_survives(
    store: ObjectStore, release: Release, curator: Person
) -> None:
    """One gets a row after the first marking, one is put again by an upload that found it there; one is garbage."""
    by_row, by_put, unnamed = (store.put(word) for word in (b"row", b"put", b"nothing"))
    age(store, by_row, by_put, unnamed)

    class Meanwhile(FolderStore):
        def listing(self) -> Iterator[StoredObject]:
            yield from list(super().listing())
            Weights.objects.create(sha256=by_row, name="w", bytes=3, tensors=1, uploaded_by=curator)
            self.put(b"put")

    done = collect(Meanwhile(store.root))  # type: ignore[attr-defined]
    assert (done.deleted, done.spared) == (1, 2)
    assert store.exists(by_row)
    assert store.exists(by_put)
    assert not store.exists(unnamed)


def test_nothing_goes_while_a_named_document_is_damaged(store: ObjectStore, release: Release) -> None:
    image = Image.objects.first()
    assert image is not None
    assert isinstance(store, FolderStore)
    path = store.root / object_path(image.tree_sha256)
    path.chmod(0o644)
    path.write_bytes(b'{"entries":[]}')
    old = store.put(b"old")
    age(store)
    with pytest.raises(DigestMismatch):
        collect(store)
    assert store.exists(old)


def test_the_command(store: ObjectStore, release: Release) -> None:
    old = store.put(b"old" * 100)
    age(store, old)

    def run(*arguments: str) -> str:
        out = io.StringIO()
        call_command("gc", *arguments, stdout=out)
        return out.getvalue()

    assert old in run("--dry-run")
    told = json.loads(run("--dry-run", "--json", "--grace", "7").splitlines()[-1])
    assert (told["objects"], told["unnamed_bytes"], told["deleted"]) == ([old], 300, 0)
    for bad in ("0", "-1", "nan", "x"):
        with pytest.raises(CommandError, match="1 or more"):
            run("--grace", bad)
    assert "1 objects of 300 bytes are gone" in run()
    told = json.loads(run("--json").splitlines()[-1])
    assert (told["unnamed"], told["deleted"], told["dry_run"]) == (0, 0, False)
