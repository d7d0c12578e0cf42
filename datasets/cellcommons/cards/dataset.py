"""The dataset card: README of a release, for people and for the Hugging Face Hub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cellcommons.cards.citation import bibtex
from cellcommons.cards.front_matter import front_matter, licence_fields, plain, size_category, table, task_category
from cellcommons.classes import Ontology
from cellcommons.indexes import SPLITS, ReleaseItem
from cellcommons.kinds.contract import Kind
from cellcommons.kinds.registry import kind_of


def dataset_card(
    *,
    slug: str,
    title: str,
    version: str,
    licence: str,
    task: str,
    created: str,
    items: Sequence[ReleaseItem],
    certificate: Mapping[str, Any],
    description: str = "",
    notes: str = "",
    ontology: Ontology | None = None,
) -> str:
    """Markdown with YAML front matter that follows ``front_matter.DATASET_SCHEMA``.

    Equal arguments give equal text, so that publishing again gives the same release.

    Args:
        items: as they are sealed, see ``seal_release``. certificate: of ``splits.split_by_source``.
        description: of the dataset. notes: of this release. ontology: the classes, where the task has any.

    Raises:
        InvalidDocument: a task that is not known, or one that needs an ontology and has none.
    """
    kind = kind_of(task)
    category = task_category(task)
    fields = {
        **licence_fields(licence),
        "pretty_name": plain(title) or slug,
        "size_categories": [size_category(len(items))],
        **({"task_categories": [category]} if category else {}),
        "annotations_creators": [_creators(items)],
        "tags": ["biology", "microscopy", "cells", task.replace("_", "-"), "ome-zarr"],
        "configs": [
            {
                "config_name": name,
                "data_files": _shards(items) if name == "images" else f"indexes/{name}.parquet",
                **({"default": True} if name == "images" else {}),
            }
            for name in _tables(items)
        ],
    }
    sections = [
        [
            f"# {plain(title)}",
            "",
            f"Version {version} of `{slug}`, {created[:10]}. Task: {plain(task.replace('_', ' '))}.",
        ],
        [description.strip()] if description.strip() else [],
        ["## What is new in this version", "", notes.strip()] if notes.strip() else [],
        ["## What it holds", "", *_contents(items, kind, ontology)],
        ["## How it was made", "", *_making(items, kind)],
        ["## How it was split", "", *_splitting(certificate)],
        ["## Limits", "", *kind.limits(items, ontology), *_limits(items, certificate, kind)],
        ["## Load it", "", "```python", *_loading(slug, version, kind), "```"],
        ["## Licence", "", f"{licence}. Images from other publications keep the licence and citation of their source."],
        ["## Cite", "", "```bibtex", *bibtex(slug, title, version, created), "```"],
    ]
    return front_matter(fields) + "\n" + "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _creators(items: Sequence[ReleaseItem]) -> str:
    return "crowdsourced" if any(item.provenance.annotations for item in items) else "other"


def _tables(items: Sequence[ReleaseItem]) -> list[str]:
    """Indexes worth showing on the Hub."""
    named = ["images", "cells", "splits"]
    return (
        named
        + (["companions"] if any(item.companions for item in items) else [])
        + (["tracks"] if any(item.tracks for item in items) else [])
    )


def _shards(items: Sequence[ReleaseItem]) -> list[dict[str, str]]:
    """Where the images of each split are (``cellcommons.shards``)."""
    held = {item.split for item in items}
    return [{"split": split, "path": f"data/{split}-*.parquet"} for split in SPLITS if split in held]


def _contents(items: Sequence[ReleaseItem], kind: Kind, ontology: Ontology | None) -> list[str]:
    lines = kind.contents(items, ontology)
    strata = Counter((item.stratum or "not stated", item.split) for item in items)
    names = sorted({name for name, _ in strata})
    if len(names) > 1:
        lines += ["", *table(["stratum", *SPLITS], [[name, *(strata[name, s] for s in SPLITS)] for name in names])]
    channels = Counter(", ".join(item.channels) for item in items)
    lines += ["", "Channels: " + "; ".join(f"{plain(name)} ({n} images)" for name, n in sorted(channels.items())) + "."]
    return [*lines, "", "Images are OME-Zarr 0.5; each names its axes."]


def _making(items: Sequence[ReleaseItem], kind: Kind) -> list[str]:
    readings = [len(item.provenance.annotations) for item in items]
    people = {person for item in items for person in item.provenance.people}
    methods = Counter(item.provenance.method for item in items)
    drafts = sum(item.provenance.prediction is not None for item in items)
    agreements = [c.agreement for item in items for c in item.cells if c.agreement is not None]
    fused = ", ".join(f"{plain(name)} ({n} images)" for name, n in sorted(methods.items()))
    if not sum(readings):
        return [f"The labels came with the images: {fused}. No one read them on the hub."]
    lines = [
        f"- {sum(readings)} readings by {len(people)} {'person' if len(people) == 1 else 'people'}, "
        f"{min(readings)} to {max(readings)} per image.",
        f"- Readings were fused to one: {fused}.",
    ]
    if not kind.judges:
        lines.append(f"- {drafts} of {len(items)} images were read starting from a model's draft.")
    if agreements:
        lines.append(
            f"- Mean agreement of the readings on what is published: {sum(agreements) / len(agreements):.2f} of 1."
        )
    return [
        *lines,
        "- `indexes/provenance.parquet` names the readings, by pseudonym of who made them, behind every image.",
    ]


def _splitting(certificate: Mapping[str, Any]) -> list[str]:
    if "components" not in certificate:
        return ["See `splits.json`."]
    shares = ", ".join(f"{name} {share:.0%}" for name, share in certificate["fractions"].items())
    pairs, seed = certificate["near_duplicate_pairs"], certificate["seed"]
    return [
        f"{certificate['sources']} sources (donor, slide or experiment) form {certificate['components']} groups: "
        f"sources with near-duplicate images ({pairs} pairs) are one group, and a group lies in one split. "
        f"Aim: {shares}, balanced over strata, seed {seed}. What was a test source in an earlier release still is. "
        "Details: `splits.json`."
    ]


def _limits(items: Sequence[ReleaseItem], certificate: Mapping[str, Any], kind: Kind) -> list[str]:
    lines = [
        "- Labels are the agreement of people, not a measurement; people differ on faint, touching and cut-off cells.",
        "- Near-duplicates are found where whole images look alike. Crops, shifted views and frames of one field are "
        "kept together only where they were given one source.",
    ]
    if len({item.source for item in items}) == len(items):
        lines.append(
            "- Every image counts as a source of its own, as no donor, slide or experiment was stated. Images of one "
            "experiment may lie in different splits; test scores may then exceed those on a new experiment."
        )
    small = sorted(split for split in SPLITS if sum(item.split == split for item in items) < 10)
    if small:
        lines.append(f"- Fewer than 10 images in {' and '.join(small)}: scores on them vary by chance.")
    single = sum(len(item.provenance.annotations) == 1 for item in items)
    if single:
        lines.append(f"- {single} images rest on a single reading.")
    if not kind.judges and any(item.provenance.prediction for item in items):
        lines.append("- Readings that start from a model's draft lean towards that model.")
    return lines


def _loading(slug: str, version: str, kind: Kind) -> list[str]:
    return [
        "import cellcommons  # pip install cellcommons",
        f'release = cellcommons.open("{slug}@{version}", hub="URL")  # or cellcommons.load("FOLDER") of a download',
        'for item in release.items("train"):',
        *(f"    {line}" for line in kind.loading),
    ]
