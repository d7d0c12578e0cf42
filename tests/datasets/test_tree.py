"""Trees: hashed listings that stay inside themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.errors import DigestMismatch, InvalidDocument, NotFound
from cellcommons.store import FolderStore, object_path
from cellcommons.testing.strategies import trees
from cellcommons.tree import FORMAT, Tree, TreeEntry, load_tree, parse_tree, seal_files, seal_folder

FILES = {"zarr.json": b"{}", "0/c/0/0": b"pixels", "0/zarr.json": b"{}", "empty": b""}
SHA = sha256_hex(b"")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@given(trees())
def test_parse_is_the_inverse_of_the_document(tree: Tree) -> None:
    data = canonical_json(tree.document())
    assert parse_tree(data) == tree
    assert tree.digest == sha256_hex(data)


@given(trees())
def test_equal_trees_have_equal_digests_and_others_differ(tree: Tree) -> None:
    again = Tree(tuple(tree.entries))
    assert again.digest == tree.digest
    if tree.entries:
        assert Tree(tree.entries[1:]).digest != tree.digest


def test_sealed_files_come_back_verified(store: FolderStore, tmp_path: Path) -> None:
    tree = seal_files(store, FILES)
    assert load_tree(store, tree.digest) == tree
    assert tree.size == sum(len(data) for data in FILES.values())
    tree.materialise(store, tmp_path / "out")
    assert {
        p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()
    } == FILES
    assert seal_folder(store, tmp_path / "out") == tree
    assert seal_files(store, reversed(list(FILES.items()))) == tree


def test_entry_by_path(store: FolderStore) -> None:
    tree = seal_files(store, FILES)
    assert tree.entry("0/c/0/0").sha256 == sha256_hex(b"pixels")
    with pytest.raises(NotFound):
        tree.entry("0")


def test_a_damaged_file_is_not_materialised(store: FolderStore, tmp_path: Path) -> None:
    tree = seal_files(store, FILES)
    path = store.root / object_path(sha256_hex(b"pixels"))
    path.chmod(0o644)
    path.write_bytes(b"pixelz")
    with pytest.raises(DigestMismatch):
        tree.materialise(store, tmp_path / "out")
    assert not (tmp_path / "out" / "0/c/0/0").exists()


@pytest.mark.parametrize(
    "path", ["", ".", "/etc/passwd", "../up", "a/../../b", "a//b", "a/", "./a", "a\\b", "a\0b", "a/."]
)
def test_paths_that_leave_the_tree_are_refused(path: str) -> None:
    with pytest.raises(InvalidDocument):
        Tree((TreeEntry(path, SHA, 0),))


def test_unsorted_or_double_paths_are_refused() -> None:
    a, b = TreeEntry("a", SHA, 0), TreeEntry("b", SHA, 0)
    for entries in ((b, a), (a, a)):
        with pytest.raises(InvalidDocument):
            Tree(entries)


def test_a_path_cannot_be_file_and_folder() -> None:
    with pytest.raises(InvalidDocument, match="a/b"):
        Tree((TreeEntry("a", SHA, 0), TreeEntry("a-", SHA, 0), TreeEntry("a/b", SHA, 0)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"null",
        json.dumps({"format": "other", "entries": []}).encode(),
        json.dumps({"format": FORMAT, "entries": [["a"]]}).encode(),
        json.dumps({"format": FORMAT, "entries": [["a", SHA, -1]]}).encode(),
        json.dumps({"format": FORMAT, "entries": [["a", SHA, "many"]]}).encode(),
        json.dumps({"format": FORMAT, "entries": [["a", "not hex", 1]]}).encode(),
        json.dumps({"format": FORMAT, "entries": [["a", SHA.upper(), 1]]}).encode(),
        json.dumps({"format": FORMAT, "entries": [["../a", SHA, 1]]}).encode(),
        json.dumps({"format": FORMAT, "entries": 3}).encode(),
    ],
)
def test_damaged_listings_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocument):
        parse_tree(data, where="here")
