"""Sealed from what changed, a release is byte for byte what sealing all of it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_release import CREATED, items_in

from cellcommons import parts, sealing
from cellcommons.diff.compare import diff_releases
from cellcommons.errors import InvalidDocument
from cellcommons.indexes import SPLITS, CellRow, ReleaseItem
from cellcommons.release import Release, differing_items, open_release
from cellcommons.sealing import seal_release
from cellcommons.store import FolderStore
from cellcommons.summary import Summary
from cellcommons.uses import use_changes

FACTS: dict = {
    "dataset": "lab/noise", "title": "Noise", "created": CREATED, "licence": "CC0-1.0", "task": "instance_segmentation",
    "split_certificate": {"seed": 0},
}  # fmt: skip


def card(summary: Summary, version: str) -> str:
    return f"{version} {summary.to_bytes().decode()}"


def sealed(store: FolderStore, items: list[ReleaseItem], parent: Release | None = None, **more: object) -> Release:
    before = parent.digest if parent else None
    _, digest = seal_release(store, items=items, parent=before, card_text=card, **{**FACTS, **more})
    return open_release(store, digest)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[FolderStore, list[ReleaseItem]]:
    """Three images with labels; releases are made of any number of items that name them."""
    store = FolderStore(tmp_path_factory.mktemp("store"))
    return store, items_in(store, 3, size=24)


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images a part, so that small releases have many."""
    monkeypatch.setattr(parts, "IMAGES", 2)


def item_of(templates: list[ReleaseItem], image: int, version: int, source: int) -> ReleaseItem:
    made = templates[(image + version) % 3]
    cells = tuple(CellRow(n + 1, (0, 0, 2, 2), 4, (version % 5) / 4, ("x",) * (n % 2)) for n in range(version % 4))
    return replace(
        made,
        image=f"i{image}",
        name=f"field {image}",
        source=f"s{source}",
        split=SPLITS[source % 3],
        stratum="ab"[version % 2],
        cells=cells,
    )


changes = st.lists(
    st.dictionaries(st.integers(0, 11), st.none() | st.tuples(st.integers(0, 9), st.integers(0, 6)), max_size=5),
    min_size=1,
    max_size=4,
)


@given(
    first=st.dictionaries(st.integers(0, 11), st.tuples(st.integers(0, 9), st.integers(0, 6)), min_size=1, max_size=8),
    following=changes,
)
@settings(max_examples=15, deadline=None)
def test_any_sequence_of_changes_is_as_if_sealed_from_scratch(
    drawn: tuple[FolderStore, list[ReleaseItem]], first: dict, following: list[dict]
) -> None:
    store, templates = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "IMAGES", 2)
        held = {n: item_of(templates, n, *said) for n, said in first.items()}
        release = sealed(store, list(held.values()))
        for step in following:
            new = {n: item_of(templates, n, *said) for n, said in step.items() if said is not None}
            gone = [n for n, said in step.items() if said is None and n in held]
            after = {n: item for n, item in held.items() if n not in gone} | new
            if not after:
                continue
            removed = [f"i{n}" for n in gone]
            by_change = sealed(store, list(new.values()), release, removed=removed)
            assert by_change.digest == sealed(store, list(after.values()), release).digest
            assert {i.image for i in by_change.items()} == {f"i{n}" for n in after}
            by_change.check_counts()
            uses = {digest: n for digest, (n, _) in use_changes(None, release).items()}
            for digest, (n, _) in use_changes(release, by_change).items():
                uses[digest] = uses.get(digest, 0) + n
            assert {d: n for d, n in uses.items() if n} == {d: n for d, (n, _) in use_changes(None, by_change).items()}
            assert {d for d, n in uses.items() if n} == {digest for digest, _ in by_change.objects()}
            assert sum(uses.values()) == by_change.manifest.objects.count + 1
            held, release = after, by_change
        release.verify()


