"""The model card: what a checkpoint was trained on, how well it does, and where it fails."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from cellcommons.cards.front_matter import front_matter, plain, table, task_category
from cellcommons.errors import InvalidDocument
from cellcommons.kinds.registry import kind_of
from cellcommons.manifest import Manifest
from cellcommons.orders import TrainingReport

# Measures of which more is better.
_BETTER = re.compile(
    r"f1|ap|iou|pq|(mean_|macro_|micro_|division_|link_)?(f1|dice|jaccard|accuracy|ap)|accuracy|spearman|pearson|ssim|psnr"
)


def model_card(report: TrainingReport, release: Manifest, *, name: str) -> str:
    """Markdown with YAML front matter that follows ``front_matter.MODEL_SCHEMA``.

    Args:
        report: of a finished run. release: the manifest it was trained on. name: of the model, for people.

    Raises:
        InvalidDocument: the run did not finish, or measured nothing.
    """
    measures = _numbers(report.measures)
    if report.checkpoint is None or not measures:
        raise InvalidDocument(
            "a model card needs a finished run with measures", where=f"run {report.run}: {report.status}"
        )
    category, plain_method = task_category(release.task), kind_of(release.task).baseline
    result = {
        "task": {"type": category or release.task},
        "dataset": {"type": release.dataset, "name": plain(release.title), "revision": release.digest, "split": "test"},
        "metrics": [{"type": key, "value": value} for key, value in measures.items()],
    }
    fields = {
        "library_name": "cellcommons",
        **({"pipeline_tag": category} if category else {}),
        "tags": ["biology", "microscopy", "cells", release.task.replace("_", "-")],
        "model-index": [{"name": plain(name) or release.dataset, "results": [result]}],
    }
    sections = [
        [
            f"# {plain(name)}",
            "",
            f"Trained on `{release.reference}` ({plain(release.title)}) in {report.seconds:,.0f} s.",
        ],
        [f"- Release manifest: `{release.digest}`", f"- Checkpoint: `{report.checkpoint}`", f"- Run: `{report.run}`"],
        ["## Measures on the test split", "", *_measures(report, measures, plain_method)],
        *([["## By stratum", "", *_strata(report.by_stratum)]] if len(report.by_stratum) > 1 else []),
        ["## Limits", "", *_limits(report, release, measures, plain_method)],
        ["## Environment", "", *(f"- {plain(k)}: {plain(v)}" for k, v in sorted(report.environment.items()))],
    ]
    return front_matter(fields) + "\n" + "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _numbers(measures: Mapping[str, Any]) -> dict[str, float]:
    return {k: v for k, v in sorted(measures.items()) if isinstance(v, (int, float)) and not isinstance(v, bool)}


def _measures(report: TrainingReport, measures: Mapping[str, float], plain_method: str) -> list[str]:
    baseline, shown = _numbers(report.baseline), dict(measures)
    if report.headline in shown:
        shown = {report.headline: shown.pop(report.headline), **shown}
    rows: list[list[object]] = [[k, _shown(v), _shown(baseline.get(k))] for k, v in shown.items()]
    return table(["measure", "this model", plain_method], rows)


def _strata(by_stratum: Mapping[str, Any]) -> list[str]:
    names = sorted({key for measures in by_stratum.values() for key in _numbers(measures)})
    rows: list[list[object]] = []
    for stratum, measures in sorted(by_stratum.items()):
        rows.append([stratum or "not stated", *(_shown(_numbers(measures).get(key)) for key in names)])
    return table(["stratum", *names], rows)


def _limits(report: TrainingReport, release: Manifest, measures: Mapping[str, float], plain_method: str) -> list[str]:
    tests = release.counts.splits.get("test", 0)
    lines = [
        *(f"- {plain(note)}" for note in report.notes),
        f"- Measured on {tests} test images of one release; other microscopes, stains or tissues may fare worse.",
        "- The truth is the consensus of people who read the images, with its own errors.",
    ]
    if tests < 30:
        lines.append(f"- With {tests} test images a difference of a few hundredths may be chance.")
    baseline = _numbers(report.baseline)
    behind = [
        k for k, v in measures.items() if (k == report.headline or _BETTER.match(k)) and v < baseline.get(k, -math.inf)
    ]
    if behind:
        lines.append(
            f"- {plain_method[0].upper()}{plain_method[1:]} does better by {', '.join(behind)}: prefer it there."
        )
    if report.images:
        worst = report.images[-1]
        shown = ", ".join(f"{k} {_shown(v)}" for k, v in _numbers(worst.measures).items())
        kind = f" (stratum {plain(worst.stratum)})" if worst.stratum else ""
        lines.append(f"- Worst test image: `{worst.image}`{kind}: {shown}.")
    return lines


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
