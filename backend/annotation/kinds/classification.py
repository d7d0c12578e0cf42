"""Classes of the whole image (subject "0"), or of each given cell or box (subjects "1".."n")."""

from __future__ import annotations

from typing import Any

from backend.annotation.kinds.contract import GivenRow, Ground, companion_rows, one_plane
from backend.annotation.models import Assignment, Item
from backend.imaging.models import Image
from cellcommons.errors import InvalidDocument
from cellcommons.reading import Changes, Reading, Value, read_values
from cellcommons.store import ObjectStore
from cellcommons.subjects import WHOLE

TITLES = {"cells": "Cells to classify", "boxes": "Boxed cells to classify"}


class Classification:
    task = "classification"
    paints = False
    answers = True
    drafts_are_bases = True
    needs_classes = True

    def refusal(self, image: Image) -> str:
        rows = companion_rows(image, TITLES)
        if rows and rows[0]["summary"].get("subjects") == 0:
            return "it was imported with its cells, and there are none"
        return one_plane(image)

    def given(self, item: Item) -> list[GivenRow]:
        return companion_rows(item.image, TITLES)[:1]

    def question(self, assignment: Assignment) -> str | None:
        return None

    def check_changes(self, ground: Ground, changes: Changes) -> None:
        for key, (_, new) in changes.items():
            self._check(ground, key, new)

    def check_reading(self, ground: Ground, reading: Reading) -> None:
        for key, value in reading.values.items():
            self._check(ground, key, value)

    def finished(self, assignment: Assignment, reading: Reading) -> Reading:
        return reading

    def count(self, reading: Reading, ground: Ground) -> int:
        return len(reading.values)

    def check_draft(self, store: ObjectStore, item: Item, tree: str) -> None:
        read_values(store, tree)

    def _check(self, ground: Ground, subject: str, value: Value | None) -> None:
        row = ground.companion("cells", "boxes")
        count = int(row["summary"]["subjects"]) if row else 0
        there = subject == WHOLE if row is None else subject.isdecimal() and str(int(subject)) == subject
        if not there or (row is not None and not 1 <= int(subject) <= count):
            raise InvalidDocument(
                "there is no such subject",
                where=f"subject {subject}",
                remedy=f"Subjects are 1 to {count}." if row else 'The whole image is subject "0".',
            )
        if value is None:
            return
        assert ground.ontology is not None  # held by Postgres: campaign_has_its_classes
        if not isinstance(value, list):
            raise InvalidDocument(
                "classes are a list of names", where=f"subject {subject}", remedy='For example ["RBC"].'
            )
        named: tuple[Any, ...] = ground.ontology.checked(value, where=f"subject {subject}")
        if list(named) != value:
            raise InvalidDocument(
                "classes are named in the order of the campaign's classes",
                where=f"subject {subject}",
                remedy=f"Send {list(named)}.",
            )
