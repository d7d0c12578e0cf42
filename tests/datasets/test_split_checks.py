"""A certificate that was tampered with, an image that was moved, an edge removed, a source changed: found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from certified_releases import crops, item, pairs_in, resealed, sealed, texture

from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.cli import main
from cellcommons.folder import ReleaseFolder
from cellcommons.near_duplicates.search import Pair
from cellcommons.release import Release, ReleaseItem
from cellcommons.split_certificate import certified_split, parse_certificate
from cellcommons.split_checks import SplitReport, check_splits
from cellcommons.store import FolderStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    return FolderStore(tmp_path_factory.mktemp("certified"))


@pytest.fixture(scope="module")
def items(store: FolderStore) -> list[ReleaseItem]:
    return [item(store, image, plane) for image, plane in crops().items()]


@pytest.fixture(scope="module")
def pairs(store: FolderStore, items: list[ReleaseItem]) -> list[Pair]:
    return pairs_in(store, items)


@pytest.fixture(scope="module")
def release(store: FolderStore, items: list[ReleaseItem], pairs: list[Pair]) -> Release:
    return sealed(store, items, pairs, seed=1)


def document(release: Release) -> dict[str, Any]:
    return json.loads(release.store.get(release.manifest.certificate.sha256))


def tampered(release: Release, change: Callable[[dict[str, Any]], None], *, rehashed: bool = True) -> Release:
    changed = document(release)
    change(changed)
    if rehashed:
        changed["digest"] = sha256_hex(canonical_json({k: v for k, v in changed.items() if k != "digest"}))
    return resealed(release.store, list(release.items()), changed, release.manifest.parent)


def checks(report: SplitReport) -> set[str]:
    return {failure.check for failure in report.failures}


def test_a_release_with_its_certificate_holds(release: Release) -> None:
    found = {(frozenset((row["a"], row["b"])), row["kind"]) for row in document(release)["edges"]}
    assert found == {
        (frozenset(("o1", "o2")), "overlap"),
        (frozenset(("s1", "s2")), "adjoining"),
        (frozenset(("c1", "c2")), "near-identical"),
    }
    report = check_splits(release)
    assert report.failures == ()
    assert (report.certified, report.edges, report.compared) == (True, 3, 10)
    assert document(release)["joined"] == [["slide c1", "slide c2"], ["slide o1", "slide o2"], ["slide s1", "slide s2"]]
    assert check_splits(release, quick=True).compared == 0


def test_a_changed_certificate_is_named(release: Release) -> None:
    other_seed = tampered(release, lambda made: made.update(seed=99), rehashed=False)
    assert "digest" in checks(check_splits(other_seed, quick=True))
    report = check_splits(tampered(release, lambda made: made.update(largest_component=1)), quick=True)
    assert [failure.line for failure in report.failures] == [
        "the certificate's 'largest_component' does not follow from its graph"
    ]
    report = check_splits(tampered(release, lambda made: made.update(edges=[{"a": "o1"}])), quick=True)
    assert "split certificate is damaged" in report.failures[0].line
    report = check_splits(tampered(release, lambda made: made.update(placement="by taste")), quick=True)
    assert checks(report) >= {"method"}


def test_a_moved_image_is_named(release: Release) -> None:
    moved = next(one for one in release.items() if one.image == "o2")
    other = "test" if moved.split != "test" else "train"
    rest = [replace(one, split=other) if one.image == "o2" else one for one in release.items()]
    report = check_splits(resealed(release.store, rest, document(release), None), quick=True)
    lines = [failure.line for failure in report.failures]
    assert f"image o2 (o2) lies in {other}; graph, seed, shares and locks give {moved.split}" in lines
    assert any("near-duplicate pair lies in both" in line and "o1" in line and "o2" in line for line in lines)
    assert checks(report) == {"nodes", "assignment", "straddles"}


@pytest.mark.parametrize("gone", [("o1", "o2"), ("s1", "s2"), ("c1", "c2")])
def test_an_edge_left_out_is_found_in_the_pixels(
    store: FolderStore, items: list[ReleaseItem], pairs: list[Pair], gone: tuple[str, str]
) -> None:
    without = sealed(store, items, [pair for pair in pairs if pair.key != gone])
    assert check_splits(without, quick=True).failures == ()
    report = check_splits(without)
    assert [(failure.check, set(failure.images)) for failure in report.failures] == [("left out", set(gone))]
    assert all(image in report.failures[0].line for image in gone)


def test_evidence_that_the_pixels_do_not_give_is_named(
    store: FolderStore, items: list[ReleaseItem], pairs: list[Pair]
) -> None:
    overlap = next(pair for pair in pairs if pair.kind == "overlap")
    better = replace(overlap, evidence={**overlap.evidence, "correlation": overlap.evidence["correlation"] - 0.2})
    made_up = Pair("x0", "x1", "overlap", overlap.evidence)
    report = check_splits(sealed(store, items, [better, made_up, *(p for p in pairs if p is not overlap)]), quick=True)
    assert checks(report) == {"evidence"}
    lines = sorted(failure.line for failure in report.failures)
    assert lines[0].startswith(f"overlap pair {overlap.a}, {overlap.b}: correlation is stated as")
    assert lines[1] == "overlap pair x0, x1: the pixels do not show it"


def test_a_changed_source_is_found_and_with_the_parent_named(
    store: FolderStore, items: list[ReleaseItem], pairs: list[Pair], release: Release
) -> None:
    changed = [replace(one, source="slide x1") if one.image == "x0" else one for one in release.items()]
    where = {one.source: one.split for one in release.items()}
    changed = [replace(one, split=where[one.source]) for one in changed]
    assert "nodes" in checks(check_splits(resealed(store, changed, document(release), None), quick=True))
    after = sealed(store, changed, pairs, parent=release, locked=where)
    report = check_splits(after, parent=release, quick=True)
    assert "image x0 (x0) was of source 'slide x0' and is of 'slide x1'" in [f.line for f in report.failures]


def test_what_was_test_stays_test(
    store: FolderStore, items: list[ReleaseItem], pairs: list[Pair], release: Release
) -> None:
    where = {one.source: one.split for one in release.items()}
    grown = [*items, item(store, "n1", texture(77)), item(store, "n2", texture(78))]
    good = sealed(store, grown, pairs, parent=release, locked=where, seed=5)
    report = check_splits(good, parent=release)
    assert (report.failures, report.parent) == ((), "lab/crops@1.0.0")
    assert document(good)["free"] == ["slide n1", "slide n2"]
    # Split anew as though there had been no release before.
    free = sealed(store, grown, pairs, parent=release, seed=5, locked={})
    lines = [failure.line for failure in check_splits(free, parent=release, quick=True).failures]
    tested = [one.image for one in release.items("test")]
    fled = [one.image for one in free.items() if one.image in tested and one.split != "test"]
    assert fled
    told = "was test in lab/crops@1.0.0"
    assert all(any(f"image {image} " in line and told in line for line in lines) for image in fled)
    assert checks(check_splits(good, parent=good, quick=True)) == {"parent"}


def test_a_source_that_joins_a_test_source_moves_there_and_the_certificate_says_why(
    store: FolderStore, items: list[ReleaseItem], pairs: list[Pair]
) -> None:
    apart = [pair for pair in pairs if pair.key != ("o1", "o2")]
    for seed in range(40):
        first = sealed(store, items, apart, seed=seed)
        where = {one.source: one.split for one in first.items()}
        if (where["slide o1"] == "train") and where["slide o2"] == "test":
            break
    after = sealed(store, items, pairs, parent=first, locked=where)
    assert document(after)["moved_to_test"] == {"slide o1": {"from": "train", "because": [["o1", "o2"]]}}
    assert check_splits(after, parent=first).failures == ()
    certificate = parse_certificate(store.get(after.manifest.certificate.sha256))
    assert certificate.locks({one.source: one.split for one in after.items()}) == where


def test_the_certificate_does_not_depend_on_order(items: list[ReleaseItem], pairs: list[Pair]) -> None:
    nodes = [(one.image, one.source, one.stratum) for one in items]
    one = certified_split(nodes, pairs, seed=3).document
    assert certified_split(nodes[::-1], pairs[::-1], seed=3).document == one


def test_the_command_names_each_failure(release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ReleaseFolder(tmp_path / "good")
    folder.prepare("lab/crops@1.0.0")
    bad = tampered(release, lambda made: made.update(sources=3))
    for made in (release, bad):
        for member in made.members():
            folder.store.put(made.store.get(member.sha256))
    folder.show(release, "")
    assert main(["verify", str(folder.root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["splits"] == {"certified": True, "pairs": 3, "images_compared": 10, "parent": "none"}
    assert (told["valid"], told["failures"]) == (True, [])
    folder.show(bad, "")
    assert main(["verify", str(folder.root), "--quick"]) == 1
    assert "the certificate's 'sources' does not follow from its graph" in capsys.readouterr().out
    assert main(["verify", str(folder.root), "--quick", "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["failures"][0]["check"] == "figures"
