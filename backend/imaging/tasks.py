"""Imports, in the background."""

from __future__ import annotations

from celery import shared_task

from backend.imaging.services import imports


@shared_task(name=imports.RUN)
def run_import(record_id: str) -> None:
    """Unpack and import one archive."""
    imports.run_import(record_id=record_id)
