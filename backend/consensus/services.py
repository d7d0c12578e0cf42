"""Fuse readings into a consensus, and let experts settle what the readings could not."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from backend.annotation.kinds.contract import Ground
from backend.annotation.kinds.registry import kind_of as annotation_kind
from backend.annotation.kinds.registry import ontology_of
from backend.annotation.models import Annotation, Item
from backend.consensus.evidence import Evidence
from backend.consensus.kinds.contract import Box, Decision, Elsewhere, ItemReading, Region, Scene
from backend.consensus.kinds.registry import kind_of
from backend.consensus.models import Adjudication, Consensus, ConsensusState, Disagreement, DisagreementState
from backend.consensus.selectors import (
    companions_of,
    counted_readings,
    given_rows,
    latest_consensus,
    readings_elsewhere,
    unfinished_consensuses,
    unfused_items,
)
from backend.core.dispatch import dispatch
from backend.core.errors import WrongState
from backend.core.storage import object_store
from backend.people.models import Person
from cellcommons.edits import deflate, inflate
from cellcommons.errors import InvalidDocument
from cellcommons.reading import Reading, Value, read_reading, read_values, write_reading

ADJUDICATED = "+adjudication"
_TRIES = 3


@dataclass(frozen=True)
class _Draft:
    """A consensus computed but not yet recorded."""

    labels_sha256: str
    cells_sha256: str
    cells: int
    agreement: float
    method: str
    regions: tuple[Region, ...] = ()


def fuse_item(*, item_id: uuid.UUID | str) -> Consensus | None:
    """Bring an item's consensus up to its readings; None while there are fewer than its campaign asks for.

    The same readings give no new revision, so it may be called any number of times. Arrays are read and fused before
    the item is locked; if a reading came in meanwhile, it fuses again.
    """
    for _ in range(_TRIES):
        item = Item.objects.select_related("image", "campaign").get(pk=item_id)
        readings = counted_readings(item_id)
        if item.readings_done < item.readings_needed:
            return None
        latest = latest_consensus(item_id)
        if latest is not None and _is_made_of(latest, readings):
            return latest
        draft = _fuse_readings(item, readings)
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
    values: Mapping[str, Value | None] | None = None,
) -> Adjudication:
    """Record an expert's decision: an option by index, nothing there, labels drawn anew (base64 of the pixels), or
    values said anew (for every key in question; None: not to be told).

    The last decision on an image asks a worker for the settled consensus.

    Raises:
        InvalidDocument: not exactly one of the four, no such option, labels that do not fill the box, or values that
            mean nothing here.
        WrongState: settled before, or superseded by a later reading.
    """
    disagreement = Disagreement.objects.select_related(
        "consensus__item__campaign", "consensus__item__image", "item__campaign"
    ).get(pk=disagreement_id)
    where = f"disagreement {disagreement.pk}"
    if (option is not None) + nothing + (labels is not None) + (values is not None) != 1:
        raise InvalidDocument("give exactly one of option, nothing, labels and values", where=where)
    if option is not None and not 0 <= option < len(disagreement.options):
        raise InvalidDocument(
            f"there is no option {option}", where=where, remedy=f"Choose 0 to {len(disagreement.options) - 1}."
        )
    chosen = disagreement.options[option] if option is not None else {"labels": labels, "values": values}
    decided = _answered(disagreement, chosen, where) if disagreement.keys else _painted(disagreement, chosen, where)
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
            disagreement=disagreement, person=person, option=option, had_read=person.pk in readers, **decided
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
    base = Consensus.objects.select_related("item__image", "item__campaign").get(pk=consensus_id)
    adjudications = _decisions(base)
    if base.state != ConsensusState.DISPUTED or adjudications is None:
        return None
    store, scene = object_store(), _scene(base.item)
    evidence = Evidence.load(store, base.cells_sha256)
    reading, cells = kind_of(base.item.campaign).settle(
        scene, read_reading(store, base.labels_sha256), evidence, [_decision(row) for row in adjudications]
    )
    tree = write_reading(store, reading, scene.pixel_size)
    cells_sha256 = Evidence(evidence.readings, cells, evidence.context).save(store)
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
            cells=len(cells),
            agreement=base.agreement,
            method=base.method + ADJUDICATED,
        )
        settled.readings.set(base.readings.all())
    return settled


def sweep_consensus() -> int:
    """Ask again for fusions and settlements that a dead process lost; returns how many."""
    # A fusion asked for a moment ago is not lost: it waits in the queue or is being computed.
    items = unfused_items(before=timezone.now() - settings.LOST_AFTER / 2)
    settled = unfinished_consensuses()
    for item_id in items:
        dispatch("consensus.fuse_item", item_id)
    for consensus_id in settled:
        dispatch("consensus.settle_consensus", consensus_id)
    return len(items) + len(settled)


def _fuse_readings(item: Item, readings: list[Annotation]) -> _Draft:
    """The consensus of ``readings`` with its arrays kept in the store; changes no row."""
    store, kind = object_store(), kind_of(item.campaign)
    said = [_item_reading(annotation) for annotation in readings]
    fused = kind.fuse(_scene(item, context=kind.context), said)
    as_it_stands = fused.reading is said[0].reading
    tree = readings[0].labels_sha256
    if not as_it_stands:
        tree = write_reading(store, fused.reading, _scene(item).pixel_size).digest
    evidence = Evidence(tuple(one.annotation for one in said), fused.cells, fused.context)
    return _Draft(tree, evidence.save(store), len(fused.cells), fused.agreement, fused.method, fused.regions)


def _scene(item: Item, *, context: int = 0) -> Scene:
    """What is read, with ``context`` readings of the campaign's other images at most."""
    store = object_store()
    elsewhere = tuple(
        Elsewhere(str(other.item_id), _reader(other), read_values(store, other.labels_sha256))
        for other in (readings_elsewhere(item, limit=context) if context else ())
    )
    campaign = item.campaign
    return Scene(store, campaign.task, item.image, companions_of(item), ontology_of(campaign), elsewhere)


