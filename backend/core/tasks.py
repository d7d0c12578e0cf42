"""The queue's own housekeeping."""

from __future__ import annotations

from celery import shared_task

from backend.core.sweep import run_sweeps


@shared_task(name="core.sweep")
def sweep() -> None:
    """Run every registered sweep; sent by the clock of a worker."""
    run_sweeps()
