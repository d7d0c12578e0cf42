"""Readings become a consensus, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from messages import Messages
from readings import add_reading, disks, open_campaign

from backend.annotation.models import Annotation, Item
from backend.consensus import services
from backend.consensus.evidence import Evidence
from backend.consensus.models import Consensus, ConsensusState, Disagreement, DisagreementState
from backend.consensus.selectors import latest_consensus, unfused_items
from backend.consensus.tasks import fuse_item
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from cellcommons.edits import inflate
from cellcommons.images.ome_zarr import read_labels
from cellcommons.store import ObjectStore

SHAPE = (96, 120)
PLACES = [(20, 20), (20, 60), (60, 30), (70, 90)]


def read_alike(item: Item, people: list[Person], count: int) -> list[Annotation]:
    return [
        add_reading(item, person, disks(SHAPE, PLACES, radius=8 + slot % 2), slot=slot)
        for slot, person in enumerate(people[:count], start=1)
    ]


def test_too_few_readings_make_no_consensus(item: Item, readers: list[Person]) -> None:
    read_alike(item, readers, 2)
    assert services.fuse_item(item_id=item.pk) is None
    assert not Consensus.objects.exists()


def test_enough_readings_settle_and_every_cell_resolves_to_the_readers_cells(
    item: Item, readers: list[Person], store: ObjectStore
) -> None:
    annotations = read_alike(item, readers, 3)
    fuse_item(str(item.pk))
    consensus = latest_consensus(item.pk)
    assert consensus is not None
    assert (consensus.revision, consensus.state, consensus.method) == (1, ConsensusState.SETTLED, "fusion")
    labels = read_labels(store, consensus.labels_sha256)
    assert labels.shape == SHAPE
    assert consensus.cells == len(PLACES) == int(np.count_nonzero(np.unique(labels)))
    assert consensus.agreement == pytest.approx(1.0)
    evidence = Evidence.load(store, consensus.cells_sha256)
    assert set(evidence.readings) == {str(annotation.pk) for annotation in annotations}
    drawn = {str(a.pk): read_labels(store, a.labels_sha256) for a in annotations}
    for cell in evidence.cells:
        assert len(cell.support) == 3
        assert 0.5 < cell.agreement <= 1
        y0, x0, y1, x1 = cell.box
        mine = labels[y0:y1, x0:x1] == cell.id
        assert np.count_nonzero(mine) == cell.area
        for support in cell.support:
            theirs = drawn[support.annotation][y0:y1, x0:x1] == support.cell
            assert np.count_nonzero(mine & theirs) > 0.5 * np.count_nonzero(mine)


def test_the_same_readings_give_no_new_revision(item: Item, readers: list[Person]) -> None:
    read_alike(item, readers, 3)
    first = services.fuse_item(item_id=item.pk)
    assert services.fuse_item(item_id=item.pk) == first
    assert Consensus.objects.count() == 1


def test_a_draft_counts_once_however_many_accept_it(item: Item, readers: list[Person]) -> None:
    """Two people took over a draft that misses a cell, one drew it: no majority of two, but a tie for an expert."""
    draft = disks(SHAPE, PLACES[:-1])
    first = add_reading(item, readers[0], draft, slot=1, independent=False)
    add_reading(item, readers[1], draft, slot=2, independent=False)
    assert services.fuse_item(item_id=item.pk) is None
    drawn = add_reading(item, readers[2], disks(SHAPE, PLACES), slot=3)
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert set(consensus.readings.all()) == {first, drawn}
    assert consensus.state == ConsensusState.DISPUTED
    assert services.fuse_item(item_id=item.pk) == consensus
    assert unfused_items(before=timezone.now()) == []


def test_a_draft_that_all_accept_stands(item: Item, readers: list[Person]) -> None:
    draft = disks(SHAPE, PLACES)
    for slot, person in enumerate(readers[:3], start=1):
        add_reading(item, person, draft, slot=slot, independent=False)
    assert unfused_items(before=timezone.now()) == [item.pk]
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (consensus.state, consensus.cells, consensus.readings.count()) == (ConsensusState.SETTLED, len(PLACES), 1)


def test_one_reading_passes_through_as_it_stands(
    dataset: Dataset, make_image: Callable[..., Image], readers: list[Person], store: ObjectStore
) -> None:
    item = open_campaign(dataset, [make_image(shape=SHAPE)], readings_needed=1).items.get()
    labels = disks(SHAPE, PLACES)
    labels[labels == 2] = 900
    annotation = add_reading(item, readers[0], labels, slot=1)
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (consensus.method, consensus.labels_sha256) == ("single", annotation.labels_sha256)
    cells = Evidence.load(store, consensus.cells_sha256).cells
    assert [(c.id, c.agreement, c.support[0].cell) for c in cells] == [(n, None, n) for n in (1, 3, 4, 900)]


def test_two_against_two_is_a_disagreement_and_a_later_reading_supersedes_it(
    dataset: Dataset, make_image: Callable[..., Image], readers: list[Person], make_person: Callable[..., Person]
) -> None:
    item = open_campaign(dataset, [make_image(shape=SHAPE)], readings_needed=4).items.get()
    for slot, person in enumerate(readers, start=1):
        add_reading(item, person, disks(SHAPE, PLACES if slot > 2 else PLACES[:3]), slot=slot)
    first = services.fuse_item(item_id=item.pk)
    assert first is not None
    assert first.state == ConsensusState.DISPUTED
    assert first.cells == 3
    disagreement = Disagreement.objects.get()
    assert disagreement.kind == "existence"
    y0, x0, y1, x1 = disagreement.box
    assert y0 <= 70 < y1
    assert x0 <= 90 < x1
    options = {option["cells"]: option for option in disagreement.options}
    assert set(options) == {0, 1}
    assert all(len(option["readings"]) == 2 for option in options.values())
    assert np.count_nonzero(inflate(options[1]["labels"], (y1 - y0, x1 - x0))) > 150

    Item.objects.filter(pk=item.pk).update(readings_needed=5)
    add_reading(item, make_person("eve"), disks(SHAPE, PLACES), slot=5)
    second = services.fuse_item(item_id=item.pk)
    assert second is not None
    assert (second.revision, second.state, second.cells) == (2, ConsensusState.SETTLED, 4)
    disagreement.refresh_from_db()
    assert disagreement.state == DisagreementState.SUPERSEDED


def test_a_reading_that_comes_in_while_fusing_is_fused_too(
    item: Item, readers: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_alike(item, readers, 3)
    fuse, calls = services._fuse_readings, []

    def fuse_and_receive(*args: Any) -> Any:
        draft = fuse(*args)
        if not calls:
            Item.objects.filter(pk=item.pk).update(readings_needed=4)
            add_reading(item, readers[3], disks(SHAPE, PLACES), slot=4)
        calls.append(args)
        return draft

    monkeypatch.setattr(services, "_fuse_readings", fuse_and_receive)
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (len(calls), consensus.revision, consensus.readings.count()) == (2, 1, 4)


def test_the_sweep_asks_again_for_what_was_lost(
    item: Item, readers: list[Person], django_capture_on_commit_callbacks: Any, sent: Messages
) -> None:
    read_alike(item, readers, 3)
    with django_capture_on_commit_callbacks(execute=True):
        assert services.sweep_consensus() == 0  # just submitted: its own message is on the way
    # The rows are append-only, so time passes for the sweep instead.
    later = timezone.now() + timedelta(minutes=5)
    with pytest.MonkeyPatch.context() as patch, django_capture_on_commit_callbacks(execute=True):
        patch.setattr(services.timezone, "now", lambda: later)
        assert services.sweep_consensus() == 1
    assert sent() == [("consensus.fuse_item", [str(item.pk)])]
    services.fuse_item(item_id=item.pk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services.timezone, "now", lambda: later)
        assert services.sweep_consensus() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consensus_consensus SET cells = 0",
        "DELETE FROM consensus_consensus_readings",
        "UPDATE consensus_disagreement SET box = '[0,0,1,1]'",
        "UPDATE consensus_disagreement SET options = '[]'",
        "DELETE FROM consensus_disagreement",
    ],
)
def test_postgres_refuses_to_change_what_was_fused(
    dataset: Dataset, make_image: Callable[..., Image], readers: list[Person], statement: str
) -> None:
    item = open_campaign(dataset, [make_image(shape=SHAPE)], readings_needed=2).items.get()
    for slot, person in enumerate(readers[:2], start=1):
        add_reading(item, person, disks(SHAPE, PLACES[:slot]), slot=slot)
    services.fuse_item(item_id=item.pk)
    assert Disagreement.objects.exists()
    with pytest.raises(DatabaseError, match=r"append-only|changes its state only"), transaction.atomic():
        connection.cursor().execute(statement)
