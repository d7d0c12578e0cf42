"""``./hub bench splits``: crops of one field, found or missed, beside the perceptual hash alone and ORB matches.

Crops of known overlap are cut from generated fields and, where the real images are at hand, from those of DSB2018, and
changed as files are: noise, brightness, JPEG, 16 bit, turned and mirrored. Pairs of crops of different fields of one
kind must not be found. Then the images of DSB2018 themselves, and the cost of a search over many generated fields.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage.feature import ORB, match_descriptors

from cellcommons.images.data import ImageData
from cellcommons.near_duplicates.descriptors import Descriptor, describe
from cellcommons.near_duplicates.dihedral import turned
from cellcommons.near_duplicates.fingerprints import near_identical
from cellcommons.near_duplicates.planes import ComparedPlane, compared_plane
from cellcommons.near_duplicates.search import find_pairs
from cellcommons.synthetic.cells import generate_cells
from tests.bench.result import Goal, Result

ROOT = Path(__file__).resolve().parents[2]
FRACTIONS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75)
FIELD = 360
ORB_LEAST = 12


@dataclass(frozen=True)
class Case:
    """Two crops of one field that share ``fraction`` of their area, the second changed by ``change``."""

    a: str
    b: str
    fraction: float
    change: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--fields", type=int, default=40, help="fields of each kind that crops are cut from")
    parser.add_argument("--images", type=int, nargs="*", default=[1000], help="sizes of the searches that are timed")
    parser.add_argument("--no-peers", action="store_true", help="ours only")


def run(asked: argparse.Namespace) -> Result:
    """Recall by overlap and change, false pairs, the real images, the cost, and the baselines."""
    figures: dict[str, Any] = {}
    peers: dict[str, dict[str, Any]] = {"perceptual hash alone": {}, "ORB matches": {}}
    real = Path(os.environ.get("CELLCOMMONS_REAL_DATA", ROOT.parent / "shared" / "data")) / "seg_dsb2018_fixes"
    kinds = {"generated": list(_generated(asked.fields))}
    if real.is_dir():
        kinds["dsb2018"] = [plane for _, plane in _dsb2018(real) if min(plane.shape) >= FIELD][: asked.fields]
    for kind, fields in kinds.items():
        planes, cases = _cut(fields)
        figures |= {f"{kind}_{name}": value for name, value in _ours(planes, cases).items()}
        if not asked.no_peers:
            for peer, find in (("perceptual hash alone", _hash_alone), ("ORB matches", _orb)):
                peers[peer] |= {f"{kind}_{name}": value for name, value in _scores(cases, *find(planes, cases)).items()}
    if real.is_dir():
        figures |= _real_pairs(dict(_dsb2018(real)))
    for count in asked.images:
        figures |= _cost(count)
    goals = [Goal("generated_recall_50", at_least=0.95), Goal("generated_false_pairs", at_most=0)]
    return Result("splits", figures, goals, {} if asked.no_peers else peers)


def _generated(count: int) -> Iterator[np.ndarray]:
    for seed in range(count):
        yield generate_cells(seed, height=FIELD, width=FIELD, count=40).image[0].astype(np.float32)


def _dsb2018(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    with (folder / "strata.csv").open(newline="") as rows:
        names = sorted(row["id"] for row in csv.DictReader(rows))
    for name in names:
        picture = Image.open(folder / "stage1_train" / name / "images" / f"{name}.png").convert("RGB")
        yield name[:8], np.asarray(picture).mean(axis=2).astype(np.float32)


def _jpeg(plane: np.ndarray) -> np.ndarray:
    low, high = float(plane.min()), float(plane.max())
    stream = io.BytesIO()
    Image.fromarray(np.uint8(255 * (plane - low) / max(high - low, 1e-6))).save(stream, "JPEG", quality=60)
    return np.asarray(Image.open(stream))


def _changes(rng: np.random.Generator) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    return {
        "none": lambda plane: plane,
        "noise": lambda plane: plane + rng.normal(0, 0.1 * plane.std(), plane.shape),
        "brightness": lambda plane: 40 + 0.5 * plane,
        "jpeg": _jpeg,
        "sixteen_bit": lambda plane: np.uint16(60000 * (plane - plane.min()) / max(1e-6, float(np.ptp(plane)))),
        "turned": lambda plane: turned(plane, int(rng.integers(1, 8))),
    }


def _cut(fields: list[np.ndarray]) -> tuple[dict[str, np.ndarray], list[Case]]:
    """Crops of each field, and which pairs of them are cases; at a share of 0 there is a gap of 8 pixels."""
    rng = np.random.default_rng(2018)
    planes: dict[str, np.ndarray] = {}
    cases = []
    for number, field in enumerate(fields):
        side = min(field.shape)
        for fraction in FRACTIONS:
            wide = int((side - 8) / 2 if fraction == 0 else side / (2 - fraction))
            begin = side - wide
            first = f"{number}/{fraction}"
            planes[first] = field[:side, :wide]
            for name, change in _changes(rng).items():
                planes[f"{first}/{name}"] = np.ascontiguousarray(change(field[:side, begin : begin + wide]))
                cases.append(Case(first, f"{first}/{name}", fraction, name))
    return planes, cases


def _ours(planes: dict[str, np.ndarray], cases: list[Case]) -> dict[str, Any]:
    """Each case among crops of all other fields: one search for each kind of case, so that none finds another's."""
    started = time.perf_counter()
    compared = {name: compared_plane(_image(plane)) for name, plane in planes.items()}
    described = {name: describe(plane) for name, plane in compared.items()}
    seconds = (time.perf_counter() - started) / len(planes)
    found, false, asked = set(), 0, 0
    for group in _groups(cases):
        names = sorted({name for case in group for name in (case.a, case.b)})
        some = {name: described[name] for name in names}
        wanted = {(case.a, case.b) for case in group}
        for pair in find_pairs(names, some, compared.__getitem__):
            if pair.key in wanted:
                found.add(pair.key)
            elif pair.a.split("/")[0] != pair.b.split("/")[0]:
                false += 1
        asked += len(names) * (len(names) - 1) // 2 - len(group)
    return {"describe_ms": 1000 * seconds, **_scores(cases, found, false, asked)}


