"""What workers say to the hub. Every message may arrive twice, late, or for a run that is gone."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from backend.modelzoo import services


@shared_task(name="modelzoo.record_progress")
def record_progress(kind: str, run: str, payload: dict[str, Any]) -> None:
    """A heartbeat."""
    services.record_progress(kind=kind, run_id=run, payload=payload)


@shared_task(name="modelzoo.accept_report")
def accept_report(kind: str, run: str, report_sha256: str) -> None:
    """An order was carried out, cancelled, or has failed."""
    services.accept_report(kind=kind, run_id=run, report_sha256=report_sha256)
