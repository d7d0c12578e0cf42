"""What the OpenAPI document says about refusals, once, for every operation."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem document; `type` is `urn:cellcommons:<code>`",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "where": _TEXT,
        "remedy": _TEXT,
        "errors": {"type": "object", "additionalProperties": {}},
        "conflicts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "integer"} for name in ("y", "x", "version")},
                "required": ["y", "x", "version"],
            },
        },
        "edit_count": {"type": "integer"},
    },
    "required": ["type", "title", "status", "detail", "where", "remedy"],
}


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A drf-spectacular postprocessing hook: component ``Problem``, and it as each operation's default response."""
    result["components"]["schemas"]["Problem"] = _PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"].setdefault("default", {"description": "A refusal", "content": content})
    return result
