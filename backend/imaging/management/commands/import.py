"""./hub import LAYOUT PATH --dataset [LAB/]SLUG: a folder in a published layout becomes images of a dataset."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backend.imaging.layouts import AUTO, LayoutGuess, guess_layouts, guesses_line, hub_layout, sure_guess
from backend.imaging.models import Dataset, FileOutcome, Import, Visibility
from backend.imaging.reports import csv_lines
from backend.imaging.selectors import files_of_import, reasons_of_import
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.folders import import_folder
from backend.imaging.services.imports import STOPPED, fail_import
from backend.people.labs import FIRST, first_lab
from backend.people.models import Lab
from cellcommons.errors import InvalidDocument, NotFound, UnknownLayout
from cellcommons.versions import NAME

REFUSED = 2
# Of one sort of refusal so many are told in the terminal; --json and --report tell of all.
TOLD = 10


class Command(BaseCommand):
    help = "Import a folder in a published layout. Run again, it goes on where it stopped."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Help that names the door people came through."""
        return super().create_parser("./hub", subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("layout", help=f"its name, or {AUTO}: told from the folder")
        parser.add_argument("path", type=Path)
        parser.add_argument(
            "--dataset",
            required=True,
            metavar="[LAB/]SLUG",
            help=f"made if it does not exist; of {FIRST}, if no lab is named",
        )
        parser.add_argument(
            "--visibility", choices=Visibility.values, default=Visibility.HUB, help="of a dataset that is made"
        )
        parser.add_argument("--limit", type=int, metavar="N", help="only the first N images")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write what became of each file as CSV")
        parser.add_argument(
            "--processes", type=int, default=min(2, os.cpu_count() or 1), help="how many read and convert at once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status 2 where anything was refused, or where nothing was left to import; one line each on stderr.

        ``manage.py`` prints a CellCommonsError as its one line and exits with 2.
        """
        started = time.monotonic()
        record, guess = self._import(**options)
        there = record.files.filter(outcome=FileOutcome.THERE).count()
        refused = record.skipped - there
        self._tell(record)
        if not record.imported and there and not refused:
            self.stderr.write(f"{record.dataset.name}: all {there} images are already there. Nothing to do.")
        seconds = round(time.monotonic() - started, 2)
        self.stdout.write(
            f"{record.dataset.name}: {record.imported} of {record.found} images imported, {there} were there already, "
            f"{refused} refused, in {seconds:g} s"
        )
        if options["report"]:
            with options["report"].open("w", newline="", encoding="utf-8") as handle:
                handle.writelines(csv_lines(files_of_import(record=record)))
        if options["json"]:
            self.stdout.write(json.dumps(self._report(record, guess, seconds)))
        if refused or not record.imported:
            sys.exit(REFUSED)

    def _report(self, record: Import, guess: LayoutGuess | None, seconds: float) -> dict[str, Any]:
        keys = ("where", "outcome", "kind", "reason", "remedy")
        skipped = record.files.exclude(outcome=FileOutcome.IMPORTED).order_by("pk")
        noted = record.files.filter(outcome=FileOutcome.IMPORTED).exclude(reason="").order_by("pk")
        return {
            "dataset": record.dataset.name,
            "layout": record.layout,
            "guess": guess.document() if guess else None,
            "found": record.found,
            "imported": record.imported,
            "skipped": [
                dict(zip(keys, values, strict=True))
                for values in skipped.values_list("name", "outcome", "kind", "reason", "remedy").iterator()
            ],
            "reasons": reasons_of_import(record=record),
            "notes": [{"where": row.name, "note": row.reason} for row in noted.iterator()],
            "seconds": seconds,
        }

    def _tell(self, record: Import) -> None:
        """A line for each refusal, or for the first of each sort."""
        for sort in reasons_of_import(record=record):
            if sort["outcome"] == FileOutcome.THERE:
                continue
            rows = files_of_import(record=record, outcome=sort["outcome"], kind=sort["kind"])
            for row in rows[:TOLD]:
                line = f"{row.reason}. {row.remedy}" if row.remedy else row.reason
                self.stderr.write(line if row.name in row.reason else f"{row.name}: {line}")
            if sort["count"] > TOLD:
                self.stderr.write(f"... and {sort['count'] - TOLD} more: {sort['kind']} (--report FILE lists all)")

    def _import(
        self, *, layout: str, path: Path, dataset: str, visibility: str, limit: int | None, processes: int, **_: Any
    ) -> tuple[Import, LayoutGuess | None]:
        if limit is not None and limit < 1:
            raise InvalidDocument("must be 1 or more", where="--limit")
        lab, slug = self._named(dataset)
        guess = self._guess(path) if layout == AUTO else None
        chosen = hub_layout(guess.layout if guess else layout)
        if not path.exists():
            raise NotFound("no such folder", where=str(path), remedy="Check the path.")
        scan = chosen.scan(path)  # refuse before anything is made
        target = Dataset.objects.filter(lab=lab, slug=slug).first() or create_dataset(
            lab=lab, slug=slug, title=slug, visibility=visibility
        )
        guesses = [guess.document()] if guess else []
        record = Import.objects.create(dataset=target, layout=chosen.name, guesses=guesses, limit=limit)
        try:
            done = import_folder(record=record, path=path, scan=scan, progress=self._progress, processes=processes)
        except BaseException:
            # Ctrl-C included: no worker will take it up, so it must not look as if it ran.
            fail_import(record=record, error=STOPPED)
            raise
        return done, guess

    def _named(self, dataset: str) -> tuple[Lab, str]:
        """The lab, which must be there, and the slug. Raises InvalidDocument, NotFound."""
        name = dataset if "/" in dataset else f"{FIRST}/{dataset}"
        if not NAME.fullmatch(name):
            raise InvalidDocument(
                "a dataset is named lab/slug, of letters, digits, - and _", where=f"--dataset {dataset}"
            )
        owner, _, slug = name.partition("/")
        if owner == FIRST:
            return first_lab(), slug
        lab = Lab.objects.filter(slug=owner).first()
        if lab is None:
            known = ", ".join(Lab.objects.order_by("slug").values_list("slug", flat=True))
            raise NotFound("no such lab", where=f"--dataset {dataset}", remedy=f"Make it first. There are: {known}.")
        return lab, slug

    def _guess(self, path: Path) -> LayoutGuess:
        """The layout to act on, said with the reason. Raises NotFound, UnknownLayout with what else it may be."""
        guesses = guess_layouts(path)
        sure = sure_guess(guesses)
        if sure is None:
            what = f"it may be {guesses_line(guesses)}" if guesses else "it looks like no layout that is known here"
            raise UnknownLayout(what, where=str(path), remedy="Name the layout instead of auto.")
        others = [guess.layout for guess in guesses if guess is not sure and not guess.refused]
        also = f" (also possible: {', '.join(others[:3])})" if others else ""
        self.stdout.write(f"{sure.layout}: {sure.reason}{also}")
        return sure

    def _progress(self, done: int, total: int, name: str) -> None:
        self.stdout.write(f"{done} of {total} images")
        self.stdout.flush()
