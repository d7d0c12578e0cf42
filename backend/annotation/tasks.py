"""What annotation leaves to the cpu workers."""

from __future__ import annotations

from celery import shared_task

from backend.annotation.services import proposals


@shared_task(name=proposals.RUN)
def propose_links(proposal_id: str) -> None:
    """Link the frames that one person asked about."""
    proposals.run_proposal(proposal_id=proposal_id)
