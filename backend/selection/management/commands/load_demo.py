"""The first data of a new hub."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backend.core.dispatch import dispatch
from backend.selection.demo.loading import load_demo
from backend.selection.demo.turning import TURN


class Command(BaseCommand):
    help = (
        "Make a small demo: generated data and an open campaign for each task, begun by simulated readers in the "
        "background, and people whose passwords go to HOME/accounts.json."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        made = load_demo(home=settings.HUB_HOME, say=self._say)
        if not made:
            self._say("the demo is there already")
        for campaign in made:
            dispatch(TURN, campaign.slug)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
