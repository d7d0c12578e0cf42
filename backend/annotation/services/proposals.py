"""Links that a linker proposes for a movie while its person goes on: computed by a worker, never applied here."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from backend.annotation.given import given_tree
from backend.annotation.models import LinkProposal, ProposalState, Task
from backend.annotation.services.leases import hold_lease, lock_assignment
from backend.core.dispatch import dispatch
from backend.core.errors import PART_AWAY, WrongState
from backend.core.storage import object_store
from backend.people.models import Person
from cellcommons.errors import CellCommonsError, InvalidDocument
from cellcommons.images.ome_zarr import read_label_stack
from cellcommons.linking.proposing import Proposed, propose_links

log = logging.getLogger(__name__)

RUN = "annotation.propose_links"
DETECTIONS = "detections"
UNEXPECTED = "an unexpected fault; the hub's log says more"


def order_proposal(*, assignment_id: uuid.UUID, person: Person, linker: str, first: int, last: int) -> LinkProposal:
    """Let a worker link frames ``first`` to ``last``, counted from 0, both included. The last order counts.

    Raises:
        WrongState, LeaseExpired: the assignment is not being worked on, or is not about tracking.
        InvalidDocument: the movie has no such frames.
    """
    with transaction.atomic():
        assignment = lock_assignment(assignment_id=assignment_id, person=person)
        if assignment.item.campaign.task != Task.TRACKING:
            raise WrongState("only a movie that is tracked has links", where=str(assignment.pk))
        hold_lease(assignment)
        frames = assignment.item.image.frames
        if not 0 <= first < last < frames:
            raise InvalidDocument(
                f"there are no links from frame {first} to {last}",
                where="first, last",
                remedy=f"Frames are counted from 0; the last one is {frames - 1}.",
            )
        proposal, _ = LinkProposal.objects.update_or_create(
            assignment=assignment,
            defaults={
                "linker": linker,
                "first": first,
                "last": last,
                "state": ProposalState.WAITING,
                "links": {},
                "error": "",
                "asked_at": timezone.now(),
                "heartbeat": None,
            },
        )
        dispatch(RUN, proposal.pk)
        return proposal


def run_proposal(*, proposal_id: str) -> None:
    """Link what was ordered last. Of two deliveries the second does nothing; nor does what is overtaken by an order."""
    with transaction.atomic():
        proposal = LinkProposal.objects.select_for_update(no_key=True, of=("self",)).get(pk=proposal_id)
        alive = proposal.heartbeat and proposal.heartbeat > timezone.now() - settings.LOST_AFTER
        if proposal.state in (ProposalState.READY, ProposalState.FAILED) or alive:
            return
        proposal.state, proposal.heartbeat = ProposalState.RUNNING, timezone.now()
        proposal.save(update_fields=["state", "heartbeat"])
    try:
        stack = read_label_stack(object_store(), given_tree(proposal.assignment.given, DETECTIONS))
        frames = list(stack[proposal.first : proposal.last + 1])
        found = propose_links(frames, linker=proposal.linker, first=proposal.first)
    except PART_AWAY:
        raise  # nothing is wrong with the movie: the sweep takes it up again
    except CellCommonsError as error:
        _end(proposal_id, proposal.asked_at, state=ProposalState.FAILED, error=error.line())
    except Exception:
        _end(
            proposal_id,
            proposal.asked_at,
            state=ProposalState.FAILED,
            error="an unexpected fault; the hub's log says more",
        )
        log.exception("proposal %s", proposal_id)
    else:
        _end(proposal_id, proposal.asked_at, state=ProposalState.READY, links=found)


def _end(proposal_id: str, asked_at: datetime, *, state: str, error: str = "", links: Proposed | None = None) -> None:
    rows = LinkProposal.objects.filter(pk=proposal_id, asked_at=asked_at)
    rows.update(state=state, error=error, links=links or {})


def take_up_proposals() -> int:
    """A sweep: send again what no worker took, or what died with its worker."""
    now = timezone.now()
    waiting = Q(state=ProposalState.WAITING, asked_at__lt=now - settings.LOST_AFTER / 2)
    dead = Q(state=ProposalState.RUNNING, heartbeat__lt=now - settings.LOST_AFTER)
    due = list(LinkProposal.objects.filter(waiting | dead).values_list("pk", flat=True))
    for pk in due:
        dispatch(RUN, pk)
    return len(due)