def _groups(cases: list[Case]) -> list[list[Case]]:
    groups: dict[tuple[float, str], list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.fraction, case.change].append(case)
    return list(groups.values())


def _scores(cases: list[Case], found: set[tuple[str, str]], false: int, asked: int) -> dict[str, Any]:
    """Recall by share of the area and by change, with Wilson's 95 % intervals; false pairs with theirs."""
    hits = {case: (case.a, case.b) in found for case in cases}
    told: dict[str, Any] = {}
    for fraction in FRACTIONS:
        some = [hit for case, hit in hits.items() if case.fraction == fraction]
        name = f"recall_{fraction:.0%}".rstrip("%") if fraction else "found_with_a_gap"
        told[name] = sum(some) / len(some)
        told[f"{name}_interval"] = _wilson(sum(some), len(some))
    for change in sorted({case.change for case in cases}):
        some = [hit for case, hit in hits.items() if case.change == change and case.fraction == 0.5]
        told[f"recall_50_{change}"] = sum(some) / len(some)
    shared = sum(hit for case, hit in hits.items() if case.fraction)
    told |= {"false_pairs": false, "pairs_asked": asked, "false_rate_interval": _wilson(false, asked)}
    told["precision"] = shared / max(1, shared + false)
    return told


def _wilson(hits: int, total: int) -> list[float]:
    z, share = 1.96, hits / max(1, total)
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return [round(max(0.0, middle - half), 7), round(min(1.0, middle + half), 7)]


