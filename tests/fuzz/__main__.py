"""``python -m tests.fuzz [--inputs N] [--only TEXT] [--seed S] [--keep DIR]``; exit 1 if any input broke a reader."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.conftest import REAL_DATA
from tests.fuzz.mutation import mutated
from tests.fuzz.reading import Outcome, Reader
from tests.fuzz.seeds import Seeds, copy_of, image_seeds, layout_seeds


def fuzz(seeds: Seeds, inputs: int, *, seed: int, work: Path, keep: Path) -> dict[str, Counter[str]]:
    """Break each seed ``inputs`` times and read it. Gives counts of outcomes by seed; faults are kept in ``keep``."""
    counts: dict[str, Counter[str]] = {}
    with Reader() as reader:
        for name, (target, path) in seeds.items():
            sound = reader.read(target, path)
            if sound.kind != "read":
                counts[name] = Counter({"unsound seed": 1})
                sys.stderr.write(f"{name} is no sound seed: {sound.said}\n")
                continue
            rng = random.Random(f"{seed} {name}")
            seen = counts[name] = Counter()
            for number in range(inputs):
                whole, broken = copy_of(path, work, rng)
                broken.write_bytes(mutated(broken.read_bytes(), rng))
                outcome = reader.read(target, whole)
                seen[outcome.kind] += 1
                if outcome.fault:
                    _keep(outcome, whole, keep / f"{name}-{seed}-{number}")
    return counts


def _keep(outcome: Outcome, whole: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    shutil.move(whole, place / whole.name)
    (place / "what.txt").write_text(f"{outcome.kind} after {outcome.seconds:.1f} s\n{outcome.said}\n")


def main() -> int:
    """Fuzz every reader and print a line each."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200, help="broken copies of each seed (%(default)s)")
    parser.add_argument("--only", default="", help="seeds whose name holds this text")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "cellcommons-fuzz")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        base = Path(folder)
        seeds = image_seeds(base / "images", REAL_DATA if REAL_DATA.is_dir() else None) | layout_seeds(base / "layouts")
        chosen = {name: seed for name, seed in seeds.items() if asked.only in name}
        counts = fuzz(chosen, asked.inputs, seed=asked.seed, work=base / "work", keep=asked.keep)
    total: Counter[str] = Counter()
    for name, seen in counts.items():
        total.update(seen)
        sys.stdout.write(f"{name:<28} {dict(seen)}\n")
    faults = sum(n for kind, n in total.items() if kind not in ("read", "refused"))
    sys.stdout.write(
        f"{total.total():,} inputs: {dict(total)}. Faults: {faults}{f', kept in {asked.keep}' if faults else ''}\n"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
