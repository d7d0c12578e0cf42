"""The dataset card: README of a release, for people and for the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellcommons.cards.citation import bibtex
from cellcommons.cards.front_matter import front_matter, licence_fields, plain, size_category, table, task_category
from cellcommons.classes import Ontology
from cellcommons.indexes import SPLITS
from cellcommons.kinds.contract import Kind
from cellcommons.kinds.registry import kind_of
from cellcommons.summary import AGREEMENT_UNIT, Summary


def dataset_card(
    *,
    dataset: str,
    title: str,
    version: str,
    licence: str,
    task: str,
    created: str,
    summary: Summary,
    certificate: Mapping[str, Any],
    description: str = "",
    notes: str = "",
    ontology: Ontology | None = None,
) -> str:
    """Markdown with YAML front matter that follows ``front_matter.DATASET_SCHEMA``.

    Equal arguments give equal text, so that publishing again gives the same release.

    Args:
        summary: counts of what is sealed, see ``seal_release``. certificate: of ``splits.split_by_source``.
        description: of the dataset. notes: of this release. ontology: the classes, where the task has any.

    Raises:
        InvalidDocument: a task that is not known, or one that needs an ontology and has none.
    """
    kind = kind_of(task)
    category = task_category(task)
    fields = {
        **licence_fields(licence),
        "pretty_name": plain(title) or dataset,
        "size_categories": [size_category(summary.total("images"))],
        **({"task_categories": [category]} if category else {}),
        "annotations_creators": [_creators(summary)],
        "tags": ["biology", "microscopy", "cells", task.replace("_", "-"), "ome-zarr"],
        "configs": [
            {
                "config_name": name,
                "data_files": _shards(summary) if name == "images" else f"indexes/{name}/*.parquet",
                **({"default": True} if name == "images" else {}),
            }
            for name in _tables(summary)
        ],
    }
    sections = [
        [
            f"# {plain(title)}",
            "",
            f"Version {version} of `{dataset}`, {created[:10]}. Task: {plain(task.replace('_', ' '))}.",
        ],
        [description.strip()] if description.strip() else [],
        ["## What is new in this version", "", notes.strip()] if notes.strip() else [],
        ["## What it holds", "", *_contents(summary, kind, ontology)],
        ["## How it was made", "", *_making(summary, kind)],
        ["## How it was split", "", *_splitting(certificate)],
        ["## Limits", "", *kind.limits(summary, ontology), *_limits(summary, certificate, kind)],
        ["## Load it", "", "```python", *_loading(dataset, version, kind), "```"],
        ["## Licence", "", f"{licence}. Images from other publications keep the licence and citation of their source."],
        ["## Cite", "", "```bibtex", *bibtex(dataset, title, version, created), "```"],
    ]
    return front_matter(fields) + "\n" + "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _creators(summary: Summary) -> str:
    return "crowdsourced" if summary.readings() else "other"


def _tables(summary: Summary) -> list[str]:
    """Indexes worth showing on the Hub: those that hold anything."""
    return ["images", *(name for name in ("cells", "splits", "companions", "tracks") if summary.rows(name))]


def _shards(summary: Summary) -> list[dict[str, str]]:
    """Where the images of each split are (``cellcommons.shards``)."""
    held = [split for split in SPLITS if summary.total("images", split)]
    return [{"split": split, "path": f"data/{split}-*.parquet"} for split in held]


def _contents(summary: Summary, kind: Kind, ontology: Ontology | None) -> list[str]:
    lines = kind.contents(summary, ontology)
    strata = {split: summary.by_key("strata", split) for split in SPLITS}
    names = sorted(summary.by_key("strata"), key=lambda name: name or "not stated")
    if len(names) > 1:
        rows = [[name or "not stated", *(strata[split][name] for split in SPLITS)] for name in names]
        lines += ["", *table(["stratum", *SPLITS], rows)]
    channels = sorted(summary.by_key("channels").items())
    lines += ["", "Channels: " + "; ".join(f"{plain(name)} ({n} images)" for name, n in channels) + "."]
    return [*lines, "", "Images are OME-Zarr 0.5; each names its axes."]


def _making(summary: Summary, kind: Kind) -> list[str]:
    readings = sorted(int(key) for key in summary.by_key("readings"))
    people, images, agreed = len(summary.by_key("people")), summary.total("images"), summary.total("agreed")
    fused = ", ".join(f"{plain(name)} ({n} images)" for name, n in sorted(summary.by_key("methods").items()))
    if not summary.readings():
        return [f"The labels came with the images: {fused}. No one read them on the hub."]
    lines = [
        f"- {summary.readings()} readings by {people} {'person' if people == 1 else 'people'}, "
        f"{readings[0]} to {readings[-1]} per image.",
        f"- Readings were fused to one: {fused}.",
    ]
    if not kind.judges:
        lines.append(f"- {summary.total('drafts')} of {images} images were read starting from a model's draft.")
    if agreed:
        mean = summary.total("agreement") / agreed / AGREEMENT_UNIT
        lines.append(f"- Mean agreement of the readings on what is published: {mean:.2f} of 1.")
    return [
        *lines,
        "- `indexes/provenance` names the readings, by pseudonym of who made them, behind every image.",
    ]


def _splitting(certificate: Mapping[str, Any]) -> list[str]:
    if "components" not in certificate:
        return ["See `splits.json`."]
    shares = ", ".join(f"{name} {share:.0%}" for name, share in certificate["fractions"].items())
    joined = sum(len(component) for component in certificate["joined"])
    lines = [
        f"{certificate['sources']} sources (donor, slide or experiment) form {certificate['components']} groups, and a "
        f"group lies in one split; the largest that was placed here has {certificate['largest_component']} images. "
        f"{_pairs(certificate)} join {joined} sources. Aim: {shares}, within each kind of image and class, seed "
        f"{certificate['seed']}. What was a test source in an earlier release still is.",
        "",
        "`splits.json` states every pair with its evidence; `cellcommons verify` computes it anew from the pixels.",
        "",
        "| split | kind or class | there | aimed at |",
        "|---|---|---|---|",
    ]
    for split, row in certificate["splits"].items():
        lines.append(f"| {split} | all images | {row['images']} | {row['wanted']:.1f} |")
        strata = row["strata"] if len(row["strata"]) > 1 else {}
        for name, part in strata.items():
            lines.append(f"| {split} | {plain(name) or '(none)'} | {part['images']} | {part['wanted']:.1f} |")
        for name, part in row["classes"].items():
            lines.append(f"| {split} | class {plain(name)} | {part['cells']} | {part['wanted']:.1f} |")
    moved = certificate["moved_to_test"]
    if moved:
        lines += ["", f"Moved to test, as they share a field with a test image: {', '.join(map(plain, moved))}."]
    return lines


def _pairs(certificate: Mapping[str, Any]) -> str:
    """How many pairs of each kind were found."""
    counts = certificate["pairs"]
    words = {"near-identical": "near-identical", "overlap": "overlapping", "adjoining": "adjoining"}
    said = [f"{counts.get(kind, 0)} {word}" for kind, word in words.items()]
    return f"{', '.join(said[:-1])} and {said[-1]} pairs of images"


def _limits(summary: Summary, certificate: Mapping[str, Any], kind: Kind) -> list[str]:
    lines = [
        "- Labels are the agreement of people, not a measurement; people differ on faint, touching and cut-off cells.",
        "- Crops of one field are found where they overlap or adjoin. Parts that share no border, other magnifications "
        "and frames of one movie are kept together only where they were given one source.",
    ]
    if summary.total("sources") == summary.total("images"):
        lines.append(
            "- Every image counts as a source of its own, as no donor, slide or experiment was stated. Images of one "
            "experiment may lie in different splits; test scores may then exceed those on a new experiment."
        )
    small = sorted(split for split in SPLITS if summary.total("images", split) < 10)
    if small:
        lines.append(f"- Fewer than 10 images in {' and '.join(small)}: scores on them vary by chance.")
    single = summary.by_key("readings")["1"]
    if single:
        lines.append(f"- {single} images rest on a single reading.")
    if not kind.judges and summary.total("drafts"):
        lines.append("- Readings that start from a model's draft lean towards that model.")
    return lines


def _loading(dataset: str, version: str, kind: Kind) -> list[str]:
    return [
        "import cellcommons  # pip install cellcommons",
        f'release = cellcommons.open("{dataset}@{version}", hub="URL")  # or cellcommons.load("FOLDER") of a download',
        'for item in release.items("train"):',
        *(f"    {line}" for line in kind.loading),
    ]
