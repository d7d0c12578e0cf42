"""YAML front matter of cards, as the Hugging Face Hub reads it, with a JSON Schema of what we write.

Source: the metadata specifications ``datasetcard.md`` and ``modelcard.md`` of huggingface/hub-docs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

# The Hub writes most licences as their SPDX id in lower case. Any other is "other", with its SPDX id as its name.
_LICENCES = {
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0", "odbl",
    "pddl", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0",
}  # fmt: skip
_RENAMED = {"odbl-1.0": "odbl", "pddl-1.0": "pddl"}
_TASKS = {
    "segmentation": "image-segmentation",
    "detection": "object-detection",
    "classification": "image-classification",
    "augmented": "image-to-image",
}
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}
_FILES: dict[str, Any] = {
    "oneOf": [
        _TEXT,
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["split", "path"],
                "additionalProperties": False,
                "properties": {"split": {"enum": ["train", "validation", "test"]}, "path": _TEXT},
            },
        },
    ]
}
DATASET_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["license", "pretty_name", "size_categories", "tags"],
    "additionalProperties": False,
    "properties": {
        "license": {"enum": [*sorted(_LICENCES), "other"]},
        "license_name": _TEXT,
        "pretty_name": _TEXT,
        "size_categories": {**_TEXTS, "items": {"enum": [*(name for _, name in _SIZES), "10M<n<100M"]}},
        "task_categories": {**_TEXTS, "items": {"enum": sorted(_TASKS.values())}},
        "annotations_creators": {
            **_TEXTS,
            "items": {
                "enum": ["crowdsourced", "expert-generated", "machine-generated", "found", "no-annotation", "other"]
            },
        },
        "tags": _TEXTS,
        "configs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["config_name", "data_files"],
                "additionalProperties": False,
                "properties": {"config_name": _TEXT, "data_files": _FILES, "default": {"type": "boolean"}},
            },
        },
    },
    "if": {"properties": {"license": {"const": "other"}}},
    "then": {"required": ["license_name"]},
}
MODEL_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["library_name", "tags", "model-index"],
    "additionalProperties": False,
    "properties": {
        "library_name": _TEXT,
        "pipeline_tag": {"enum": sorted(_TASKS.values())},
        "tags": _TEXTS,
        "model-index": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "results"],
                "properties": {
                    "name": _TEXT,
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["task", "dataset", "metrics"],
                            "properties": {
                                "task": {"type": "object", "required": ["type"]},
                                "dataset": {"type": "object", "required": ["type", "name"]},
                                "metrics": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {"type": "object", "required": ["type", "value"]},
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def front_matter(fields: dict[str, Any]) -> str:
    """The YAML block between ``---`` lines. JSON values are YAML, so quoting is never in doubt."""
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "\n".join(["---", *lines, "---", ""])


def licence_fields(spdx: str) -> dict[str, str]:
    """``license`` (and ``license_name``) for a licence given by SPDX id."""
    known = _RENAMED.get(spdx.lower(), spdx.lower())
    return {"license": known} if known in _LICENCES else {"license": "other", "license_name": spdx}


def task_category(task: str) -> str | None:
    """The Hub's task for ours, e.g. ``instance_segmentation`` -> ``image-segmentation``; None where it has none."""
    return next((category for word, category in _TASKS.items() if word in task), None)


def size_category(images: int) -> str:
    """The Hub's size class for a number of images."""
    return next((name for limit, name in _SIZES if images < limit), "10M<n<100M")


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a markdown table."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(plain(cell).replace("|", "\\|") for cell in row) + " |" for row in (head, rule, *rows)]


def plain(text: object) -> str:
    """Text as one line of printable characters; YAML admits no others."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
