"""What a benchmark prints: figures, peers, goals met and missed."""

from __future__ import annotations

import json

import pytest

from tests.bench.__main__ import main
from tests.bench.result import Goal, Result


def test_goals_are_judged_and_printed() -> None:
    goals = [Goal("f1", at_least=0.7), Goal("seconds", at_most=10), Goal("lost", at_most=0)]
    result = Result("demo", {"f1": 0.65, "seconds": 9.5, "lost": 0}, goals, {"peer": {"f1": 0.6}})
    document = json.loads(result.to_json())
    assert set(document) == {"bench", "figures", "peers", "goals", "environment"}
    assert [goal["met"] for goal in document["goals"]] == [False, True, True]
    assert document["goals"][0] == {"figure": "f1", "goal": ">= 0.7", "value": 0.65, "met": False}
    assert "MISSED  f1 >= 0.7: 0.65" in result.table()
    with pytest.raises(ValueError, match="no bound"):
        Goal("f1").judge({"f1": 1.0})


def test_an_unknown_benchmark_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
