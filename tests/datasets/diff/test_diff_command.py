"""``cellcommons diff``: folders, hubs and static files; numbers, pictures, parquet; what is wrong in one line."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from planted import plant, release_of
from small_release import serving, small_release

from cellcommons.cli import main
from cellcommons.client import download
from cellcommons.diff.compare import diff_releases
from cellcommons.diff.places import opened_release
from cellcommons.errors import DigestMismatch
from cellcommons.release import Release
from cellcommons.store import FolderStore
from cellcommons.synthetic.cells import generate_cells


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, Release, dict]:
    """Two releases in one store, one image of eight relabelled; and what was planted into it."""
    store = FolderStore(tmp_path_factory.mktemp("objects"))
    maps = {f"image-{n}": generate_cells(n, height=128, width=128, count=12).labels for n in range(8)}
    planted = plant(maps["image-3"], np.random.default_rng(2), most=1)
    later = maps | {"image-3": planted.labels}
    before = release_of(store, maps)
    return before, release_of(store, later, parent=before.digest), {k: 1 for k, _, _ in planted.expected}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, so that everything is fetched that is not asked for twice."""
    monkeypatch.setenv("CELLCOMMONS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hubs(pair):
    with ExitStack() as stack:
        yield [stack.enter_context(serving(release)) for release in pair[:2]]


def last_json(text: str) -> dict:
    return json.loads(text.splitlines()[-1])


def test_folders_and_addresses_say_the_same(hubs, pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for hub, release in zip(hubs, pair[:2], strict=True):
        download(release.manifest.reference, tmp_path / release.manifest.reference, base_url=hub.address)
    capsys.readouterr()
    folders = [str(tmp_path / "lab/cells@1.0.0"), str(tmp_path / "lab/cells@2.0.0")]
    addresses = [f"{hub.address}/{r.manifest.reference}" for hub, r in zip(hubs, pair[:2], strict=True)]
    static = [f"{hub.address}/static" for hub in hubs]
    mirrors = [f"{folder}/.cellcommons" for folder in folders]
    told = []
    for places in (folders, addresses, static, mirrors, [folders[0], addresses[1]]):
        assert main(["diff", *places, "--json"]) == 1
        told.append(last_json(capsys.readouterr().out))
    assert all(one == told[0] for one in told)
    assert told[0] == json.loads(diff_releases(*pair[:2]).to_bytes()) | told[0]["summary"]
    assert told[0]["summary"]["cells"] | pair[2] == told[0]["summary"]["cells"]
    assert main(["diff", folders[0], "lab/cells@1", "--hub", hubs[0].address, "--json"]) == 0
    assert last_json(capsys.readouterr().out)["same"] is True


def test_only_what_changed_is_fetched(hubs, pair) -> None:
    with ExitStack() as stack:
        places = [f"{hub.address}/static" for hub in hubs]
        before, after = (stack.enter_context(opened_release(place, hub="")) for place in places)
        found = diff_releases(before, after)
        assert {c.image for c in found.cells} == {"image-3"}
    for hub, release in zip(hubs, pair[:2], strict=True):
        item = next(i for i in release.items() if i.image == "image-3")
        indexes = {m.sha256 for m in release.members() if m.role.startswith(("file", "part", "the listing"))}
        needed = indexes | {item.labels}
        needed |= {entry.sha256 for entry in release.tree(item.labels).entries}
        assert set(hub.served) <= needed
        assert all(sent <= release.store.size(digest) for digest, sent in hub.served.items()), "fetched twice"


def test_pictures_and_parquet_are_written(hubs, pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = [f"{hub.address}/static" for hub in hubs]
    out = ["--pictures", str(tmp_path / "p" / "q"), "--parquet", str(tmp_path / "t")]
    assert main(["diff", *places, *out]) == 1
    shown = capsys.readouterr().out
    assert "cells died" in shown
    assert sorted(p.name for p in (tmp_path / "t").iterdir()) == ["cells.parquet", "images.parquet", "tracks.parquet"]
    pictures = sorted((tmp_path / "p" / "q").iterdir())
    assert len(pictures) == len(diff_releases(*pair[:2]).cells)
    assert pictures[0].name == "001-died.png"
    assert pictures[0].read_bytes().startswith(b"\x89PNG")


def test_what_is_wrong_is_one_line_and_status_2(hubs, pair, tmp_path: Path, capsys) -> None:
    other = small_release(FolderStore(tmp_path / "o"), "augmented", count=1)
    good = f"{hubs[0].address}/static"
    with serving(other) as third:
        cases = {
            f"{third.address}/static": "cannot be compared",
            f"{hubs[1].address}/lab/cells@9": "lab/cells@9",
            str(tmp_path): "no downloaded release",
            str(tmp_path / "nowhere"): "no such folder",
            "ftp://somewhere/else": "http(s) address or a folder",
            "what@ever": "slug@version",
        }
        for place, said in cases.items():
            assert main(["diff", good, place, "--hub", hubs[0].address]) == 2, place
            err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cellcommons")]
            assert len(err) == 1
            assert said in err[0]


def test_a_flipped_bit_on_the_way_is_named(hubs, pair) -> None:
    item = next(i for i in pair[1].items() if i.image == "image-3")
    hubs[1].flip.add(item.labels)
    with ExitStack() as stack:
        places = [f"{hub.address}/static" for hub in hubs]
        before, after = (stack.enter_context(opened_release(place, hub="")) for place in places)
        with pytest.raises(DigestMismatch, match=item.labels):
            diff_releases(before, after)


def test_the_token_goes_to_the_hub_alone(hubs, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("CELLCOMMONS_TOKEN", "secret")
    assert main(["diff", "lab/cells@1", f"{hubs[1].address}/lab/cells@2", "--hub", hubs[0].address]) == 1
    assert hubs[0].seen_tokens == {"Token secret"}
    assert hubs[1].seen_tokens == {None}


def test_a_hub_that_is_busy_is_asked_again(hubs, capsys: pytest.CaptureFixture[str]) -> None:
    hubs[0].failures = hubs[1].failures = 2
    assert main(["diff", *(f"{hub.address}/static" for hub in hubs)]) == 1
