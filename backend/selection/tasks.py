"""The demo's first turn, in the background: people need not wait for it."""

from __future__ import annotations

import logging

from celery import shared_task

from backend.selection.demo.turning import TURN, turn_demo_once

log = logging.getLogger(__name__)


@shared_task(name=TURN)
def turn_demo(slug: str) -> None:
    """Read, fuse, publish and order a training, once."""
    turn_demo_once(slug=slug, say=log.info)
