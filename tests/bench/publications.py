"""Publications of a hub, timed: a dataset of generated images, its consensuses, releases that follow one another.

Run as a process of its own by ``tests.bench.release``, in the environment of a hub: ``SIZE FIXED REPEATS``. The last
line it prints is JSON. Images and labels are valid objects, every image's its own (``large_releases``), and rows are
written in bulk as an import and a consensus would write them; but no reading stands behind a consensus, and evidence is
shared by the images that were made alike. Descriptors are those of images without contrast: what the search for
near-duplicates costs is the business of ``./hub bench splits``.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import django
import numpy as np

django.setup()

from django.db import connection  # noqa: E402

from backend.annotation.models import Campaign, Item  # noqa: E402
from backend.consensus.evidence import CellEvidence, Evidence  # noqa: E402
from backend.consensus.models import Consensus, ConsensusState  # noqa: E402
from backend.core.storage import object_store  # noqa: E402
from backend.imaging.models import Dataset, Image, Source  # noqa: E402
from backend.people.models import Lab, Person  # noqa: E402
from backend.releases import services  # noqa: E402
from backend.releases.models import ImageDescriptor, Release, ReleaseState  # noqa: E402
from cellcommons.indexes import ReleaseItem  # noqa: E402
from cellcommons.near_duplicates.descriptors import METHOD, Descriptor  # noqa: E402
from cellcommons.near_duplicates.fingerprints import SIDE, Fingerprint  # noqa: E402
from cellcommons.release import open_release  # noqa: E402
from tests.bench import large_releases  # noqa: E402

AT_ONCE = 5000
#: What a publication is made of, as ``backend.releases.services`` calls it.
STEPS = (
    "freeze_changes", "frozen_changes", "release_item", "place_changes", "seal_release", "use_changes",
    "record_images", "record_objects", "_lock_splits",
)  # fmt: skip


class Hub:
    """A dataset of generated images with a consensus each."""

    def __init__(self, size: int) -> None:
        self.store = object_store()
        lab = Lab.objects.create(slug="bench", title="Bench")
        self.person = Person.objects.create(username="curator")
        self.dataset = Dataset.objects.create(lab=lab, slug="generated", title="Generated", licence="CC0-1.0")
        self.campaign = Campaign.objects.create(lab=lab, slug="first", title="First", dataset=self.dataset)
        self.made = large_releases.templates(self.store)
        self.evidence = [self._evidence(one) for one in self.made]
        self.items: list[ReleaseItem] = []
        self.ids: dict[str, uuid.UUID] = {}
        for item in large_releases.large_items(self.store, size, self.made):
            self.items.append(item)
        for start in range(0, size, AT_ONCE):
            self._write(self.items[start : start + AT_ONCE])
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def relabel(self, count: int, turn: int) -> None:
        """Settle other labels for ``count`` images anywhere among them."""
        some = random.Random(turn).sample(self.items, count)
        changed = large_releases.relabelled(self.store, some, self.made, turn=turn)
        Consensus.objects.bulk_create([self._consensus(item, turn) for item in changed], batch_size=AT_ONCE)

    def publish(self) -> Release:
        """Draft what is settled, and publish it."""
        draft = services.draft_release(dataset=self.dataset, campaign=self.campaign, person=self.person)
        done = services.publish_release(release_id=draft.pk)
        if done.state != ReleaseState.PUBLISHED:
            raise RuntimeError(done.error)
        return done

    def _evidence(self, made: large_releases.Template) -> str:
        rows = tuple(CellEvidence(row.id, row.box, row.area, row.agreement) for row in made.rows)
        return Evidence((), rows).save(self.store)

    def _write(self, items: Sequence[ReleaseItem]) -> None:
        names = sorted({item.source for item in items})
        held = {s.name: s for s in Source.objects.filter(dataset=self.dataset, name__in=names)}
        fresh = [Source(dataset=self.dataset, name=name) for name in names if name not in held]
        held |= {source.name: source for source in Source.objects.bulk_create(fresh)}
        images = [
            Image(
                id=item.image,
                dataset=self.dataset,
                source=held[item.source],
                name=item.name,
                stratum=item.stratum,
                original_sha256=item.tree,
                original_name=f"{item.name}.tif",
                tree_sha256=item.tree,
                preview_sha256=item.tree,
                shape=[1, item.height, item.width],
                dtype="uint16",
                channels=list(item.channels),
                pixel_size_um={"y": None, "x": None, "z": None},
            )
            for item in items
        ]
        Image.objects.bulk_create(images, batch_size=AT_ONCE)
        rows = [Item(campaign=self.campaign, image=image, readings_needed=3) for image in images]
        Item.objects.bulk_create(rows, batch_size=AT_ONCE)
        self.ids |= {str(row.image_id): row.pk for row in rows}
        Consensus.objects.bulk_create([self._consensus(item, 0) for item in items], batch_size=AT_ONCE)
        flat = Descriptor(
            (items[0].height, items[0].width), 0, Fingerprint(1.0, np.zeros((SIDE, SIDE), np.float32)), None, ()
        )
        sha256 = self.store.put(flat.to_bytes())
        ImageDescriptor.objects.bulk_create(
            [ImageDescriptor(tree_sha256=item.tree, method=METHOD, sha256=sha256) for item in items]
        )

    def _consensus(self, item: ReleaseItem, turn: int) -> Consensus:
        kind = (int(item.image[:8], 16) + turn) % large_releases.KINDS
        return Consensus(
            item_id=self.ids[item.image],
            revision=turn + 1,
            state=ConsensusState.SETTLED,
            labels_sha256=item.labels,
            cells_sha256=self.evidence[kind],
            cells=len(item.cells),
            agreement=0.9,
            method="majority",
        )


@contextmanager
def timed_steps() -> Iterator[dict[str, float]]:
    """Seconds of each of ``STEPS`` within the block."""
    seconds: dict[str, float] = defaultdict(float)

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return work(*args, **named)
            finally:
                seconds[name.strip("_")] += time.perf_counter() - start

        return call

    with mock.patch.multiple(services, **{name: timed(name, getattr(services, name)) for name in STEPS}):
        yield seconds


def _database_cpu() -> float:
    """CPU seconds of the connection's server process; 0 where it is not on this machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        place = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not place.exists():
        return 0.0
    fields = place.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measured(hub: Hub) -> dict[str, Any]:
    """One publication: seconds, CPU seconds here and in Postgres, bytes, where the time went."""
    before, database, start = resource.getrusage(resource.RUSAGE_SELF), _database_cpu(), time.perf_counter()
    with timed_steps() as steps:
        release = hub.publish()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": seconds,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "database_cpu_seconds": _database_cpu() - database,
        "new_bytes": release.delta_bytes,
        "manifest_bytes": len(hub.store.get(release.manifest_sha256)),
        "certificate_bytes": open_release(hub.store, release.manifest_sha256).manifest.certificate.size,
        "steps": {name: round(value, 3) for name, value in steps.items()},
    }


def main(size: int, fixed: int, repeats: int) -> dict[str, Any]:
    """Make, publish, relabel and publish: a fixed number of images some times, then one in a hundred."""
    start = time.perf_counter()
    hub = Hub(size)
    told: dict[str, Any] = {"made_seconds": time.perf_counter() - start}
    told["first"] = _measured(hub)
    turns = []
    for turn in range(1, repeats + 1):
        hub.relabel(min(fixed, size), turn)
        turns.append(_measured(hub))
    told["fixed"] = sorted(turns, key=lambda one: one["seconds"])[len(turns) // 2]
    hub.relabel(max(1, size // 100), repeats + 1)
    told["percent"] = _measured(hub)
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*map(int, sys.argv[1:4]))) + "\n")
