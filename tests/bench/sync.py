"""Downloads and syncs from a local hub, beside `curl --parallel` over the very same objects.

The hub is one that `./hub up` would run. Ours verifies every sha256, resumes, and lays the release out; curl writes
files and checks nothing. Runs take turns, so that both see the same load.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backend.door.hub import Hub, running_hub
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.release import CellRow, Release, ReleaseItem, open_release
from cellcommons.sealing import seal_release
from cellcommons.store import FolderStore, object_path, open_store
from cellcommons.tree import Tree, TreeEntry, load_tree
from tests.bench.peers.dvc_remote import DvcRemote
from tests.bench.result import Goal, Result

PARALLEL = 8
REPOSITORY = Path(__file__).parents[2]
#: Makes a sealed release one that the hub serves. What it was made from is not in the hub, which no download asks.
REGISTER = """
import sys
from django.utils import timezone
from backend.annotation.models import Campaign
from backend.core.storage import object_store
from backend.imaging.models import Dataset, Visibility
from backend.people.models import Lab
from backend.releases.membership import record_objects
from backend.releases.models import Release, ReleaseState
from cellcommons.release import open_release
from cellcommons.uses import use_changes
digest = "{digest}"
sealed = open_release(object_store(), digest)
manifest = sealed.manifest
lab_slug, slug = manifest.dataset.split("/")
lab, _ = Lab.objects.get_or_create(slug=lab_slug, defaults={{"title": "Bench"}})
dataset, _ = Dataset.objects.get_or_create(
    lab=lab, slug=slug, defaults={{"title": manifest.title, "visibility": Visibility.HUB}})
campaign, _ = Campaign.objects.get_or_create(
    lab=lab, slug=slug, defaults={{"title": manifest.title, "dataset": dataset, "task": manifest.task}})
major, minor, patch = map(int, manifest.version.split("."))
last = dataset.releases.order_by("-ordinal").first()
release = Release.objects.create(
    dataset=dataset, campaign=campaign, title=manifest.title, licence=manifest.licence,
    state=ReleaseState.PUBLISHING, ordinal=last.ordinal + 1 if last else 1)
before = open_release(object_store(), last.manifest_sha256) if last else None
record_objects(release, use_changes(before, sealed))
Release.objects.filter(pk=release.pk).update(
    major=major, minor=minor, patch=patch, manifest_sha256=digest, card_sha256=manifest.card.sha256,
    state=ReleaseState.PUBLISHED, published_at=timezone.now(), bytes=manifest.objects.bytes)
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--small", type=int, default=20_000, help="small objects (20,000)")
    parser.add_argument("--large-mb", type=int, default=2_000, help="megabytes in objects of 64 MB (2,000)")
    parser.add_argument("--images", type=int, default=10_000, help="of the release that is relabelled (10,000)")
    parser.add_argument("--repeats", type=int, default=3, help="runs each way, in turns (3)")
    parser.add_argument("--dvc", type=Path, help="where the command of DVC lies, a further peer; left out without it")