def _item_reading(annotation: Annotation) -> ItemReading:
    reading = read_reading(object_store(), annotation.labels_sha256)
    return ItemReading(str(annotation.pk), _reader(annotation), reading)


def _reader(annotation: Annotation) -> str:
    # Who takes over a draft as it stands says what the checkpoint says, and is not known better for it.
    return str(annotation.person_id) if annotation.independent else "draft"


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
        Disagreement(consensus=consensus, item_id=item_id, **region.columns(index))
        for index, region in enumerate(draft.regions)
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


def _decision(adjudication: Adjudication) -> Decision:
    disagreement = adjudication.disagreement
    box: Box = (*disagreement.box,)
    labels = inflate(adjudication.labels, _shape(box)) if adjudication.labels else None
    return Decision(str(adjudication.pk), box, disagreement.options, labels, adjudication.values or {})


def _painted(disagreement: Disagreement, chosen: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The columns of a decision about pixels. Raises InvalidDocument."""
    if chosen["values"] is not None:
        raise InvalidDocument("this is about pixels, not values", where=where, remedy="Send an option or labels.")
    shape = _shape(disagreement.box)
    if chosen["labels"] is None:
        return {"labels": deflate(np.zeros(shape, dtype=np.uint32))}
    labels = inflate(chosen["labels"], shape, where=f"{where}:labels")
    annotation_kind(disagreement.item.campaign).check_reading(_ground(disagreement), Reading(labels))
    return {"labels": deflate(labels)}


def _answered(disagreement: Disagreement, chosen: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The columns of a decision about values. Raises InvalidDocument."""
    if chosen["labels"] is not None:
        raise InvalidDocument("this is about values, not pixels", where=where, remedy="Send an option or values.")
    values = chosen["values"]
    if values is None:
        return {"labels": "", "values": dict.fromkeys(disagreement.keys)}
    if set(values) != set(disagreement.keys):
        raise InvalidDocument(
            "a decision says something of each key in question, and of no other",
            where=where,
            remedy=f"Give a value, or null, for {', '.join(disagreement.keys)}.",
        )
    said = Reading(None, {key: value for key, value in values.items() if value is not None})
    annotation_kind(disagreement.item.campaign).check_reading(_ground(disagreement), said)
    return {"labels": "", "values": dict(values)}


def _ground(disagreement: Disagreement) -> Ground:
    """What a decision is checked against: what its readers were given."""
    return Ground(given_rows(disagreement.consensus), ontology_of(disagreement.item.campaign), {})


def _shape(box: Box | list[int]) -> tuple[int, int]:
    return int(box[2]) - int(box[0]), int(box[3]) - int(box[1])
