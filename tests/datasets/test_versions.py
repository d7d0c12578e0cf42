"""Versions follow from what changed: the property holds over any sequence of releases."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument
from cellcommons.indexes import SPLITS, CellRow, Provenance, ReleaseItem
from cellcommons.versions import (
    FIRST,
    Change,
    Version,
    change_between,
    parse_reference,
    parse_version,
    parse_wanted,
)

numbers = st.integers(0, 999_999)
versions = st.builds(Version, numbers, numbers, numbers)


def item(image: str, **changes: object) -> ReleaseItem:
    fields: dict = {
        "image": image, "name": image, "tree": "a" * 64, "labels": "b" * 64, "split": "train", "source": image,
        "stratum": "", "channels": ("DNA",), "height": 8, "width": 8,
        "cells": (CellRow(1, (0, 0, 2, 2), 4, 0.5),), "provenance": Provenance("majority"),
    }  # fmt: skip
    return ReleaseItem(**fields | changes)


#: What may be done to one image of a release, and the part of the version that it raises.
RECORDS = {
    "pixels": lambda i, n: replace(i, tree=f"{n:064x}"),
    "labels": lambda i, n: replace(i, labels=f"{n:064x}"),
    "split": lambda i, n: replace(i, split=SPLITS[(SPLITS.index(i.split) + 1) % 3]),
    "companion": lambda i, n: replace(i, companions={"target": f"{n:064x}"}),
    "cells": lambda i, n: replace(i, cells=(CellRow(1, (0, 0, 2, 2), 5 + n),)),
    "classes": lambda i, n: replace(i, cells=(CellRow(1, (0, 0, 2, 2), 4, None, (f"class {n}",)),)),
}
WORDS = {
    "name": lambda i, n: replace(i, name=f"name {n}"),
    "stratum": lambda i, n: replace(i, stratum=f"stratum {n}"),
    "agreement": lambda i, n: replace(i, cells=tuple(replace(c, agreement=1 / (n + 3)) for c in i.cells)),
    "provenance": lambda i, n: replace(i, provenance=Provenance("majority", f"consensus {n}", ("a",), ("p",))),
}
steps = st.lists(
    st.tuples(st.sampled_from(["add", "remove", *RECORDS, *WORDS]), st.integers(0, 9)), min_size=0, max_size=4
)


@given(st.lists(steps, min_size=1, max_size=8))
def test_any_sequence_of_releases(sequence: list[list[tuple[str, int]]]) -> None:
    """Each release is edited by known steps; the strictest of them names the part that must rise."""
    release, version, counter = {"image-0": item("image-0")}, FIRST, 0
    for edits in sequence:
        after, done = dict(release), set()
        for what, which in edits:
            counter += 1
            known = sorted(set(after) & set(release))
            if what == "add":
                after[f"image-{counter}"] = item(f"image-{counter}")
                done.add(Change.MINOR)
            elif known and what == "remove" and len(after) > 1:
                del after[known[which % len(known)]]
                done.add(Change.MAJOR)
            elif known and what in RECORDS and what != "split":
                # A number never used before: an edit is never undone by the next one.
                image = known[which % len(known)]
                after[image] = RECORDS[what](after[image], counter)
                done.add(Change.MAJOR)
            elif known and what == "split":
                image = known[which % len(known)]
                after[image] = replace(release[image], split=next(s for s in SPLITS if s != release[image].split))
                done.add(Change.MAJOR)
            elif known and what in WORDS:
                image = known[which % len(known)]
                after[image] = WORDS[what](after[image], counter)
        expected = next((c for c in (Change.MAJOR, Change.MINOR) if c in done), Change.PATCH)
        change = change_between(release.values(), reversed(after.values()))
        assert change is expected
        later = version.after(change)
        assert later > version
        assert (later.major == version.major) == (expected is not Change.MAJOR)
        # Whoever asked for the major version still finds every record that was there, as it was.
        if later.major == version.major:
            assert all(after[i].labels == r.labels and after[i].split == r.split for i, r in release.items())
        release, version = after, later


@given(versions, versions)
def test_text_and_order(one: Version, other: Version) -> None:
    assert parse_version(str(one)) == one
    assert (one < other) == ([one.major, one.minor, one.patch] < [other.major, other.minor, other.patch])
    assert one < one.after(Change.PATCH) < one.after(Change.MINOR) < one.after(Change.MAJOR)
    for parts in (1, 2, 3):
        assert one.fits(parse_wanted(".".join(str(one).split(".")[:parts])))
    assert one.fits((other.major,)) == (one.major == other.major)


def test_other_meaning_is_a_new_major() -> None:
    same = [item("a")]
    ontology = {"names": ["a", "b"]}
    assert change_between(same, same, meant_before={"o": ontology}, meant_after={"o": {"names": ["b"]}}) is Change.MAJOR
    assert change_between(same, same, meant_before={"o": ontology}, meant_after={"o": ontology}) is Change.PATCH


@pytest.mark.parametrize(
    "reference",
    [
        "cells",
        "l/cells@",
        "@1",
        "l/cells@x",
        "l/cells@01",
        "l/cells@1.",
        "l/cells@1.0.0.0",
        "l/cells@-1",
        "l/a b@1",
        "l/cells@1\n",
        "cells@1",
        "/cells@1",
        "l/@1",
        "l/m/cells@1",
        "../cells@1",
        "l/..@1",
    ],
)
def test_a_bad_reference_says_how_one_looks(reference: str) -> None:
    with pytest.raises(InvalidDocument, match=re.escape("lab/slug@version")):
        parse_reference(reference)


def test_references() -> None:
    assert parse_reference("lab/cells@2") == ("lab/cells", (2,))
    assert parse_reference("lab/cells@2.10") == ("lab/cells", (2, 10))
    assert parse_reference("L-1/Cells_b-1@0.1.0") == ("L-1/Cells_b-1", (0, 1, 0))
