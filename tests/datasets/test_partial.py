from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_release import Hub, items_in, overwrite, seal, serving

import cellcommons
from cellcommons.cli import main
from cellcommons.client import Client
from cellcommons.download_settings import DownloadSettings
from cellcommons.errors import CellCommonsError, InvalidDocument, NotFound
from cellcommons.folder import ReleaseFolder
from cellcommons.partial import PartialRelease
from cellcommons.release import Release
from cellcommons.selection import COLUMNS, Selection, parse_query
from cellcommons.store import FolderStore, object_path

ROW = {
    **{name: name for name in COLUMNS},
    "stratum": "tissue", "split": "train", "channels": ("DNA", "actin"), "cells": 12, "height": 48, "width": 64,
    "tracks": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    store = FolderStore(tmp_path_factory.mktemp("hub"))
    return seal(store, items_in(store))


@pytest.fixture
def hub(release: Release) -> Iterator[Hub]:
    with serving(release) as hub:
        yield hub


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("stratum == 'tissue' and cells > 10", True),
        ("stratum == 'tissue' and not cells > 10", False),
        ("'DNA' in channels or cells == 0", True),
        ("split in ['test', 'validation']", False),
        ("10 < cells <= 12", True),
        ("cells > -1 and (height, width) == (48, 64)", True),
        ("height != width", True),
    ],
)
def test_a_query_is_what_it_says(text: str, holds: bool) -> None:
    assert parse_query(text)(ROW) is holds


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "cells.__class__",
        "cells[0]",
        "lambda: 1",
        "[x for x in channels]",
        "cells + 1 > 2",
        "secret == 1",
        "cells >",
        "cells == 1; split",
        "f'{cells}' == 'x'",
        "9**9**9 > 1",
        "(" * 500 + "1" + ")" * 500,
        "cells is None",
        "x" * 3000,
    ],
)
def test_anything_else_is_refused_before_it_is_asked(text: str) -> None:
    with pytest.raises(InvalidDocument):
        parse_query(text)


def test_kinds_that_do_not_compare_are_named() -> None:
    with pytest.raises(InvalidDocument, match="different kinds"):
        parse_query("cells > 'many'")(ROW)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_text_does_anything_but_answer_or_be_refused(text: str) -> None:
    with contextlib.suppress(InvalidDocument):
        assert parse_query(text)(ROW) in (True, False)


def downloaded(hub: Hub, folder: Path, **wanted: object) -> PartialRelease:
    Client(hub.address).download("lab/noise@1", folder, DownloadSettings(selection=Selection(**wanted)))
    ReleaseFolder(folder).verify()
    release = cellcommons.load(folder)
    assert isinstance(release, PartialRelease)
    assert not ReleaseFolder(folder).edits()
    return release


def test_one_split_fetches_its_objects_alone(hub: Hub, release: Release, tmp_path: Path) -> None:
    part = downloaded(hub, tmp_path / "part", split="train")
    wanted = list(release.items("train"))
    assert list(part.items()) == wanted
    assert "of 6 images (split train)" in repr(part)
    others = {tree for item in release.items() if item not in wanted for tree in (item.tree, item.labels)}
    assert not others & set(hub.served)
    assert hub.served == {d: n for d, n in part.objects() if d != release.digest}
    for item in wanted:
        np.testing.assert_array_equal(part.image(item).data, release.image(item).data)
    assert set(part.table("cells")["image"].to_pylist()) == {item.image for item in wanted}
    assert {p.stem for p in (tmp_path / "part" / "images").iterdir()} == {item.path for item in wanted}


def test_by_name_and_by_query(hub: Hub, release: Release, tmp_path: Path, capsys) -> None:
    items = list(release.items())
    most = max(len(item.cells) for item in items)
    part = downloaded(hub, tmp_path / "named", images=(items[0].name, items[2].path))
    assert [item.image for item in part.items()] == [items[0].image, items[2].image]
    command = ["download", "lab/noise@1", str(tmp_path / "asked"), "--hub", hub.address, "--json"]
    assert main([*command, "--query", f"cells >= {most} and split != 'test'"]) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert done["images"] == sum(len(i.cells) >= most and i.split != "test" for i in items)
    assert done["bytes"] == done["fetched"] < release.manifest.objects.bytes
    with pytest.raises(NotFound, match="nobody"):
        downloaded(hub, tmp_path / "none", images=("nobody",))
    with pytest.raises(NotFound, match="no image"):
        downloaded(hub, tmp_path / "none", query="cells > 1000")
    assert main([*command, "--query", "cells.real > 1"]) == 2


@pytest.mark.parametrize("without", ["labels_only", "no_images"])
def test_without_images(hub: Hub, release: Release, tmp_path: Path, without: str) -> None:
    part = downloaded(hub, tmp_path / "part", **{without: True})
    item = next(part.items())
    np.testing.assert_array_equal(part.labels(item), release.labels(item))
    with pytest.raises(NotFound, match="Download the release"):
        part.image(item)
    assert not list((tmp_path / "part" / "images").iterdir())
    assert item.tree not in hub.served


def test_sync_keeps_the_selection_and_a_download_widens_it(hub: Hub, release: Release, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "part"
    downloaded(hub, folder, split="train", labels_only=True)
    more = [*release.items(), *items_in(release.store, 9, seed=1)[6:]]
    hub.release = second = seal(release.store, more, parent=release.digest)
    assert main(["sync", str(folder), "--dry-run", "--json"]) == 1
    plan = json.loads(capsys.readouterr().out.splitlines()[-1])
    hub.served.clear()
    done = Client(hub.address).sync(folder)
    assert done.selection == "split train, labels only"
    assert (done.fetched, plan["bytes_to_move"]) == (sum(hub.served.values()),) * 2
    part = cellcommons.load(folder)
    assert {item.image for item in part.items()} == {item.image for item in second.items("train")}
    assert all(item.tree not in hub.served for item in second.items())
    Client(hub.address).download("lab/noise@1.1", folder)
    assert cellcommons.load(folder).verify() == second.counted()


def test_verify_checks_what_is_there_and_says_what_is_not(hub: Hub, release: Release, tmp_path: Path, capsys) -> None:
    part = downloaded(hub, tmp_path / "part", split="train")
    assert main(["verify", str(tmp_path / "part"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["selection"], told["images"] + told["absent"]) == ("split train", 6)
    victim = tmp_path / "part" / ".cellcommons" / object_path(next(part.items()).tree)
    overwrite(victim, b"x" * victim.stat().st_size)
    with pytest.raises(CellCommonsError):
        ReleaseFolder(tmp_path / "part").verify()


def test_a_part_is_opened_where_it_lies(hub: Hub, release: Release, tmp_path: Path) -> None:
    part = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path, selection=Selection(split="test"))
    assert list(part.items()) == list(release.items("test"))
    mirror = tmp_path / "copy"
    downloaded(hub, mirror, split="train")
    # A part is no mirror of the whole: what it lacks is named, and nothing is shown.
    with pytest.raises(CellCommonsError):
        Client(str(mirror / ".cellcommons"), attempts=1).download("lab/noise@1", tmp_path / "again")
    assert not (tmp_path / "again" / "release.json").exists()
