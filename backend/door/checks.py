"""`./hub test`: every check and every test, each step under a header, a summary at the end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .browser import Browser
from .environment import Environment
from .errors import DoorError, Stopped
from .frontend import Frontend, Node
from .home import ROOT
from .postgres import throw_away_cluster
from .processes import tethered
from .services import PYTHON, VENV, own_environment
from .steps import Steps, end_group
from .up import stop_signals

TEST_EXTRAS = frozenset({"test"})


@dataclass(frozen=True)
class Check:
    """One step: a command, where it runs, and with what environment."""

    name: str
    command: Sequence[str]
    cwd: Path
    env: Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """How a step went."""

    name: str
    passed: bool
    seconds: float


def run_checks(pytest_arguments: Sequence[str]) -> int:
    """Install what tests need and run all checks, or pytest alone with arguments. 0 where all passed."""
    alone = bool(pytest_arguments)
    with stop_signals():
        try:
            steps = Steps(1 if alone else 3)
            with steps.step("Python packages"):
                Environment(ROOT).ensure(steps, extras=TEST_EXTRAS)
            if not alone:
                with steps.step("Browser part's packages"):
                    Frontend(ROOT, VENV).install(steps)
                with steps.step("A browser to test with"):
                    Browser(ROOT, VENV).ensure(steps)
            results = [] if alone else [_run(check) for check in [*python_checks(), *frontend_checks()]]
            results += [] if alone else [_build_frontend()]
            results.append(_run_pytest(pytest_arguments))
        except Stopped:
            return 130
    if not alone:
        _summarize(results)
    return 0 if all(result.passed for result in results) else 1


def python_checks() -> list[Check]:
    """Form, types and the directions of imports."""
    env = own_environment()
    ruff, module = str(VENV / "bin" / "ruff"), [str(PYTHON), "-m"]
    return [
        Check("ruff check", [ruff, "check", "."], ROOT, env),
        Check("ruff format", [ruff, "format", "--check", "."], ROOT, env),
        Check("mypy", [*module, "mypy"], ROOT, env),
        Check("import contracts", [str(VENV / "bin" / "lint-imports")], ROOT, env),
    ]


def frontend_checks() -> list[Check]:
    """Types, unit tests and the build of the browser part."""
    node, folder = Node(VENV), ROOT / "annotator_ui"
    env = node.env() | {"CI": "1"}  # vitest runs once instead of watching
    return [
        Check("TypeScript types", node.npm("run", "--silent", "typecheck"), folder, env),
        Check("vitest", node.npm("test", "--silent"), folder, env),
    ]


def _build_frontend() -> Result:
    """The same build, in the same place, as `./hub up` makes; the journeys are served from it."""
    started = time.monotonic()
    _print_header("vite build")
    try:
        Frontend(ROOT, VENV).ensure(Steps(1))
    except DoorError as error:
        print(error, flush=True)
        return Result("vite build", False, time.monotonic() - started)
    print(f"built in {Frontend(ROOT, VENV).dist}", flush=True)
    return Result("vite build", True, time.monotonic() - started)


def _run_pytest(arguments: Sequence[str]) -> Result:
    """pytest on a Postgres of its own, thrown away after; a DATABASE_URL in the environment wins."""
    env = own_environment()
    with ExitStack() as stack:
        if not env.get("DATABASE_URL"):
            env["DATABASE_URL"] = stack.enter_context(throw_away_cluster(VENV, cwd=ROOT))
        return _run(Check("pytest", [str(PYTHON), "-m", "pytest", *arguments], ROOT, env))


def _run(check: Check) -> Result:
    _print_header(check.name)
    started = time.monotonic()
    process = subprocess.Popen(tethered(check.command), cwd=check.cwd, env=dict(check.env), start_new_session=True)
    try:
        code = process.wait()
    finally:
        end_group(process)
    return Result(check.name, code == 0, time.monotonic() - started)


def _print_header(name: str) -> None:
    print(f"\n── {name} {'─' * max(3, 90 - len(name))}", flush=True)


def _summarize(results: Sequence[Result]) -> None:
    _print_header("summary")
    for result in results:
        print(f"{'passed' if result.passed else 'FAILED'}  {result.name:<18} {result.seconds:6.1f} s")
    failed = [result.name for result in results if not result.passed]
    print(
        f"{len(failed)} of {len(results)} failed: {', '.join(failed)}" if failed else f"all {len(results)} passed",
        flush=True,
    )
