"""``python -m tests.faults [--points N] [--seed S] [--store folder|s3] [--what upload|publish] [--json]``.

Kills parts of a real hub, in a temporary home, at seeded instants of uploads and of readings and publications. After
each death the work goes on to its end as a person's client would, and the hub is judged: exit 1 if anything
acknowledged was lost, anything half published, or any byte is not what it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.rounds import Outcome, Rounds


def table(outcome: Outcome) -> str:
    """Counts by what was killed, and in which step."""
    lines = [
        f"{row['points']:5d}  {row['what']:8s} {row['killed']:26s} {row['step']}" for row in outcome.document()["table"]
    ]
    return "\n".join(lines)


def say(line: str) -> None:
    """One line, at once: a run lasts half an hour."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--points", type=int, default=100, help="deaths (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", choices=("folder", "s3"), default="folder")
    parser.add_argument("--what", choices=("upload", "publish"), default=None, help="one kind of work only")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no point after so long (%(default)s)")
    parser.add_argument("--keep", type=Path, default=None, help="a folder for home and logs, which stays")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        place = asked.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        rounds = Rounds(place, store=asked.store, seed=asked.seed, say=say)
        kinds = [asked.what] if asked.what else ["upload", "publish"]
        outcome = rounds.run(asked.points, kinds, stop_at=time.monotonic() + 60 * asked.minutes)
    say(table(outcome))
    broken = [point for point in outcome.points if point.wrong]
    say(f"{len(outcome.points)} points, {len(broken)} with faults, {len(outcome.wrong)} damaged objects")
    if asked.json:
        say(json.dumps(outcome.document()))
    return 1 if broken or outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
