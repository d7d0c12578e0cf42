from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.canonical import sha256_hex
from cellcommons.errors import InvalidDocument, TooLarge
from cellcommons.manifest import INDEXES, Blob, Counts, Index, Manifest, ObjectCount, Parts

A = "a" * 64


def manifest(**changes: object) -> Manifest:
    return replace(
        Manifest(
            dataset="commons/dsb2018",
            title="Nuclei",
            version="1.0.0",
            parent=None,
            created="2026-11-20T08:00:00Z",
            licence="CC0-1.0",
            task="instance_segmentation",
            indexes={name: Index(2, 1, 10) for name in INDEXES},
            shards=Index(2, 2, 20),
            parts=Parts(A, 3, 0),
            summary=Blob(A, 3),
            card=Blob(A, 3),
            certificate=Blob(A, 3),
            counts=Counts(2, 5, 6, {"train": 1, "validation": 0, "test": 1}),
            objects=ObjectCount(9, 1000),
        ),
        **changes,
    )


versions = st.from_regex(r"[1-9]\.[0-9]\.[0-9]", fullmatch=True)


@given(st.text(min_size=1, max_size=300).filter(str.strip), versions, st.permutations(INDEXES))
def test_bytes_do_not_depend_on_order_and_parse_back(title: str, version: str, order: list[str]) -> None:
    one = manifest(title=title, version=version)
    two = replace(one, indexes={name: one.indexes[name] for name in order})
    assert one.to_bytes() == two.to_bytes()
    assert Manifest.parse(one.to_bytes()) == one
    assert one.digest == sha256_hex(one.to_bytes())


def test_any_other_field_is_another_release() -> None:
    digests = [
        m.digest
        for m in (
            manifest(),
            manifest(version="2.0.0"),
            manifest(parent=A),
            manifest(created="2026-11-20T08:00:01Z"),
            manifest(card=Blob("b" * 64, 3)),
        )
    ]
    assert len(set(digests)) == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dataset", "../x"),
        ("dataset", ""),
        ("title", "  "),
        ("version", "1.0"),
        ("parent", "abc"),
        ("created", "2026-11-20 08:00"),
        ("created", "2026-02-30T08:00:00Z"),
        ("licence", "free as in beer"),
        ("task", ""),
        ("indexes", {"images": Index(1, 1, 1)}),
        ("indexes", {name: Index(1, 1, 1) for name in (*INDEXES, "../../evil")}),
    ],
)
def test_bad_fields_are_named(field: str, value: object) -> None:
    with pytest.raises(InvalidDocument, match=field):
        manifest(**{field: value})


def test_it_stays_small() -> None:
    assert len(manifest().to_bytes()) < 2000
    with pytest.raises(TooLarge):
        manifest(task="x" * 16_000).to_bytes()


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"kind": "other"}'])
def test_bytes_that_are_no_manifest_are_refused(damage: bytes) -> None:
    with pytest.raises(InvalidDocument):
        Manifest.parse(damage, where="manifest.json")


def test_a_nested_bad_value_says_where() -> None:
    data = manifest().to_bytes().replace(b'"rows":2', b'"rows":"2"', 1)
    with pytest.raises(InvalidDocument, match="indexes:cells:rows"):
        Manifest.parse(data)
