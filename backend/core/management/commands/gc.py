"""./hub gc: delete the objects that nothing names any more."""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backend.core.garbage import Collected, collect_garbage
from backend.core.storage import object_store

GRACE = 30.0
DAY = 86_400.0


class Command(BaseCommand):
    help = "Delete the objects that nothing names and that are older than the grace. Safe while the hub runs."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Help that names the door people came through."""
        return super().create_parser("./hub", subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go, and delete nothing")
        parser.add_argument(
            "--grace", type=_days, default=GRACE, metavar="DAYS", help="age from which it goes, 1 or more (%(default)s)"
        )
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """``manage.py`` prints a CellCommonsError as its one line and exits with 2; nothing was deleted then."""
        started, dry_run = time.monotonic(), options["dry_run"]
        done = collect_garbage(object_store(), grace_seconds=options["grace"] * DAY, dry_run=dry_run)
        if options["json"]:
            self.stdout.write(json.dumps(_document(done, options, time.monotonic() - started)))
            return
        if dry_run:
            for found in done.unnamed:
                day = datetime.fromtimestamp(found.kept_at, UTC).date()
                self.stdout.write(f"{found.digest}  {found.size:>14,} bytes  put {day}")
        many, size = len(done.unnamed), sum(found.size for found in done.unnamed)
        self.stdout.write(
            f"{done.named:,} objects are named, {done.young:,} are younger than {options['grace']:g} days."
        )
        if dry_run:
            self.stdout.write(f"{many:,} objects of {size:,} bytes would go.")
        else:
            spared = f"; {done.spared:,} came into use meanwhile and stay" if done.spared else ""
            self.stdout.write(f"{done.deleted:,} objects of {done.freed_bytes:,} bytes are gone{spared}.")


def _document(done: Collected, options: dict[str, Any], seconds: float) -> dict[str, Any]:
    document: dict[str, Any] = {
        "dry_run": options["dry_run"],
        "grace_days": options["grace"],
        "named": done.named,
        "young": done.young,
        "unnamed": len(done.unnamed),
        "unnamed_bytes": sum(found.size for found in done.unnamed),
        "deleted": done.deleted,
        "freed_bytes": done.freed_bytes,
        "spared": done.spared,
        "broken_puts": done.broken_puts,
        "seconds": round(seconds, 2),
    }
    if options["dry_run"]:
        document["objects"] = [found.digest for found in done.unnamed]
    return document


def _days(text: str) -> float:
    """Less than a day would take what an upload or a publication under way has put and not yet named."""
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not days >= 1:
        raise argparse.ArgumentTypeError("a number of days, 1 or more")
    return days
