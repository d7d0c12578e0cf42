"""What the cpu queue does for releases. Every task may be delivered twice."""

from __future__ import annotations

from celery import shared_task

from backend.releases import comparing, services


@shared_task(name="releases.publish")
def publish(release_id: str) -> None:
    """A release was drafted: seal and publish it."""
    services.publish_release(release_id=release_id)


@shared_task(name="releases.compare")
def compare(comparison_id: str) -> None:
    """Someone asked what changed between two releases."""
    comparing.run_comparison(comparison_id=comparison_id)
