"""Fuse readings into a consensus, and let experts settle what the readings could not."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.utils import timezone

from backend.annotation.models import Annotation, Item
from backend.consensus.evidence import Evidence, fused_evidence, settled_evidence, single_evidence
from backend.consensus.models import Adjudication, Consensus, ConsensusState, Disagreement, DisagreementState
from backend.consensus.selectors import (
    counted_readings,
    latest_consensus,
    unfinished_consensuses,
    unfused_items,
)
from backend.core.dispatch import dispatch
from backend.core.errors import WrongState
from backend.core.storage import object_store
from backend.imaging.models import Image
from backend.people.models import Person
from cellcommons.axes import PixelSize
from cellcommons.edits import deflate, inflate
from cellcommons.errors import InvalidDocument
from cellcommons.fusion.instances import apply_settlement, fuse_instances
from cellcommons.images.ome_zarr import read_labels, write_labels
from cellcommons.labels import Labels

SINGLE, FUSION, ADJUDICATED = "single", "fusion", "fusion+adjudication"
_TRIES = 3
_LOST = timedelta(seconds=60)


@dataclass(frozen=True)
class _Draft:
    """A consensus computed but not yet recorded."""

    labels_sha256: str
    cells_sha256: str
    cells: int
    agreement: float
    method: str
    regions: tuple[dict[str, object], ...] = ()


def fuse_item(*, item_id: uuid.UUID | str) -> Consensus | None:
    """Bring an item's consensus up to its readings; None while there are fewer than its campaign asks for.

    The same readings give no new revision, so it may be called any number of times. Arrays are read and fused before
    the item is locked; if a reading came in meanwhile, it fuses again.
    """
    for _ in range(_TRIES):
        item = Item.objects.select_related("image").get(pk=item_id)
        readings = counted_readings(item_id)
        if item.readings_done < item.readings_needed:
            return None
        latest = latest_consensus(item_id)
        if latest is not None and _is_made_of(latest, readings):
            return latest
        draft = _fuse_readings(item.image, readings)
        if (consensus := _record_fusion(item_id=item.pk, readings=readings, draft=draft)) is not None:
            return consensus
    # Readings keep coming in: the last of them has asked for a fusion of its own.
    return latest_consensus(item_id)


def settle_disagreement(
    *,
    disagreement_id: uuid.UUID | str,
    person: Person,
    option: int | None = None,
    nothing: bool = False,
    labels: str | None = None,
) -> Adjudication:
    """Record an expert's decision: an option by index, nothing there, or labels drawn anew (base64 of the pixels).

    The last decision on an image asks a worker for the settled consensus.

    Raises:
        InvalidDocument: not exactly one of the three, no such option, or labels that do not fill the box.
        WrongState: settled before, or superseded by a later reading.
    """
    disagreement = Disagreement.objects.select_related("consensus").get(pk=disagreement_id)
    where = f"disagreement {disagreement.pk}"
    if (option is not None) + nothing + (labels is not None) != 1:
        raise InvalidDocument("give exactly one of option, nothing and labels", where=where)
    chosen = _chosen_labels(disagreement, option, labels, where)
    readers = disagreement.consensus.readings.values_list("person_id", flat=True)
    with transaction.atomic():
        Item.objects.select_for_update(no_key=True).get(pk=disagreement.item_id)
        disagreement.refresh_from_db()
        if disagreement.state != DisagreementState.OPEN:
            raise WrongState(
                f"the disagreement is {disagreement.state} and takes no further decision",
                where=where,
                remedy="Take the next one from the queue.",
            )
        adjudication = Adjudication.objects.create(
            disagreement=disagreement, person=person, option=option, labels=chosen, had_read=person.pk in readers
        )
        disagreement.state = DisagreementState.SETTLED
        disagreement.save(update_fields=["state"])
        open_left = disagreement.consensus.disagreements.filter(state=DisagreementState.OPEN)
        if not open_left.exists():
            dispatch("consensus.settle_consensus", disagreement.consensus_id)
    return adjudication


def settle_consensus(*, consensus_id: uuid.UUID | str) -> Consensus | None:
    """Write the experts' decisions into a disputed consensus as a new, settled revision.

    Returns the settled revision; None where decisions are missing or a later revision took its place.
    """
    base = Consensus.objects.select_related("item__image").get(pk=consensus_id)
    decisions = _decisions(base)
    if base.state != ConsensusState.DISPUTED or decisions is None:
        return None
    store = object_store()
    labels = read_labels(store, base.labels_sha256)
    decided: dict[int, str] = {}
    for adjudication in decisions:
        box = tuple(adjudication.disagreement.box)
        before = int(labels.max(initial=0))
        labels = apply_settlement(labels, box, inflate(adjudication.labels, _shape(box)))
        decided |= dict.fromkeys(range(before + 1, int(labels.max(initial=0)) + 1), str(adjudication.pk))
    evidence = settled_evidence(Evidence.load(store, base.cells_sha256), labels, decided)
    tree = write_labels(store, labels, _pixel_size(base.item.image))
    cells_sha256 = evidence.save(store)
    with transaction.atomic():
        Item.objects.select_for_update(no_key=True).get(pk=base.item_id)
        latest = latest_consensus(base.item_id)
        if latest is None or latest.pk != base.pk:
            return None
        settled = Consensus.objects.create(
            item_id=base.item_id,
            revision=base.revision + 1,
            state=ConsensusState.SETTLED,
            labels_sha256=tree.digest,
            cells_sha256=cells_sha256,
            cells=len(evidence.cells),
            agreement=base.agreement,
            method=ADJUDICATED,
        )
        settled.readings.set(base.readings.all())
    return settled


def sweep_consensus() -> int:
    """Ask again for fusions and settlements that a dead process lost; returns how many."""
    # A fusion asked for a moment ago is not lost: it waits in the queue or is being computed.
    items = unfused_items(before=timezone.now() - _LOST)
    settled = unfinished_consensuses()
    for item_id in items:
        dispatch("consensus.fuse_item", item_id)
    for consensus_id in settled:
        dispatch("consensus.settle_consensus", consensus_id)
    return len(items) + len(settled)


def _fuse_readings(image: Image, readings: list[Annotation]) -> _Draft:
    """The consensus of ``readings`` with its arrays kept in the store; changes no row."""
    store = object_store()
    maps = [read_labels(store, reading.labels_sha256) for reading in readings]
    ids = [str(reading.pk) for reading in readings]
    if len(readings) == 1:
        evidence = single_evidence(ids[0], maps[0])
        return _Draft(readings[0].labels_sha256, evidence.save(store), len(evidence.cells), 1.0, SINGLE)
    fusion = fuse_instances(maps)
    tree = write_labels(store, fusion.labels, _pixel_size(image))
    regions = tuple(
        {
            "index": index,
            "kind": region.kind,
            "box": [int(edge) for edge in region.box],
            "options": [
                {
                    "index": number,
                    "readings": [ids[reading] for reading in option.readings],
                    "cells": _count_cells(option.labels),
                    "labels": deflate(option.labels),
                }
                for number, option in enumerate(region.options)
            ],
        }
        for index, region in enumerate(fusion.disagreements)
    )
    evidence = fused_evidence(ids, fusion)
    return _Draft(tree.digest, evidence.save(store), len(fusion.cells), fusion.agreement, FUSION, regions)


@transaction.atomic
def _record_fusion(*, item_id: uuid.UUID, readings: list[Annotation], draft: _Draft) -> Consensus | None:
    """Append the revision and its disagreements; None if the item's readings are no longer those of the draft."""
    Item.objects.select_for_update(no_key=True).get(pk=item_id)
    if {r.pk for r in counted_readings(item_id)} != {r.pk for r in readings}:
        return None
    latest = latest_consensus(item_id)
    if latest is not None and _is_made_of(latest, readings):
        return latest
    # What an earlier revision left open is asked anew, with the later reading among its options.
    Disagreement.objects.filter(item_id=item_id, state=DisagreementState.OPEN).update(
        state=DisagreementState.SUPERSEDED
    )
    consensus = Consensus.objects.create(
        item_id=item_id,
        revision=(latest.revision if latest else 0) + 1,
        state=ConsensusState.DISPUTED if draft.regions else ConsensusState.SETTLED,
        labels_sha256=draft.labels_sha256,
        cells_sha256=draft.cells_sha256,
        cells=draft.cells,
        agreement=draft.agreement,
        method=draft.method,
    )
    consensus.readings.set(readings)
    Disagreement.objects.bulk_create(
        Disagreement(consensus=consensus, item_id=item_id, **region) for region in draft.regions
    )
    return consensus


