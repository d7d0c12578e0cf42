"""./hub import LAYOUT PATH --dataset SLUG: a folder in a published layout becomes images of a dataset."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser
from django.core.validators import validate_slug

from backend.imaging.layouts import hub_layout
from backend.imaging.models import Dataset, Import
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.imports import ALREADY_THERE, fail_import, import_folder
from cellcommons.errors import InvalidDocument, NotFound

REFUSED = 2


class Command(BaseCommand):
    help = "Import a folder in a published layout. Run again, it goes on where it stopped."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Help that names the door people came through."""
        return super().create_parser("./hub", subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("layout")
        parser.add_argument("path", type=Path)
        parser.add_argument("--dataset", required=True, metavar="SLUG", help="made if it does not exist")
        parser.add_argument("--limit", type=int, metavar="N", help="only the first N images")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")
        parser.add_argument(
            "--processes", type=int, default=min(2, os.cpu_count() or 1), help="how many read and convert at once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status 2 where anything was refused, or where nothing was left to import; one line each on stderr.

        ``manage.py`` prints a CellCommonsError as its one line and exits with 2.
        """
        started = time.monotonic()
        record = self._import(**options)
        refused = [item for item in record.skipped if item["reason"] != ALREADY_THERE]
        there = len(record.skipped) - len(refused)
        for item in refused:
            where = "" if item["where"] in item["reason"] else f"{item['where']}: "
            self.stderr.write(f"{where}{item['reason']}")
        if not record.imported and there and not refused:
            self.stderr.write(f"{record.dataset.slug}: all {there} images are already there. Nothing to do.")
        seconds = round(time.monotonic() - started, 2)
        self.stdout.write(
            f"{record.dataset.slug}: {record.imported} of {record.found} images imported, {there} were there already, "
            f"{len(refused)} refused, in {seconds:g} s"
        )
        if options["json"]:
            report = {
                "dataset": record.dataset.slug,
                "found": record.found,
                "imported": record.imported,
                "skipped": record.skipped,
                "seconds": seconds,
            }
            self.stdout.write(json.dumps(report))
        if refused or not record.imported:
            sys.exit(REFUSED)

    def _import(self, *, layout: str, path: Path, dataset: str, limit: int | None, processes: int, **_: Any) -> Import:
        if limit is not None and limit < 1:
            raise InvalidDocument("must be 1 or more", where="--limit")
        try:
            validate_slug(dataset)
        except ValidationError:
            raise InvalidDocument("a slug has letters, digits, - and _ only", where=f"--dataset {dataset}") from None
        found = hub_layout(layout)
        if not path.exists():
            raise NotFound("no such folder", where=str(path), remedy="Check the path.")
        found.scan(path)  # refuse before anything is made
        target = Dataset.objects.filter(slug=dataset).first() or create_dataset(slug=dataset, title=dataset)
        record = Import.objects.create(dataset=target, layout=layout, limit=limit)
        try:
            return import_folder(record=record, path=path, progress=self._progress, processes=processes)
        except BaseException:
            # Ctrl-C included: no worker will take it up, so it must not look as if it ran.
            fail_import(record=record, error="stopped; run the same command again to go on")
            raise

    def _progress(self, done: int, total: int, name: str) -> None:
        if done == total or done % 20 == 0:
            self.stdout.write(f"{done} of {total} images")
            self.stdout.flush()
