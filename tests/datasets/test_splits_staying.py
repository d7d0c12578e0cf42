"""A split of what changed, the rest counted, is the split of everything: assignment, certificate, refusals."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument
from cellcommons.near_duplicates.search import Pair
from cellcommons.split_certificate import certified_split
from cellcommons.splits import Staying, sources_to_test, split_by_source
from cellcommons.summary import Summary

Node = tuple[str, str, str]
NAMES = st.integers(0, 11).map("s{}".format)
STRATA = st.sampled_from("abc")
COUNTS = st.dictionaries(st.sampled_from(("round", "flat")), st.integers(1, 9), max_size=2)


def counted(nodes: list[Node], splits: dict[str, str], classes: dict[str, dict[str, int]]) -> Summary:
    """The facts of a summary that a split follows from."""
    tally: Counter[tuple[str, str, str]] = Counter()
    for image, _, stratum in nodes:
        tally[splits[image], "strata", stratum] += 1
        for name, cells in classes.get(image, {}).items():
            tally[splits[image], "classes", name] += cells
    for _, split in {(source, splits[image]) for image, source, _ in nodes}:
        tally[split, "sources", ""] += 1
    facts: dict[str, dict[str, dict[str, int]]] = {}
    for (split, fact, key), number in tally.items():
        facts.setdefault(split, {}).setdefault(fact, {})[key] = number
    return Summary(facts)


@given(st.data())
def test_it_is_the_split_of_everything(data: st.DataObject) -> None:
    first = [
        (f"i{n:02d}", source, stratum)
        for n, (source, stratum) in enumerate(data.draw(st.lists(st.tuples(NAMES, STRATA), min_size=2, max_size=25)))
    ]
    split = split_by_source(first, seed=data.draw(st.integers(0, 3)))
    locked = {source: split.assignment[image] for image, source, _ in first}
    gone = set(data.draw(st.lists(st.sampled_from([image for image, _, _ in first]), max_size=5)))
    changed = set(data.draw(st.lists(st.sampled_from([image for image, _, _ in first]), max_size=8))) - gone
    new = [
        (f"n{n:02d}", source, stratum)
        for n, (source, stratum) in enumerate(data.draw(st.lists(st.tuples(NAMES, STRATA), max_size=8)))
    ]
    after = [
        (image, data.draw(NAMES), data.draw(STRATA)) if image in changed else (image, source, stratum)
        for image, source, stratum in first
        if image not in gone
    ] + new
    if not after:
        return
    images = st.sampled_from([image for image, _, _ in after])
    pairs = [
        Pair(a, b, "overlap", {"correlation": 0.9})
        for a, b in {(min(a, b), max(a, b)) for a, b in data.draw(st.lists(st.tuples(images, images), max_size=6))}
        if a != b
    ]
    classes = {image: counts for image, _, _ in after if (counts := data.draw(COUNTS))}
    sources = {image: source for image, source, _ in after}

    named = {image: sources[image] for pair in pairs for image in pair.key}
    moved = sources_to_test(named, [pair.key for pair in pairs], locked)
    given_anew = [n for n in after if n[0] in changed or n[0].startswith("n") or n[1] in moved]
    rest = [node for node in after if node not in given_anew]
    staying = Staying(
        counted(rest, split.assignment, classes),
        {source: split.assignment[image] for image, source, _ in rest},
        {image: source for image, source in named.items() if image in {i for i, _, _ in rest}},
    )
    asked = {"seed": data.draw(st.integers(0, 3)), "locked": locked, "parent": "p", "classes": classes}
    try:
        whole = certified_split(after, pairs, **asked)
    except InvalidDocument as error:
        with pytest.raises(InvalidDocument, match=re.escape(error.line())):
            certified_split(given_anew, pairs, staying=staying, **asked)
        return
    by_change = certified_split(given_anew, pairs, staying=staying, **asked)
    assert by_change.document == whole.document
    assert whole.split.assignment == {**{i: split.assignment[i] for i, _, _ in rest}, **by_change.split.assignment}
    assert (by_change.split.moved, by_change.split.free) == (whole.split.moved, whole.split.free)
