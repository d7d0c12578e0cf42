"""The first data of a new hub."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backend.selection.demo import load_demo
from backend.selection.demo_turn import turn_demo_once


class Command(BaseCommand):
    help = "Make a small demo: generated cells, an open campaign, and people whose passwords go to HOME/accounts.json."

    def handle(self, *args: Any, **options: Any) -> None:
        if load_demo(home=settings.HUB_HOME, say=self._say) is None:
            self._say("the demo is there already")
        turn_demo_once(say=self._say)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
