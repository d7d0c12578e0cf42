"""``./hub bench NAME [--json]``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

NOT_BENCHMARKS = {"__init__", "__main__", "result", "large_releases"}


def main(argv: list[str] | None = None) -> int:
    """Run one benchmark; 0 whether or not its goals are met, 2 for an unknown name."""
    names = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - NOT_BENCHMARKS)
    parser = argparse.ArgumentParser(prog="./hub bench", description=f"Benchmarks: {', '.join(names)}.")
    parser.add_argument("name")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object, last")
    asked, _ = parser.parse_known_args(argv)
    if asked.name not in names:
        sys.stderr.write(f"{asked.name}: no such benchmark. Choose one of {', '.join(names)}.\n")
        return 2
    bench = importlib.import_module(f"tests.bench.{asked.name}")
    if hasattr(bench, "arguments"):  # a benchmark with options of its own
        bench.arguments(parser)
        result = bench.run(parser.parse_args(argv))
    else:
        parser.parse_args(argv)
        result = bench.run()
    sys.stdout.write((result.to_json() if asked.json else result.table()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