def _is_made_of(consensus: Consensus, readings: list[Annotation]) -> bool:
    return set(consensus.readings.values_list("pk", flat=True)) == {reading.pk for reading in readings}


def _decisions(base: Consensus) -> list[Adjudication] | None:
    """One Adjudication per disagreement, in order of region; None while one is missing."""
    decisions = list(
        Adjudication.objects.filter(disagreement__consensus=base)
        .select_related("disagreement")
        .order_by("disagreement__index")
    )
    return decisions if decisions and len(decisions) == base.disagreements.count() else None


def _chosen_labels(disagreement: Disagreement, option: int | None, labels: str | None, where: str) -> str:
    """What was decided, as base64 of the box's pixels."""
    shape = _shape(disagreement.box)
    if labels is not None:
        return deflate(inflate(labels, shape, where=f"{where}:labels"))
    if option is None:
        return deflate(np.zeros(shape, dtype=np.uint32))
    if not 0 <= option < len(disagreement.options):
        raise InvalidDocument(
            f"there is no option {option}", where=where, remedy=f"Choose 0 to {len(disagreement.options) - 1}."
        )
    return str(disagreement.options[option]["labels"])


def _shape(box: tuple[int, ...] | list[int]) -> tuple[int, int]:
    return int(box[2]) - int(box[0]), int(box[3]) - int(box[1])


def _count_cells(labels: Labels) -> int:
    return int(np.count_nonzero(np.unique(labels)))


def _pixel_size(image: Image) -> PixelSize:
    return PixelSize(y=image.pixel_size_um.get("y"), x=image.pixel_size_um.get("x"))
