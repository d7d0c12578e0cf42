"""The people of a faulty hub: a client that sends again until it is answered, and remembers what was acknowledged."""

from __future__ import annotations

import http.client
import io
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image as Picture

from backend.rehearsal.api import Api, Refused
from backend.rehearsal.drawing import Drawing
from cellcommons.canonical import sha256_hex
from cellcommons.patience import Patience
from cellcommons.reading import Reading, reading_sha256
from cellcommons.uploader import Arrival, FileContent, Uploader

SIDE = 320
PATIENCE = 120.0
T = TypeVar("T")


class Stuck(Exception):
    """The hub did not come round."""


@dataclass
class Acknowledged:
    """What the hub said yes to: image id -> sha256 of its file; assignment -> edits; annotations; releases."""

    images: dict[str, str] = field(default_factory=dict)
    imports: dict[str, dict[str, str]] = field(default_factory=dict)
    edits: dict[str, list[str]] = field(default_factory=dict)
    annotations: list[str] = field(default_factory=list)
    releases: dict[str, str] = field(default_factory=dict)


@dataclass
class Person:
    """A curator who uploads, reads and publishes. ``phase`` says what they are at."""

    url: str
    username: str
    password: str
    folder: Path
    known: Acknowledged = field(default_factory=Acknowledged)
    phase: str = ""

    def __post_init__(self) -> None:
        self.api = Api(self.url, self.username, self.password)

    def patiently(self, call: Callable[[], T]) -> T:
        """What ``call`` gives, asked again while nobody answers or the hub says that the fault is its own."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return call()
            except Refused as error:
                if error.status < 500:
                    raise
                last: Exception = error
            except (http.client.HTTPException, OSError) as error:
                last = error
            if time.monotonic() > deadline:
                raise Stuck(f"{self.phase}: {last!r}")
            time.sleep(0.25)

    def begin(self, slug: str, first: bytes) -> str:
        """A dataset with one image, and its campaign; the name of both, ``lab/slug``."""
        words = {"slug": slug, "title": f"Faults {slug}", "description": "", "licence": "CC0-1.0"}
        name = str(self.patiently(lambda: self.api.post("datasets/", words))["name"])
        self.upload_image(name, first, "first.png")
        ask = {"slug": slug, "title": slug, "dataset": name, "task": "instance_segmentation", "readings_needed": 1}
        self.patiently(lambda: self.api.post("campaigns/", ask))
        return name

    def upload_image(self, slug: str, data: bytes, name: str) -> str:
        """The image's id. The one place that knows how a file gets to the hub."""
        self.phase = "sending an image"
        (key,) = self._send(slug, data, name, purpose="image").images
        self.known.images[key] = sha256_hex(data)
        return key

    def upload_archive(self, slug: str, files: dict[str, bytes]) -> str:
        """The import's id, once it is done."""
        self.phase = "sending an archive"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        key = str(self._send(slug, packed.getvalue(), "batch.zip", purpose="import", layout="plain").import_id)
        self.known.imports[key] = {Path(name).stem: sha256_hex(data) for name, data in files.items()}
        self.phase = "waiting for an import"
        self._settled(f"imports/{key}/", "finished")
        return key

    def read(self, slug: str, seed: int) -> int:
        """Read whatever waits for a reading; how many images that were."""
        self.phase = "opening the campaign"
        self.patiently(lambda: self.api.post(f"campaigns/{slug}/open/"))
        done = 0
        while True:
            self.phase = "asking for work"
            work = self.patiently(lambda: self.api.post(f"campaigns/{slug}/assignments/next/"))
            if work is None:
                break
            self._paint(work, seed + done)
            done += 1
        self.phase = "waiting for the consensus"
        deadline = time.monotonic() + PATIENCE
        while True:
            progress = self.patiently(lambda: self.api.get(f"campaigns/{slug}/"))["progress"]
            if progress["settled"] == progress["items"]:
                return done
            if time.monotonic() > deadline:
                raise Stuck(f"the consensus did not settle: {progress}")
            time.sleep(0.2)

    def publish(self, slug: str, notes: str) -> str:
        """The release's id, once it is published."""
        self.phase = "asking for a release"
        before = self._releases(slug)

        def ask() -> str:
            if fresh := self._releases(slug) - before:  # the answer to an earlier try was lost
                return fresh.pop()
            try:
                return str(self.api.post(f"datasets/{slug}/releases/", {"campaign": slug, "notes": notes})["id"])
            except Refused as error:
                if error.status == 409 and (fresh := self._releases(slug) - before):
                    return fresh.pop()
                raise

        key = self.patiently(ask)
        self.phase = "waiting for the publication"
        row = self._settled(f"releases/{slug}/{key}/", "published")
        self.known.releases[key] = row["manifest_sha256"]
        return key

    def _paint(self, work: dict[str, Any], seed: int) -> None:
        self.phase = "reading"
        path, rng = f"assignments/{work['id']}", np.random.default_rng(seed)
        drawing = Drawing(np.zeros((SIDE, SIDE), np.uint32))
        goal = np.zeros((SIDE, SIDE), np.uint32)
        for cell in range(1, 5):
            y, x = rng.integers(0, SIDE - 40, 2)
            goal[y : y + 30, x : x + 36] = cell
        for edit in drawing.strokes_towards(goal):
            batch = {"edits": [edit]}
            self.patiently(lambda batch=batch: self.api.post(f"{path}/edits/", batch))
            self.known.edits.setdefault(str(work["id"]), []).append(edit["uuid"])
        digest = reading_sha256(Reading(drawing.labels), paints=True, answers=False)
        words = {"edit_count": drawing.seq, "labels_sha256": digest, "active_seconds": 1.0}
        self.phase = "submitting"
        said = self.patiently(lambda: self.api.post(f"{path}/submit/", words))
        self.known.annotations.append(str(said["annotation"]))

    def _settled(self, path: str, goal: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while True:
            row: dict[str, Any] = self.patiently(lambda: self.api.get(path))
            if row["state"] in (goal, "failed"):
                if row["state"] != goal:
                    raise Stuck(f"{self.phase}: {row['state']}: {row['error']}")
                return row
            if time.monotonic() > deadline:
                raise Stuck(f"{self.phase}: still {row['state']} after {PATIENCE:g} s")
            time.sleep(0.15)

    def _releases(self, slug: str) -> set[str]:
        return {str(row["id"]) for row in self.api.all("releases/", dataset=slug)}

    def _send(self, slug: str, data: bytes, name: str, **fields: str) -> Arrival:
        """Send a file in parts, for as long as it takes."""
        file = self.folder / name
        file.write_bytes(data)
        uploader = Uploader(self.url, self.api.token, dataset=slug, patience=Patience(60, 0.25))
        (arrival,) = uploader.send([(FileContent(file), fields)])
        if arrival.state != "kept":
            raise Stuck(f"{self.phase}: {arrival.state}: {arrival.reason}")
        return arrival


def picture(seed: int) -> bytes:
    """A PNG that no other seed gives: spots at places of its own, so that no two are near-duplicates, or look so."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(40, 8, (SIDE, SIDE))
    y, x = np.mgrid[:SIDE, :SIDE]
    for centre_y, centre_x, radius, height in rng.uniform((0, 0, 5, 60), (SIDE, SIDE, 16, 180), (40, 4)):
        pixels += height * np.exp(-((y - centre_y) ** 2 + (x - centre_x) ** 2) / radius**2)
    made = io.BytesIO()
    Picture.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(made, "PNG")
    return made.getvalue()
