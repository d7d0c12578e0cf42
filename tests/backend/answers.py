"""A client that answers: keeps its own values and speaks the edit protocol."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
from rest_framework.test import APIClient

from backend.annotation.models import Campaign
from cellcommons.reading import Reading, reading_sha256


class Answers:
    """A client that answers, and keeps its own values."""

    def __init__(self, client: APIClient, campaign: Campaign) -> None:
        self.client = client
        reply = client.post(f"/api/v1/campaigns/{campaign.name}/assignments/next/")
        self.row: dict[str, Any] = reply.json()
        self.url = f"/api/v1/assignments/{self.row['id']}"
        self.values: dict[str, Any] = dict((self.row["draft"] or {}).get("values", {}))
        self.seq = 0

    def say(self, key: str, new: Any, **other: Any) -> Any:
        old = other.pop("old", self.values.get(key))
        edit = {
            "uuid": str(uuid.uuid4()), "seq": self.seq + 1, "tool": "answer", "params": {}, "tiles": [],
            "changes": {key: [old, new]},
        }  # fmt: skip
        reply = self.client.post(f"{self.url}/edits/", {"edits": [edit | other]}, format="json")
        if reply.status_code == 200:
            self.seq += 1
            self.values = {k: v for k, v in (self.values | {key: new}).items() if v is not None}
        return reply

    def submit(self, raster: np.ndarray | None = None) -> Any:
        digest = reading_sha256(Reading(raster, self.values), paints=raster is not None, answers=True)
        body = {"edit_count": self.seq, "labels_sha256": digest, "active_seconds": 3}
        return self.client.post(f"{self.url}/submit/", body, format="json")
