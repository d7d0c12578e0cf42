"""What a benchmark prints."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A figure that an issue asked for. ``at_least`` or ``at_most`` is set."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None

    def judge(self, figures: dict[str, float]) -> dict[str, Any]:
        """``{"figure", "goal", "value", "met"}``."""
        value = figures[self.figure]
        if self.at_least is not None:
            goal, met = f">= {self.at_least:g}", value >= self.at_least
        elif self.at_most is not None:
            goal, met = f"<= {self.at_most:g}", value <= self.at_most
        else:
            raise ValueError(f"the goal for {self.figure} has no bound")
        return {"figure": self.figure, "goal": goal, "value": value, "met": met}


@dataclass
class Result:
    """One benchmark's figures, its peers' in the same run, and the goals."""

    bench: str
    figures: dict[str, Any]
    goals: list[Goal]
    peers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The JSON form that DESIGN fixes."""
        return {
            **asdict(self),
            "goals": [goal.judge(self.figures) for goal in self.goals],
            "environment": environment(),
        }

    def table(self) -> str:
        """The same for reading."""
        rows = [(name, _text(value), "") for name, value in self.figures.items()]
        rows += [(name, _text(value), peer) for peer, values in self.peers.items() for name, value in values.items()]
        wide = max(len(name) for name, _, _ in rows)
        lines = [
            self.bench,
            *(f"  {name:<{wide}}  {value}  {peer and f'({peer})'}".rstrip() for name, value, peer in rows),
        ]
        for goal in (goal.judge(self.figures) for goal in self.goals):
            lines.append(
                f"  {'met   ' if goal['met'] else 'MISSED'}  {goal['figure']} {goal['goal']}: {_text(goal['value'])}"
            )
        return "\n".join(lines)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(self.document())


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def environment() -> dict[str, Any]:
    """Where the figures come from."""
    names = ("Django", "psycopg", "torch", "zarr", "numpy")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        **{name: version(name) for name in names},
    }
