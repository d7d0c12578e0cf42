"""The rules of the house that a machine can hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 350
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
CODE = sorted(
    path
    for folder in ("backend", "ml_worker", "datasets/cellcommons")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = sorted(
    path for pattern in ("*.ts", "*.tsx") for path in (ROOT / "annotator_ui" / "src").rglob(pattern)
    # Generated from the OpenAPI document.
    if path.name != "schema.ts"
)  # fmt: skip


def test_imports_descend() -> None:
    """The contracts in pyproject.toml."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (*CODE, *TESTS, *SCRIPTS)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LIMIT
    }
    assert not long, f"split by noun: {long}"


def test_files_are_named_for_what_they_hold() -> None:
    assert len(CODE) > 100
    bad = [path for path in (*CODE, *SCRIPTS) if {path.stem, *path.parent.parts[-1:]} & FORBIDDEN_NAMES]
    assert not bad


def test_no_function_hides_an_import() -> None:
    """Imports stand at the top. A function that needs torch or a rare reader only then says so in a comment on the line
    or the line above; so does ``AppConfig.ready``."""
    hidden = []
    for path in CODE:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(ast.parse("\n".join(lines))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    around = lines[inner.lineno - 2 : (inner.end_lineno or inner.lineno)]
                    if not any("#" in line for line in around):
                        hidden.append(f"{path.relative_to(ROOT)}:{inner.lineno}")
    assert not hidden, hidden


def test_truth_is_read_by_no_selector_and_no_view() -> None:
    """Only the service that adds an image with its truth names the table; evaluation will be the first to read it."""
    allowed = {"backend/imaging/services/images.py"}
    named = {
        str(path.relative_to(ROOT))
        for path in CODE
        if path.is_relative_to(ROOT / "backend")
        and any(isinstance(node, ast.Name) and node.id == "Truth" for node in ast.walk(ast.parse(path.read_text())))
    }
    assert named == allowed
