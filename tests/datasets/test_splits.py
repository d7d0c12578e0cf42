from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument
from cellcommons.splits import check_leaks, split_by_source

SPLITS = ("train", "validation", "test")


@st.composite
def cases(draw: st.DrawFn):
    count = draw(st.integers(1, 40))
    sources = draw(st.lists(st.integers(0, 15), min_size=count, max_size=count))
    strata = draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count))
    items = [(f"i{n}", f"s{source}", stratum) for n, (source, stratum) in enumerate(zip(sources, strata, strict=True))]
    index = st.integers(0, count - 1)
    pairs = [(f"i{a}", f"i{b}") for a, b in draw(st.lists(st.tuples(index, index), max_size=8))]
    return items, pairs, draw(st.integers(0, 5))


@given(cases())
def test_no_component_straddles_and_train_and_test_are_filled(case) -> None:
    items, pairs, seed = case
    result = split_by_source(items, near_duplicates=pairs, seed=seed)
    sources = {image: source for image, source, _ in items}
    assert set(result.assignment) == set(sources)
    assert check_leaks(result.assignment, sources, pairs) == []
    of_source = {sources[image]: split for image, split in result.assignment.items()}
    for component in result.components:
        assert len({of_source[source] for source in component}) == 1
    assert sorted(s for c in result.components for s in c) == sorted(set(sources.values()))
    if len(result.components) >= 2:
        assert {"train", "test"} <= set(result.assignment.values())
    if len(result.components) >= 3:
        assert set(result.assignment.values()) == set(SPLITS)


@given(cases(), st.randoms())
def test_the_order_of_the_images_does_not_matter(case, random) -> None:
    items, pairs, seed = case
    first = split_by_source(items, near_duplicates=pairs, seed=seed)
    shuffled = random.sample(items, len(items))
    again = split_by_source(shuffled, near_duplicates=[(b, a) for a, b in reversed(pairs)], seed=seed)
    assert again == first
    assert json.loads(json.dumps(first.table)) == first.table


def refused(items, pairs, locked) -> bool:
    """Whether the locks cannot be held: train and validation joined, or nothing free for train or test."""
    sources = {image: source for image, source, _ in items}
    held = []
    for component in split_by_source(items, near_duplicates=pairs).components:
        names = {locked[source] for source in component if source in locked}
        if names == {"train", "validation"}:
            return True
        held.append("test" if "test" in names else next(iter(names), None))
    assert len(sources) == len(items)
    return None not in held and not {"train", "test"} <= set(held) and len(held) > 1


@given(cases(), st.lists(st.tuples(st.integers(0, 15), st.sampled_from("abc")), max_size=20))
def test_what_was_test_stays_test_as_a_dataset_grows(case, new) -> None:
    items, pairs, seed = case
    before = split_by_source(items, seed=seed)
    locked = {source: before.assignment[image] for image, source, _ in items}
    grown = items + [(f"n{n}", f"s{source}", stratum) for n, (source, stratum) in enumerate(new)]
    assume(not refused(grown, pairs, locked))
    after = split_by_source(grown, near_duplicates=pairs, seed=seed + 1, locked=locked)
    for image, source, _ in items:
        if locked[source] == "test":
            assert after.assignment[image] == "test"
        elif after.assignment[image] != locked[source]:
            assert after.assignment[image] == "test"
            assert after.moved[source] == locked[source]


def test_shares_and_strata_come_near_the_aim() -> None:
    items = [(f"i{n}", f"s{n}", "rare" if n % 10 == 0 else "common") for n in range(200)]
    result = split_by_source(items, seed=3)
    assert Counter(result.assignment.values()) == {"train": 140, "validation": 20, "test": 40}
    rare = Counter(result.assignment[image] for image, _, stratum in items if stratum == "rare")
    assert abs(rare["train"] - 14) <= 2
    assert abs(rare["test"] - 4) <= 2


@given(cases(), st.sampled_from([None, {"train": 0.5, "validation": 0.25, "test": 0.25}]))
def test_no_share_is_exceeded_by_more_than_the_largest_component(case, fractions) -> None:
    items, pairs, seed = case
    result = split_by_source(items, near_duplicates=pairs, seed=seed, fractions=fractions)
    # Filling a split that would else be empty may cost as much again.
    for row in result.table.values():
        assert row["images"] <= row["wanted"] + max(result.free) + 0.01
    assert sum(row["images"] for row in result.table.values()) == len(items) == sum(result.free)
    for name in {stratum for _, _, stratum in items}:
        there = sum(stratum == name for _, _, stratum in items)
        assert sum(row["strata"][name]["images"] for row in result.table.values()) == there


def test_cells_of_a_class_are_shared_out_too() -> None:
    items = [(f"i{n}", f"s{n}", "") for n in range(200)]
    # Every tenth image has all the cells of the rare class.
    classes = {f"i{n}": {"rare": 50} if n % 10 == 0 else {"common": 50} for n in range(200)}
    table = split_by_source(items, seed=4, classes=classes).table
    rare = {split: row["classes"]["rare"] for split, row in table.items()}
    assert {split: row["wanted"] for split, row in rare.items()} == {"train": 700, "validation": 100, "test": 200}
    assert {split: row["cells"] for split, row in rare.items()} == {"train": 700, "validation": 100, "test": 200}


def test_another_seed_is_another_split() -> None:
    items = [(f"i{n}", f"s{n}", "") for n in range(50)]
    assert split_by_source(items, seed=1).assignment != split_by_source(items, seed=2).assignment


def test_test_wins_over_an_earlier_train_lock() -> None:
    items = [("a", "A", ""), ("b", "B", ""), ("c", "C", "")]
    result = split_by_source(items, near_duplicates=[("a", "b")], locked={"A": "train", "B": "test", "gone": "test"})
    assert result.assignment == {"a": "test", "b": "test", "c": "train"}
    assert result.moved == {"A": "train"}


def test_train_and_validation_joined_is_refused_with_both_names() -> None:
    items = [("a", "A", ""), ("b", "B", ""), ("c", "C", "")]
    with pytest.raises(InvalidDocument, match=r"'A' \(train\) and 'B' \(validation\)"):
        split_by_source(items, near_duplicates=[("a", "b")], locked={"A": "train", "B": "validation"})


def test_locks_that_leave_no_test_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="none is left for test"):
        split_by_source([("a", "A", ""), ("b", "B", "")], locked={"A": "train", "B": "train"})


@pytest.mark.parametrize(
    "fractions", [{"train": 0.5}, {"train": 1.2, "test": -0.2}, {"train": 0.5, "dev": 0.5}, {"train": float("nan")}]
)
def test_bad_fractions_are_refused(fractions: dict) -> None:
    with pytest.raises(InvalidDocument, match="fractions"):
        split_by_source([("a", "A", "")], fractions=fractions)


def test_a_split_without_share_stays_empty() -> None:
    items = [(f"i{n}", f"s{n}", "") for n in range(20)]
    result = split_by_source(items, fractions={"train": 0.5, "test": 0.5})
    assert Counter(result.assignment.values()) == {"train": 10, "test": 10}


def test_leaks_are_found() -> None:
    assignment, sources = {"a": "train", "b": "test", "c": "train"}, {"a": "A", "b": "A", "c": "C"}
    found = check_leaks(assignment, sources, [("b", "c"), ("a", "c"), ("a", "elsewhere")])
    assert [leak.kind for leak in found] == ["source", "near-duplicate"]
    assert "source 'A' lies in both train and test" in found[0].line()