def _hash_alone(planes: dict[str, np.ndarray], cases: list[Case]) -> tuple[set[tuple[str, str]], int, int]:
    prints = {name: describe(compared_plane(_image(plane))).fingerprint for name, plane in planes.items()}
    found, false, asked = set(), 0, 0
    for group in _groups(cases):
        names = sorted({name for case in group for name in (case.a, case.b)})
        for pair in near_identical(names, {name: prints[name] for name in names}):
            key = (min(pair.a, pair.b), max(pair.a, pair.b))
            if key in {(case.a, case.b) for case in group}:
                found.add(key)
            else:
                false += 1
        asked += len(names) * (len(names) - 1) // 2 - len(group)
    return found, false, asked


def _orb(planes: dict[str, np.ndarray], cases: list[Case]) -> tuple[set[tuple[str, str]], int, int]:
    """scikit-image's ORB, 200 points, mutual matches with a ratio of 0.8: at least 12. Of false pairs a sample."""
    kept: dict[str, Any] = {}

    def points(name: str) -> Any:
        if name not in kept:
            plane = planes[name].astype(np.float64)
            orb = ORB(n_keypoints=200)
            try:
                orb.detect_and_extract((plane - plane.min()) / max(1e-6, float(np.ptp(plane))))
                kept[name] = orb.descriptors
            except RuntimeError:  # no corner at all
                kept[name] = np.zeros((0, 256), dtype=bool)
        return kept[name]

    def alike(a: str, b: str) -> bool:
        one, two = points(a), points(b)
        if min(len(one), len(two)) < ORB_LEAST:
            return False
        return len(match_descriptors(one, two, cross_check=True, max_ratio=0.8)) >= ORB_LEAST

    found = {(case.a, case.b) for case in cases if alike(case.a, case.b)}
    others = [(a.a, b.b) for a, b in zip(cases, [*cases[37:], *cases[:37]], strict=True)]
    apart = [(a, b) for a, b in others if a.split("/")[0] != b.split("/")[0]]
    return found, sum(alike(a, b) for a, b in apart), len(apart)


def _real_pairs(planes: dict[str, np.ndarray]) -> dict[str, Any]:
    """What is found among the images of DSB2018 as they are."""
    compared = {name: compared_plane(_image(plane)) for name, plane in planes.items()}
    known = {name: describe(plane) for name, plane in compared.items()}
    started = time.perf_counter()
    pairs = find_pairs(known, known, compared.__getitem__)
    kinds = Counter(pair.kind for pair in pairs)
    return {
        "dsb2018_images": len(planes),
        **{f"dsb2018_pairs_{kind}": kinds[kind] for kind in ("near-identical", "overlap", "adjoining")},
        "dsb2018_images_in_pairs": len({name for pair in pairs for name in pair.key}),
        "dsb2018_search_seconds": time.perf_counter() - started,
    }


def _cost(count: int) -> dict[str, Any]:
    """A search among ``count`` crops of generated fields, and one for a hundredth of them that is new."""
    fields = (generate_cells(10_000 + seed, height=256, width=256, count=25).image[0] for seed in range(count))
    compared: dict[str, ComparedPlane] = {
        f"{number:06d}": compared_plane(_image(field)) for number, field in enumerate(fields)
    }
    started = time.perf_counter()
    known: dict[str, Descriptor] = {name: describe(plane) for name, plane in compared.items()}
    described = time.perf_counter() - started
    started = time.perf_counter()
    pairs = find_pairs(known, known, compared.__getitem__)
    whole = time.perf_counter() - started
    started = time.perf_counter()
    find_pairs(sorted(known)[::100], known, compared.__getitem__)
    new = time.perf_counter() - started
    return {
        f"describe_ms_an_image_{count}": 1000 * described / count,
        f"search_ms_an_image_{count}": 1000 * whole / count,
        f"false_pairs_{count}": len(pairs),
        f"search_for_a_hundredth_seconds_{count}": new,
        f"descriptor_bytes_{count}": float(np.mean([len(one.to_bytes()) for one in known.values()])),
    }


def _image(plane: np.ndarray) -> ImageData:
    pixels = plane if plane.dtype in (np.uint8, np.uint16) else plane.astype(np.float32)
    return ImageData(np.ascontiguousarray(pixels)[None], "cyx", ("grey",))
