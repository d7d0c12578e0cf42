"""Images judged: bad regions of a real counterpart marked, real told from predicted, one prediction preferred.

Failures of a prediction are where it is locally far from the real image: the mean absolute difference in a Gaussian
window of ``WINDOW`` pixels exceeds ``FAR`` of the real channel's range (its 0.5th to 99.5th percentile), over at least
``SMALLEST`` pixels. Failures of a real counterpart are those stated by a mask ``failures/NAME.png`` beside its folders;
none where there is no such mask. People mark them by ``cellcommons.synthetic.failure_annotator`` and choose by
``cellcommons.synthetic.preference_annotator``, seeing the Pearson r with the real image, times ``KEEN``, as quality.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from backend.rehearsal.api import Api
from backend.rehearsal.arrays import read_array_over_http
from backend.rehearsal.kinds.contract import Desk, Option, PlainKind, Submission, Wish
from backend.rehearsal.kinds.painting import Box, cut, painted
from backend.rehearsal.pool import (
    Ask,
    Case,
    Pool,
    Upload,
    count_of,
    has_truth,
    read_records,
    scan_entries,
    stratified,
    upload_of,
)
from backend.rehearsal.tiles import SIDE, SOURCES, alike, cut_pairs
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.labels import Labels, Mask
from cellcommons.layouts.contract import Record
from cellcommons.measures.images import nrmse, pearson_r, psnr, ssim
from cellcommons.measures.overlap import dice
from cellcommons.pairs import ImagePair
from cellcommons.reading import Reading
from cellcommons.synthetic.failure_annotator import MODELS as MARKERS
from cellcommons.synthetic.failure_annotator import FailureModel, annotate_failures
from cellcommons.synthetic.preference_annotator import MODELS as CHOOSERS
from cellcommons.synthetic.preference_annotator import PreferenceModel, annotate_preferences

USUAL = 24
WINDOW, FAR, SMALLEST, KEEN = 3.0, 0.2, 60, 10.0
FAILURES = "failures"


@dataclass(frozen=True)
class Judge:
    """One person: how they mark failures, and how they choose."""

    level: str
    marks: FailureModel
    chooses: PreferenceModel


class Augmented(PlainKind):
    task = "augmented"
    score = "failure_dice"
    paints = True
    answers = True
    noun = "region"

    def draw_pool(self, ask: Ask) -> Pool:
        """Pairs of one input and one set of markers; cut into tiles where they are few or large."""
        entries, notes = alike(scan_entries(ask))
        records = read_records(ask, entries)
        for record in records:
            has_truth(record, ImagePair, task=self.task)
        large = max(min(record.image.shape_yx) for record in records) >= 2 * SIDE
        if len({entry.source for entry in entries}) < SOURCES or large:
            upload, note = cut_pairs(ask, records)
            ask, notes = replace(ask, layout=upload.layout, root=upload.root), (*notes, note)
            entries = scan_entries(ask)
        wanted = count_of(ask, len(entries), usual=USUAL)
        # Over sources, so that each has its share and the split something to part.
        chosen = stratified([replace(entry, stratum=entry.source) for entry in entries], wanted, ask.seed)
        names = {entry.name for entry in chosen}
        records = read_records(ask, [entry for entry in entries if entry.name in names])
        cases = {record.entry.name: _case(record, ask.root) for record in records}
        marked = sum(bool(case.truth.labels.any()) for case in cases.values())
        notes = (*notes, f"{marked} real counterparts have stated failures; the others are taken to have none")
        uploads: tuple[Upload, ...] = (upload_of(ask, chosen),)
        return Pool(ask.layout, self.task, cases, uploads, notes=notes)

    def headline(self, pool: Pool) -> str:
        return "pearson_r"

    def person(self, seed: int, pool: Pool) -> Judge:
        level = ("novice", "practised", "practised", "expert")[int(np.random.default_rng(seed).integers(4))]
        return Judge(level, MARKERS[level], CHOOSERS[level])  # type: ignore[index]

    def wishes(self, desk: Desk, model: Judge, rng: np.random.Generator) -> Iterator[Wish]:
        """The answer first, where there is a question; what it reveals is then marked."""
        empty, target = np.zeros(desk.case.shape, dtype=np.uint32), desk.case.given["target"]
        question = desk.assignment["question"]
        if question is None:
            yield _marked(desk.case.truth.labels > 0, model, rng, {}, {})
            return
        shown = {
            row["key"]: read_array_over_http(desk.api, row["zarr_url"])
            for row in desk.assignment["given"]
            if row["kind"] == "candidate"
        }
        qualities = {key: KEEN * _likeness(target, image) for key, image in shown.items()}
        said = annotate_preferences(qualities, [("a", "b")], model.chooses, seed=int(rng.integers(2**31)))
        (answer,) = said.answers
        word = ("unsure" if question == "trial" else "same") if answer.tie else answer.winner
        yield Wish(Reading(empty, {question: word}), said.seconds)
        desk.look_again()
        roles = {row["role"]: row["key"] for row in desk.assignment["given"] if row["kind"] == "candidate"}
        newest = roles["predicted"]
        outcome = {"trial": _meaning(word, right=roles.get("real"))} if question == "trial" else {}
        if question == "preference":
            outcome["preference"] = _meaning(word, right=newest)
        yield _marked(failures_of(target, shown[newest]), model, rng, {question: word}, outcome)

    def score_reading(self, case: Case, truth: Reading, reading: Reading) -> float:
        return _same_regions(truth.labels, reading.labels)

    def score_option(self, case: Case, truth: Reading, box: Box, option: Option) -> float:
        return _same_regions(cut(truth.labels, box), painted(option.labels))

    def majority(self, pool: Pool, submissions: Mapping[str, Sequence[Submission]]) -> dict[str, Reading]:
        """Pixels that more than half of the readers marked."""
        fused = {}
        for image, readings in submissions.items():
            share = np.mean([s.reading.labels > 0 for s in readings], axis=0)
            fused[image] = Reading(_regions(share > 0.5))
        return fused

    def read_prediction(self, api: Api, row: Mapping[str, Any]) -> NDArray[Any]:
        return read_array_over_http(api, row["zarr_url"])

    def measure(self, pool: Pool, predicted: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Pearson r of each marker over the pixels of all images; SSIM, PSNR and NRMSE as means over images."""
        pairs = [(pool.cases[name].given["target"], image) for name, image in predicted.items()]
        if not pairs:
            return {"pearson_r": 0.0}
        markers = pairs[0][0].channels
        out: dict[str, Any] = {}
        for c, marker in enumerate(markers):
            real = np.concatenate([target.data[c].reshape(1, -1) for target, _ in pairs], axis=1)
            said = np.concatenate([image[c].reshape(1, -1) for _, image in pairs], axis=1)
            out[f"pearson_r_{marker}"] = round(pearson_r(real, said), 4)
        mean = round(float(np.mean(list(out.values()))), 4)
        planes = [(t.data[c], i[c]) for t, i in pairs for c in range(len(markers)) if float(np.ptp(t.data[c])) > 0]
        for measure in (ssim, psnr, nrmse):
            values = [measure(real, said) for real, said in planes]
            out[measure.__name__] = round(float(np.mean(values)), 4) if values else None
        return {"pearson_r": mean, **out}

    def baseline(self, pool: Pool, train: Sequence[str], test: Sequence[str]) -> dict[str, Any]:
        """Of denoising, the image as it is and after a Gaussian of sigma 1; else the hub's own baseline is all."""
        cases = [pool.cases[name] for name in test]
        if not cases or any(c.given["source"].data.shape != c.given["target"].data.shape for c in cases):
            return {}
        plain = {case.name: case.given["source"].data for case in cases}
        smooth = {
            name: np.stack([ndimage.gaussian_filter(plane.astype(np.float64), 1.0) for plane in data])
            for name, data in plain.items()
        }
        return {"identity": self.measure(pool, plain), "gaussian_sigma_1": self.measure(pool, smooth)}

    def extras(self, submissions: Sequence[Submission]) -> dict[str, Any]:
        """Answers to the questions: how many were right, resp. for the newer model, of how many that were decided."""
        out: dict[str, Any] = {}
        for question, name in (("trial", "real_was_found"), ("preference", "newest_was_preferred")):
            given = [s.outcome[question] for s in submissions if question in s.outcome]
            if given:
                decided = [answer for answer in given if answer is not None]
                share = round(float(np.mean(decided)), 4) if decided else None
                out[name] = {"answers": len(given), "decided": len(decided), "share": share}
        return out


