"""``./hub rehearse LAYOUT PATH``: see docs/rehearsal.md."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backend.door.errors import DoorError
from backend.door.hub import running_hub
from backend.rehearsal.api import Api, Refused
from backend.rehearsal.kinds.contract import Kind
from backend.rehearsal.kinds.registry import get_kind
from backend.rehearsal.loop import Loop, Plan
from backend.rehearsal.pool import Ask, Pool
from backend.rehearsal.report import as_table, make_report
from cellcommons.errors import CellCommonsError, InvalidDocument
from cellcommons.layouts.registry import get_layout


def main(argv: list[str] | None = None) -> int:
    """Run one rehearsal; 0 when it went through, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="./hub rehearse", description="The whole loop on a throw-away hub, over HTTP."
    )
    parser.add_argument("layout")
    parser.add_argument("path", type=Path)
    parser.add_argument("--task", default=None, help="what is asked of people; the layout's own task if not given")
    parser.add_argument("--images", type=_positive, default=None, help="as many as is usual for the task if not given")
    parser.add_argument("--annotators", type=_positive, default=5)
    parser.add_argument("--rounds", type=_positive, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readings", type=_positive, default=3, help="readings per image that the policy asks for")
    parser.add_argument(
        "--training-seconds",
        type=float,
        nargs=2,
        default=(90.0, 150.0),
        metavar=("EARLY", "LAST"),
        help="budget per training",
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object, last")
    asked = parser.parse_args(argv)
    started = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.1f} s  {line}\n")
        sys.stderr.flush()

    with tempfile.TemporaryDirectory(prefix="rehearse-") as folder:
        try:
            kind = get_kind(asked.task or get_layout(asked.layout).task)
            pool = kind.draw_pool(Ask(asked.layout, asked.path, asked.images, asked.seed, Path(folder)))
            if len(pool.cases) < asked.rounds:
                raise InvalidDocument(
                    f"{len(pool.cases)} images are fewer than {asked.rounds} rounds", remedy="Ask for fewer --rounds."
                )
        except CellCommonsError as error:
            sys.stderr.write(f"{error.line()}\n")
            return 2
        say(f"{kind.task}: {len(pool.cases)} images of {len(set(pool.strata.values()))} strata")
        for note in pool.notes:
            say(note)
        try:
            report = _rehearse(asked, kind, pool, Path(folder), started, say)
        except (DoorError, TimeoutError, RuntimeError, Refused) as error:
            sys.stderr.write(f"{' '.join(str(error).split())}\n")
            return 2
    sys.stdout.write((json.dumps(report) if asked.json else as_table(report)) + "\n")
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def _rehearse(
    asked: argparse.Namespace, kind: Kind, pool: Pool, folder: Path, started: float, say: Callable[[str], None]
) -> dict[str, Any]:
    plan = Plan(asked.annotators, asked.rounds, asked.seed, asked.readings, tuple(asked.training_seconds))
    with running_hub(folder / "hub", log=say) as hub:
        say(f"throw-away hub at {hub.url}")
        account = hub.accounts["curator"]
        work = folder / "work"
        work.mkdir()
        loop = Loop(Api(hub.url, account["username"], account["password"]), kind, pool, plan, work, say)
        loop.run()
        return make_report(loop, seconds=time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
