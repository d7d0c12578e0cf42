"""Fifty people ask for assignments at once: nothing is leased to more people than readings are needed."""

from __future__ import annotations

import io
import tempfile
import threading
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from PIL import Image

from backend.door.hub import running_hub
from backend.rehearsal.api import Api, Refused
from cellcommons.edits import pixels_sha256
from tests.bench.result import Goal, Result

PEOPLE, IMAGES, READINGS = 50, 1000, 2
PASSWORD = "bench-only-1"


def run() -> Result:
    """2,000 assignments (1,000 images, 2 readings each) leased by 50 people over HTTP, until the queue is empty."""
    with tempfile.TemporaryDirectory(prefix="bench-leases-") as folder, running_hub(Path(folder) / "hub") as hub:
        account = hub.accounts["curator"]
        curator = Api(hub.url, account["username"], account["password"])
        _fill(curator, Path(folder))
        people = [_person(curator, index) for index in range(PEOPLE)]
        leased: list[tuple[str, str]] = []
        waits: list[float] = []
        errors: Counter[str] = Counter()
        start = threading.Barrier(PEOPLE)

        def work(api: Api) -> None:
            start.wait()
            while True:
                began = time.perf_counter()
                try:
                    row = api.post("campaigns/commons/bench/assignments/next/")
                    waits.append(time.perf_counter() - began)
                    if row is None:
                        return
                    leased.append((row["image"]["id"], api.token))
                    # An empty reading is a reading: the next one is wanted at once.
                    api.post(f"assignments/{row['id']}/submit/", _empty(row))
                except Refused as refused:
                    errors[f"{refused.status} {refused.problem.get('type')}"] += 1
                    if sum(errors.values()) > 100:
                        return

        began = time.perf_counter()
        with ThreadPoolExecutor(PEOPLE) as threads:
            list(threads.map(work, people))
        seconds = time.perf_counter() - began
        per_image = Counter(image for image, _ in leased)
        pairs = Counter(leased)
        raw = _raw_sql(hub.env["DATABASE_URL"])
    figures: dict[str, Any] = {
        "assignments": len(leased),
        "over_leased_images": sum(count > READINGS for count in per_image.values()),
        "same_person_twice": sum(count > 1 for count in pairs.values()),
        "left_over": IMAGES * READINGS - len(leased),
        "errors": sum(errors.values()),
        "error_kinds": dict(errors),
        "seconds": seconds,
        "lease_and_submit_per_second": len(leased) / seconds,
        "lease_p50_ms": float(np.percentile(waits, 50)) * 1000,
        "lease_p95_ms": float(np.percentile(waits, 95)) * 1000,
    }
    goals = [
        Goal("over_leased_images", at_most=0),
        Goal("same_person_twice", at_most=0),
        Goal("errors", at_most=0),
        Goal("left_over", at_most=0),
    ]
    return Result("leases", figures, goals, {"bare SKIP LOCKED queue, no HTTP, no submit": raw})


def _fill(curator: Api, folder: Path) -> None:
    archive = folder / "images.zip"
    with zipfile.ZipFile(archive, "w") as pack:
        for index in range(IMAGES):
            pixels = np.full((16, 16), index % 65536, dtype=np.uint16)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            pack.writestr(f"image{index:04d}.png", buffer.getvalue())
    curator.post("datasets/", {"slug": "bench", "title": "Bench", "licence": "CC0-1.0"})
    done = curator.bring_in(archive, dataset="commons/bench", layout="plain")
    if done["imported"] != IMAGES:
        raise RuntimeError(f"only {done['imported']} of {IMAGES} images were imported: {done}")
    campaign = {"slug": "bench", "title": "Bench", "dataset": "commons/bench", "task": "instance_segmentation"}
    curator.post("campaigns/", {**campaign, "readings_needed": READINGS})
    curator.post("campaigns/commons/bench/open/")


def _person(curator: Api, index: int) -> Api:
    curator.post("people/", {"username": f"reader{index}", "password": PASSWORD, "role": "annotator"})
    return Api(curator.url, f"reader{index}", PASSWORD)


def _empty(row: dict[str, Any]) -> dict[str, Any]:
    zeros = np.zeros((row["image"]["height"], row["image"]["width"]), dtype=np.uint32)
    return {"edit_count": 0, "labels_sha256": pixels_sha256(zeros), "active_seconds": 0.1}


def _raw_sql(url: str) -> dict[str, Any]:
    """The least a queue in Postgres can do: 2,000 rows taken one by one by 50 connections."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE bench_queue (id int PRIMARY KEY, taken boolean NOT NULL DEFAULT false)")
        connection.execute("INSERT INTO bench_queue SELECT generate_series(1, %s)", [IMAGES * READINGS])

    def take(_: int) -> int:
        taken = 0
        with psycopg.connect(url, autocommit=True) as connection:
            while connection.execute(
                "UPDATE bench_queue SET taken = true WHERE id = (SELECT id FROM bench_queue WHERE NOT taken "
                "ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
            ).fetchone():
                taken += 1
        return taken

    began = time.perf_counter()
    with ThreadPoolExecutor(PEOPLE) as threads:
        taken = sum(threads.map(take, range(PEOPLE)))
    seconds = time.perf_counter() - began
    return {"assignments": taken, "seconds": seconds, "taken_per_second": taken / seconds}
