"""Uploads and imports, in the background."""

from __future__ import annotations

from celery import shared_task

from backend.imaging.services import arrivals, imports, uploads


@shared_task(name=imports.RUN)
def run_import(record_id: str) -> None:
    """Unpack and import one archive."""
    imports.run_import(record_id=record_id)


@shared_task(name=uploads.RECEIVE)
def receive_upload(upload_id: str) -> None:
    """Compare, keep and read one upload."""
    arrivals.receive_upload(upload_id=upload_id)