def failures_of(target: ImageData, predicted: NDArray[Any]) -> Mask:
    """Where a prediction (cyx) is far from the real image, see the module. Bool, yx."""
    far = np.zeros(target.shape_yx, dtype=np.bool_)
    for real, said in zip(target.data.astype(np.float64), predicted.astype(np.float64), strict=True):
        low, high = np.percentile(real, (0.5, 99.5))
        far |= ndimage.gaussian_filter(np.abs(real - said), WINDOW) > FAR * max(float(high - low), 1e-9)
    parts, count = ndimage.label(far)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    return np.asarray(far & (sizes[parts] >= SMALLEST))


def _case(record: Record, root: Path) -> Case:
    entry, shape = record.entry, record.image.shape_yx
    assert isinstance(record.truth, ImagePair)
    mask = root / FAILURES / f"{entry.name}.png"
    failed = read_image(mask).plane() > 0 if mask.is_file() else np.zeros(shape, dtype=np.bool_)
    given = {"target": record.truth.target, "source": record.image}
    return Case(entry.name, entry.source, entry.stratum, Reading(_regions(failed)), shape, given)


def _regions(mask: NDArray[Any]) -> Labels:
    parts, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    return np.asarray(parts, dtype=np.uint32)


def _marked(
    failed: Mask, model: Judge, rng: np.random.Generator, values: dict[str, str], outcome: dict[str, Any]
) -> Wish:
    """A person's marks on ``failed``, beside what they answered already."""
    made = annotate_failures(np.asarray(failed, dtype=np.bool_), model.marks, seed=int(rng.integers(2**31)))
    return Wish(Reading(_regions(made.marked), values), made.seconds, Reading(_regions(failed), values), outcome)


def _likeness(target: ImageData, image: NDArray[Any]) -> float:
    return float(np.mean([pearson_r(real, said) for real, said in zip(target.data, image, strict=True)]))


def _meaning(word: str, *, right: str | None) -> bool | None:
    return None if word in ("unsure", "same") else word == right


def _same_regions(one: Labels, other: Labels) -> float:
    """Dice of what is marked; 1 where neither marks anything."""
    return 1.0 if not one.any() and not other.any() else dice(one > 0, other > 0)