def run(asked: argparse.Namespace) -> Result:
    """Seal, serve, download, relabel, sync."""
    figures: dict[str, Any] = {"load_before": os.getloadavg()[0]}
    peers: dict[str, dict[str, Any]] = {"curl --parallel": {}}
    goals = []
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as place, running_hub(Path(place) / "hub") as hub:
        root = Path(place)
        store = open_store(hub.env["OBJECTS_URL"])
        if not isinstance(store, FolderStore):
            raise RuntimeError("this benchmark wants a hub on an object folder")
        kinds = {"small": (asked.small, 8 << 10, 0.8), "large": (asked.large_mb // 64, 64 << 20, 0.9)}
        for name, (count, size, goal) in kinds.items():
            if not count:
                continue
            release = many_objects(store, name, count, size)
            _register(hub, release)
            ours, singly, curls = _beside_curl(hub, release, root, asked.repeats)
            objects = release.manifest.objects
            figures |= {f"{name}_objects": objects.count, f"{name}_mb": objects.bytes / 1e6}
            figures[f"{name}_seconds"] = statistics.median(ours)
            figures[f"{name}_objects_per_second"] = objects.count / statistics.median(ours)
            figures[f"{name}_mb_per_second"] = objects.bytes / 1e6 / statistics.median(ours)
            peers["curl --parallel"][f"{name}_seconds"] = statistics.median(curls)
            figures[f"{name}_speed_over_curl"] = statistics.median(curls) / statistics.median(ours)
            if name == "small":
                # One request an object, as from a mirror of static files: what curl does too.
                figures["small_seconds_without_packs"] = statistics.median(singly)
                figures["small_speed_over_curl_without_packs"] = statistics.median(curls) / statistics.median(singly)
            goals.append(Goal(f"{name}_speed_over_curl", at_least=goal))
            if asked.dvc:
                pulls = _pulled_by_dvc(asked.dvc, release, root, asked.repeats)
                peers.setdefault("dvc pull, from a folder", {})[f"{name}_seconds"] = statistics.median(pulls)
                figures[f"{name}_speed_over_dvc"] = statistics.median(pulls) / statistics.median(ours)
        if asked.images:
            figures |= _relabelled(hub, store, root, asked.images)
            goals.append(Goal("bytes_moved_over_changed", at_most=1.1))
    return Result("sync", figures, goals, peers)


def many_objects(store: FolderStore, slug: str, count: int, size: int) -> Release:
    """A release of ``count`` objects of random bytes, up to ``size`` each, beside what any release has.

    They lie in the trees of its images, as the chunks of arrays that are not sharded would.
    """
    rng = np.random.default_rng(count)
    images = max(3, min(20, count // 4))
    base = _items(store, images, side=16)
    shares = np.array_split(np.arange(count), images)
    items = []
    with store.batch() as batch:
        for item, share in zip(base, shares, strict=True):
            entries = list(load_tree(store, item.tree).entries)
            for n in share:
                data = rng.bytes(int(size if size > 1 << 20 else rng.integers(size // 8, size)))
                entries.append(TreeEntry(f"chunks/{n:06d}", batch.put(data), len(data)))
            items.append(replace(item, tree=Tree(tuple(sorted(entries))).save(batch)))
    return _seal(store, slug, items)


def _items(store: FolderStore, count: int, side: int) -> list[ReleaseItem]:
    """Images of noise with one cell each, every tenth source held out."""
    rng = np.random.default_rng(0)
    items = []
    with store.batch() as batch:
        for n in range(count):
            pixels = rng.integers(0, 4096, (1, side, side), dtype=np.uint16)
            labels, row = _cell(side, n % (side // 2), side // 2)
            split = ("validation", "test")[n % 2] if n % 10 < 2 else "train"
            items.append(
                ReleaseItem(
                    f"image-{n:06d}", f"image {n}", write_image(batch, ImageData(pixels, "cyx", ("DNA",))).digest,
                    write_labels(batch, labels).digest, split, f"source-{n}", "noise", ("DNA",), side, side, (row,),
                )
            )  # fmt: skip
    return items


def _cell(side: int, at: int, size: int) -> tuple[np.ndarray[Any, Any], CellRow]:
    labels = np.zeros((side, side), np.uint32)
    labels[at : at + size, 1 : 1 + size] = 1
    area = int((labels == 1).sum())
    return labels, CellRow(1, (at, 1, min(side, at + size), min(side, 1 + size)), area, None)


def _seal(store: FolderStore, slug: str, items: list[ReleaseItem], parent: str | None = None) -> Release:
    with store.batch() as batch:
        _, digest = seal_release(
            batch,
            dataset=f"bench/{slug}",
            title=f"Bench: {slug}",
            parent=parent,
            created="2026-11-20T08:00:00Z",
            licence="CC0-1.0",
            task="instance_segmentation",
            items=items,
            card_text="# Bench\n",
            split_certificate={"seed": 0},
        )
    return open_release(store, digest)


def _register(hub: Hub, release: Release) -> None:
    code = REGISTER.format(digest=release.digest)
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    subprocess.run(command, env={**os.environ, **hub.env}, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def _beside_curl(hub: Hub, release: Release, root: Path, repeats: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of each run in turns: ours, ours without packs, and curl's."""
    manifest = release.manifest
    base = f"{hub.url}/api/v1/releases/{manifest.dataset}/{manifest.version}"
    listing = root / "curl.txt"
    wanted = [(digest, size) for digest, size in release.objects() if digest != release.digest]
    listing.write_text("".join(f'url = "{base}/{object_path(d)}"\noutput = "{root / "curl" / d}"\n' for d, _ in wanted))
    curl = ["curl", "--silent", "--fail", "--parallel", "--parallel-max", str(PARALLEL), "--config", str(listing)]
    ours: list[float] = []
    singly: list[float] = []
    theirs: list[float] = []
    command = _ours("download", manifest.reference, str(root / "ours"), "--hub", hub.url)
    for _ in range(repeats):
        with _emptied(root / "curl"):
            theirs.append(_seconds(curl))
            if sum(path.stat().st_size for path in (root / "curl").iterdir()) != sum(size for _, size in wanted):
                raise RuntimeError("curl did not fetch all")
        for seconds, asked in ((ours, command), (singly, [*command, "--no-packs"])):
            with _emptied(root / "ours"):
                seconds.append(_seconds(asked))
    return ours, singly, theirs


def _pulled_by_dvc(dvc: Path, release: Release, root: Path, repeats: int) -> list[float]:
    """Seconds of each pull of the same objects by DVC, which has them in a folder of this machine and asks no hub."""
    with _emptied(root / "dvc"):
        files = root / "dvc" / "files"
        files.mkdir()
        for digest, _ in release.objects():
            with release.store.open(digest) as source, (files / digest).open("wb") as kept:
                shutil.copyfileobj(source, kept)
        remote = DvcRemote(dvc, files, root / "dvc" / "peer")
        shutil.rmtree(files)
        os.sync()
        return [remote.pull(PARALLEL) for _ in range(repeats)]


def _ours(*words: str) -> list[str]:
    return [sys.executable, "-m", "cellcommons", *words, "--jobs", str(PARALLEL)]


@contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # What others left to be written is written now, and not during a run of one of us.
    os.sync()
    try:
        yield
    finally:
        shutil.rmtree(folder)


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _relabelled(hub: Hub, store: FolderStore, root: Path, images: int) -> dict[str, Any]:
    """One cell in a hundred is drawn anew; what of it moves."""
    side = 32
    items = _items(store, images, side)
    first = _seal(store, "cells", items)
    _register(hub, first)
    folder = str(root / "cells")
    _seconds(_ours("download", first.manifest.reference, folder, "--hub", hub.url))
    with store.batch() as batch:
        for n in range(0, images, 100):
            labels, row = _cell(side, (n + 7) % 5, side // 2 + 3)
            items[n] = replace(items[n], labels=write_labels(batch, labels).digest, cells=(row,))
    second = _seal(store, "cells", items, first.digest)
    _register(hub, second)
    old = {digest for digest, _ in first.objects()}
    changed = {digest: size for digest, size in second.objects() if digest not in old}
    trees = {d: n for item in items[::100] for d, n in _tree(second, item.labels).items() if d in changed}
    began = time.perf_counter()
    ran = subprocess.run(_ours("sync", folder, "--json"), cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - began
    done = json.loads(ran.stdout.splitlines()[-1])
    # Beside objects, three small answers: which release is the newest, its manifest, its signature.
    moved = done["fetched"] + len(second.manifest.to_bytes())
    return {
        "relabelled_images": len(range(0, images, 100)),
        "sync_seconds": seconds,
        "changed_objects_bytes": sum(changed.values()),
        "changed_label_trees_bytes": sum(trees.values()),
        "bytes_moved": moved,
        "bytes_moved_over_changed": moved / sum(changed.values()),
        "bytes_moved_over_label_trees": moved / sum(trees.values()),
        "bytes_of_release": second.manifest.objects.bytes,
        "changes": done["changes"],
    }


def _tree(release: Release, digest: str) -> dict[str, int]:
    tree = release.tree(digest)
    return {digest: release.store.size(digest), **{entry.sha256: entry.size for entry in tree.entries}}
