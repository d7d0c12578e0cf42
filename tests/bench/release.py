"""``./hub bench release``: what publishing a release costs as it grows, and as what changed does.

Generated datasets, as a hub has them (``publications``): published, some images relabelled, published again. Then the
sealing alone, by the library, beside sealing all of it again, and git committing the same change to a file for every
image's labels. ``--sizes 1000,10000,100000 --no-sealing`` for the largest.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backend.door.home import ROOT
from backend.door.services import PYTHON
from cellcommons.cards.dataset import dataset_card
from cellcommons.indexes import ReleaseItem
from cellcommons.parts import differing
from cellcommons.release import Release, open_release
from cellcommons.sealing import seal_release
from cellcommons.store import FolderStore
from cellcommons.summary import Summary
from tests.bench.bare_hub import bare_hub
from tests.bench.large_releases import large_items, relabelled, templates
from tests.bench.result import Goal, Result

FIXED = 100
SHARE = 0.01
REPEATS = 3
FACTS: dict[str, Any] = {
    "dataset": "bench/generated", "title": "Generated", "licence": "CC0-1.0", "task": "instance_segmentation",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--sizes", default="1000,10000", help="images, with commas between (%(default)s)")
    parser.add_argument("--no-git", action="store_true", help="leave the peer out")
    parser.add_argument("--no-sealing", action="store_true", help="publications only, without sealing by the library")


def run(asked: argparse.Namespace) -> Result:
    """Seal releases of every size, change them, seal again."""
    sizes = [int(text) for text in asked.sizes.split(",")]
    figures: dict[str, Any] = {}
    peers: dict[str, dict[str, Any]] = {"all sealed again": {}, "git": {}}
    for size in sizes:
        figures |= _published(size)
    for figure in ("seconds", "cpu_seconds"):
        for change, name in ((f"change_of_{FIXED}", "fixed_change"), ("change_of_1_percent", "1_percent")):
            points = [(size, figures[f"publish_{change}_{figure}_{size}"]) for size in sizes]
            figures[f"publish_{figure}_slope_at_{name}"] = _slope(points)
    figures["manifest_bytes"] = max(figures[f"publish_first_manifest_bytes_{size}"] for size in sizes)
    goals = [Goal("manifest_bytes", at_most=15_999), Goal("publish_seconds_slope_at_fixed_change", at_most=0.5)]
    if asked.no_sealing:
        return Result("release", figures, goals)
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            figures |= _measure(Path(folder), size, peers, git=not asked.no_git and shutil.which("git") is not None)
    slope = _slope([(size, figures[f"change_of_{FIXED}_seconds_{size}"]) for size in sizes])
    figures["sealing_slope_at_fixed_change"] = slope
    for name, bench in (("all sealed again", "seconds"), ("git", "seconds")):
        found = [(size, peers[name][f"{bench}_{size}"]) for size in sizes if f"{bench}_{size}" in peers[name]]
        if len(found) > 1:
            peers[name]["slope_at_fixed_change"] = _slope(found)
    return Result("release", figures, goals, {name: said for name, said in peers.items() if said})


def _published(size: int) -> dict[str, Any]:
    """Publications of a hub of ``size`` images, by a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-release-") as folder, bare_hub(Path(folder) / "hub") as env:
        words = [str(PYTHON), "-m", "tests.bench.publications", *map(str, (size, FIXED, REPEATS))]
        done = subprocess.run(words, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    _say(f"{size:,} images published: {told}")
    figures = {f"made_seconds_{size}": told["made_seconds"]}
    for key, name in (("first", "first"), ("fixed", f"change_of_{FIXED}"), ("percent", "change_of_1_percent")):
        figures |= {f"publish_{name}_{fact}_{size}": value for fact, value in told[key].items()}
    return figures


def _measure(folder: Path, size: int, peers: dict[str, dict[str, Any]], *, git: bool) -> dict[str, Any]:
    store = FolderStore(folder / "store")
    made = templates(store)
    items, seconds = _timed(lambda: list(large_items(store, size, made)))
    _say(f"{size:,} images written in {seconds:.0f} s")
    release, first = _timed(lambda: _seal(store, items, None, None))
    figures: dict[str, Any] = {f"first_seconds_{size}": first, f"manifest_bytes_{size}": _manifest_bytes(release)}
    rng, times, turn = random.Random(size), [], 0
    for turn in range(1, REPEATS + 1):
        changed = relabelled(store, rng.sample(items, min(FIXED, size)), made, turn=turn)
        after, taken = _timed(lambda changed=changed, release=release: _seal(store, changed, release, []))  # type: ignore[misc]
        times.append(taken)
        items, before, release = _replaced(items, changed), release, after
    middle = sorted(times)[len(times) // 2]
    figures |= {
        f"change_of_{FIXED}_seconds_{size}": middle,
        f"seconds_a_changed_image_{size}": middle / min(FIXED, size),
        f"manifest_bytes_{size}": max(figures[f"manifest_bytes_{size}"], _manifest_bytes(release)),
    }
    again, scratch = _timed(lambda: _seal(store, items, before, None))
    if again.digest != release.digest:
        raise AssertionError("sealed from what changed it is not what sealing all of it gives")
    peers["all sealed again"][f"seconds_{size}"] = scratch

    changed = relabelled(store, rng.sample(items, max(1, round(SHARE * size))), made, turn=turn + 1)
    after, taken = _timed(lambda: _seal(store, changed, release, []))
    figures[f"change_of_1_percent_seconds_{size}"] = taken
    figures |= {f"new_bytes_{kind}_{size}": n for kind, n in sorted(_new_bytes(release, after).items())}
    _say(f"{size:,} images: {figures}")
    if git:
        peers["git"][f"seconds_{size}"] = _git(folder / "git", store, items, changed)
    return figures


def _seal(
    store: FolderStore, items: Sequence[ReleaseItem], parent: Release | None, removed: list[str] | None
) -> Release:
    facts = {**FACTS, "created": "2026-11-20T08:00:00Z"}
    certificate = {"seed": 0}

    def card(summary: Summary, version: str) -> str:
        return dataset_card(**facts, version=version, summary=summary, certificate=certificate)

    before = parent.digest if parent else None
    _, digest = seal_release(
        store, items=items, removed=removed, parent=before, card_text=card, split_certificate=certificate, **facts
    )
    return open_release(store, digest)


def _replaced(items: Sequence[ReleaseItem], changed: Sequence[ReleaseItem]) -> list[ReleaseItem]:
    new = {item.image: item for item in changed}
    return [new.get(item.image, item) for item in items]


def _new_bytes(before: Release, after: Release) -> Counter[str]:
    """Bytes of the objects that ``after`` has and ``before`` lacks, by what they are; from the parts that differ."""
    old, new = _by_kind(before, after), _by_kind(after, before)
    found: Counter[str] = Counter()
    for digest, (kind, size) in new.items():
        if digest not in old:
            found[kind] += size
    found["all"] = sum(found.values())
    return found


def _by_kind(release: Release, other: Release) -> dict[str, tuple[str, int]]:
    manifest = release.manifest
    found = {release.digest: ("manifest", _manifest_bytes(release))}
    found[manifest.parts.sha256] = ("listings_of_parts", manifest.parts.size)
    found |= {blob.sha256: ("cards_and_counts", blob.size) for blob in manifest.blobs().values()}
    for number in differing(release.parts, other.parts):
        entry, tree = release.parts.get(number), release.part(number)
        if entry is None or tree is None:
            continue
        found[entry.sha256] = ("listings_of_parts", entry.size)
        found |= {file.sha256: ("indexes_and_shards", file.size) for file in tree.entries}
        for item in release.part_items(number):
            for kind, digest in (("images", item.tree), ("labels", item.labels)):
                listing = release.tree(digest)
                found[digest] = (kind, len(listing.to_bytes()))
                found |= {file.sha256: (kind, file.size) for file in listing.entries}
    return found


def _git(folder: Path, store: FolderStore, items: Sequence[ReleaseItem], changed: Sequence[ReleaseItem]) -> float:
    """Seconds that git takes to commit the changed label files of a folder that holds every image's labels."""

    def write(some: Sequence[ReleaseItem]) -> None:
        for item in some:
            place = folder / item.image[5:8] / item.image
            place.mkdir(parents=True, exist_ok=True)
            (place / "labels").write_bytes(store.get(item.labels))

    def git(*words: str) -> None:
        who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"]
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    folder.mkdir()
    write(items)
    git("init")
    git("add", "-A")
    git("commit", "-qm", "first")
    write(changed[:FIXED])
    return _timed(lambda: (git("add", "-A"), git("commit", "-qm", "second")))[1]


def _manifest_bytes(release: Release) -> int:
    return len(release.manifest.to_bytes())


def _slope(points: Sequence[tuple[int, float]]) -> float:
    """Of the least-squares line through log size, log seconds; 0: no growth, 1: in proportion."""
    if len(points) < 2:
        return 0.0
    logs = [(math.log(x), math.log(y)) for x, y in points]
    mean = [sum(values) / len(logs) for values in zip(*logs, strict=True)]
    return sum((x - mean[0]) * (y - mean[1]) for x, y in logs) / sum((x - mean[0]) ** 2 for x, _ in logs)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    done = work()
    return done, time.perf_counter() - start


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