def test_only_the_parts_that_change_are_read_and_written(
    drawn: tuple[FolderStore, list[ReleaseItem]], shallow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, templates = drawn
    items = [item_of(templates, n, 0, n) for n in range(40)]
    before = sealed(store, items)
    assert len(before.parts) > 10
    opened: list[int] = []
    real: Callable = sealing.load_part
    monkeypatch.setattr(sealing, "load_part", lambda s, entry: opened.append(int(entry.path)) or real(s, entry))
    after = sealed(store, [item_of(templates, 7, 3, 7)], before, removed=[])
    assert opened == [parts.part_of("i7", before.manifest.parts.depth)]
    assert list(parts.differing(before.parts, after.parts)) == opened
    one, other = differing_items(before, after)
    assert {i for i in one if one[i] != other[i]} == {"i7"}
    assert len(one) < 10
    new = {digest for digest, _ in after.objects()} - {digest for digest, _ in before.objects()}
    kept = ("image", "labels")
    roles = sorted(m.role for m in after.members() if m.sha256 in new and not m.role.startswith(kept))
    number = f"{opened[0]:05d}"
    assert {r for r in roles if "indexes/" in r} <= {
        f"file indexes/{table}/{number}.parquet" for table in ("images", "labels", "cells", "provenance")
    }
    assert len(roles) < 16
    assert [change.image for change in diff_releases(before, after).images] == ["i7"]


def test_a_release_that_outgrows_its_parts_is_cut_anew_and_says_the_same(
    drawn: tuple[FolderStore, list[ReleaseItem]], shallow: None
) -> None:
    store, templates = drawn
    release = sealed(store, [item_of(templates, n, 0, n) for n in range(2)])
    assert release.manifest.parts.depth == 0
    grown = sealed(store, [item_of(templates, n, 0, n) for n in range(2, 9)], release, removed=[])
    assert grown.manifest.parts.depth == 3
    assert grown.digest == sealed(store, [item_of(templates, n, 0, n) for n in range(9)], release).digest
    shrunk = sealed(store, [], grown, removed=[f"i{n}" for n in range(1, 9)])
    assert (shrunk.manifest.parts.depth, shrunk.manifest.counts.images) == (3, 1)
    assert shrunk.verify().count > 0
    assert [v.manifest.version for v in (release, grown, shrunk)] == ["1.0.0", "1.1.0", "2.0.0"]


def test_what_cannot_be_is_refused(drawn: tuple[FolderStore, list[ReleaseItem]], shallow: None) -> None:
    store, templates = drawn
    release = sealed(store, [item_of(templates, n, 0, n) for n in range(6)])
    with pytest.raises(InvalidDocument, match="not there"):
        sealed(store, [], release, removed=["i17"])
    with pytest.raises(InvalidDocument, match="given too"):
        sealed(store, [item_of(templates, 1, 0, 1)], release, removed=["i1"])
    with pytest.raises(InvalidDocument, match="there is none"):
        sealed(store, [item_of(templates, 1, 0, 1)], removed=[])
    with pytest.raises(InvalidDocument, match="at least one"):
        sealed(store, [], release, removed=[f"i{n}" for n in range(6)])
    moved = replace(item_of(templates, 9, 0, 1), split="train")
    with pytest.raises(InvalidDocument, match="lies in both"):
        sealed(store, [moved], release, removed=[])


def test_parts_are_found_by_the_hash_of_an_id(tmp_path: Path) -> None:
    assert [parts.fitting_depth(*size) for size in ((1, 0), (64, 8192), (65, 0), (1, 8193), (100_000, 0))] == [
        0, 0, 1, 1, 11,
    ]  # fmt: skip
    numbers = [parts.part_of(f"image-{n}", 4) for n in range(4000)]
    assert set(numbers) == set(range(16))
    assert all(parts.part_of(f"image-{n}", 3) == number >> 1 for n, number in enumerate(numbers)), "halves of a part"
