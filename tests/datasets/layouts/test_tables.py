"""The tables beside the images: what is written comes back, whatever the names hold; bad ones are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellcommons.errors import CannotCarry, InvalidDocument
from cellcommons.layouts.contract import Entry
from cellcommons.layouts.tables import Tables, read_column, read_rows, read_tables, write_rows, write_tables

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(lambda t: t == t.strip())


@given(st.dictionaries(TEXT, st.tuples(TEXT, TEXT, st.sampled_from(["", "train", "validation", "test"]))))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_comes_back(tmp_path: Path, said: dict[str, tuple[str, str, str]]) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    entries = [
        Entry(n, (), source, stratum, {"source_known": True}, split) for n, (source, stratum, split) in said.items()
    ]
    write_tables(tmp_path, entries)
    tables = read_tables(tmp_path)
    for entry in entries:
        again = tables.applied(Entry(entry.name, (), ""))
        assert (again.source, again.stratum, again.split) == (entry.source, entry.stratum, entry.split)
        assert again.metadata["source_known"]


def test_formulas_quotes_and_line_breaks_stay_in_their_field(tmp_path: Path) -> None:
    nasty = '=HYPERLINK("x")\r\n,next", line'
    write_tables(tmp_path, [Entry(nasty, (), "+1, 2"), Entry("b", (), "@sum", "a\nb")])
    assert (tmp_path / "sources.csv").read_bytes() == (
        b'"name","source"\n"=HYPERLINK(""x"")\r\n,next"", line","+1, 2"\n"b","@sum"\n'
    )
    assert read_tables(tmp_path) == Tables({nasty: "+1, 2", "b": "@sum"}, {"b": "a\nb"}, {})


def test_only_tables_with_something_to_say_are_written(tmp_path: Path) -> None:
    write_tables(tmp_path, [Entry("a", (), "a"), Entry("b", (), "", "", {"source_known": False}), Entry("c", (), "c")])
    assert list(tmp_path.iterdir()) == []
    write_tables(tmp_path, [Entry("a", (), "a", split="test"), Entry("b", (), "b")])
    assert [path.name for path in tmp_path.iterdir()] == ["splits.csv"]
    write_tables(tmp_path, [Entry("a", (), "a", "", {"source_known": True})])
    assert read_tables(tmp_path).sources == {"a": "a"}  # stated, though it has the image's own name


def test_tables_written_by_people_are_read(tmp_path: Path) -> None:
    (tmp_path / "sources.csv").write_text("\ufeffid,source,who\na.png, donor 1,me\nb.png\n", encoding="utf-8")
    (tmp_path / "splits.csv").write_text("file,split\na.png,Val\nb.png,training\nc.png,\n")
    tables = read_tables(tmp_path)
    assert tables == Tables({"a.png": "donor 1"}, {}, {"a.png": "validation", "b.png": "train"})
    entry = tables.applied(Entry("a", (), ""), "a.png")
    assert (entry.source, entry.split, entry.metadata) == ("donor 1", "validation", {"source_known": True})
    entry = tables.applied(Entry("z", (), "day 1", "x", {"source_known": True}, "test"))
    assert (entry.source, entry.stratum, entry.split, entry.metadata) == ("day 1", "x", "test", {"source_known": True})
    assert tables.applied(Entry("z", (), "")).metadata == {"source_known": False}


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("sources.csv", b"name,donor\na,b\n", "needs a column 'source'"),
        ("sources.csv", b"", "it has none"),
        ("strata.csv", b"name,stratum\na,x\na,y\n", "'a' is listed twice"),
        ("strata.csv", b"name,stratum\n\xff\xfe,x\n", "not a UTF-8 CSV table"),
        ("strata.csv", b"name,stratum\n" + b"a" * 200_000 + b",x\n", "not a UTF-8 CSV table"),
        ("splits.csv", b"name,split\na,fold 3\n", "'fold 3' is no part of a split"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, file: str, content: bytes, said: str) -> None:
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InvalidDocument, match=said) as error:
        read_tables(tmp_path)
    assert file in error.value.where


def test_what_utf8_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCarry, match="UTF-8"):
        write_tables(tmp_path, [Entry("a\udcff", (), "x")])


def test_rows_of_any_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_rows(path, ("a", "b"), [("x, y", 1.5), ("", 2)])
    assert read_rows(path) == [{"a": "x, y", "b": "1.5"}, {"a": "", "b": "2"}]
    path.write_text("a,b,\n1\n\n2,3,\n")
    assert read_rows(path) == [{"a": "1", "b": ""}, {"a": "2", "b": "3"}]
    for content, said in (("", "no header"), ("a,a\n", "twice"), ("a,b\n1,2,3\n", "3 fields for 2 columns")):
        path.write_text(content)
        with pytest.raises(InvalidDocument, match=said):
            read_rows(path)
    assert read_column(tmp_path / "none.csv", "x") == {}
