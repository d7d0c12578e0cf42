"""What the cpu queue does for consensus. Every task may be delivered twice."""

from __future__ import annotations

from celery import shared_task

from backend.consensus import services


@shared_task(name="consensus.fuse_item")
def fuse_item(item_id: str) -> None:
    """A reading came in: bring the item's consensus up to date."""
    services.fuse_item(item_id=item_id)


@shared_task(name="consensus.settle_consensus")
def settle_consensus(consensus_id: str) -> None:
    """The last open region of an image was decided: write the settled revision."""
    services.settle_consensus(consensus_id=consensus_id)
