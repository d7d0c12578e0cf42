"""What is given beside an image, in JSON: for assignments, and for whoever settles their disagreements."""

from __future__ import annotations

from typing import Any

from backend.annotation.kinds.contract import GivenRow
from backend.annotation.kinds.registry import kind_of
from backend.annotation.models import Assignment
from backend.annotation.selectors import base_values
from backend.core.storage import object_store
from cellcommons.errors import NotFound
from cellcommons.reading import read_values


def given_json(rows: list[GivenRow], *, url: str, hidden: bool = False) -> list[dict[str, Any]]:
    """The rows as people get them.

    Args:
        url: what the files of each lie below, followed by its key. hidden: roles are not told yet.
    """
    return [
        {
            "key": row["key"],
            "kind": row["kind"],
            "title": row["title"],
            "role": None if hidden else row.get("role"),
            "zarr_url": None if row["kind"] == "boxes" else f"{url}/{row['key']}/zarr",
            "values": read_values(object_store(), row["tree"]) if row["kind"] == "boxes" else None,
            "channels": row["summary"].get("channels"),
        }
        for row in rows
    ]


def given_tree(rows: list[GivenRow], key: str) -> str:
    """The tree of the row called ``key``. Raises NotFound."""
    for row in rows:
        if row["key"] == key:
            return str(row["tree"])
    raise NotFound("nothing of that name is given here", where=key)


def draft_json(assignment: Assignment) -> dict[str, Any] | None:
    """The draft that the person starts from, or None."""
    kind = kind_of(assignment.item.campaign)
    if assignment.draft is None or not kind.drafts_are_bases:
        return None
    return {
        "annotation": str(assignment.draft_id),
        "zarr_url": f"/api/v1/assignments/{assignment.pk}/draft/zarr" if kind.paints else None,
        "values": base_values(assignment),
        "cells": assignment.draft.cell_scores,
    }
