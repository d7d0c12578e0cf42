"""XML from strangers: bombs, outside entities, depth, damage."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile
from cellcommons.safe_xml import MAX_DEPTH, parse_xml

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]><lolz>&lol2;</lolz>"""
OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'


def test_elements_text_and_attributes() -> None:
    root = parse_xml("<a k='1'><b>caf\u00e9 &amp; tea</b><b/></a>".encode(), where="x.xml")
    assert (root.tag, root.get("k"), root.findtext("b")) == ("a", "1", "café & tea")
    assert len(root.findall("b")) == 2


@pytest.mark.parametrize("data", [LAUGHS, OUTSIDE, b'<!DOCTYPE a SYSTEM "x.dtd"><a/>'])
def test_document_types_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"x\.xml: the XML defines a document type"):
        parse_xml(data, where="x.xml")


@pytest.mark.parametrize("data", [b"", b"<a>", b"<a></b>", b"\xff\xfe\x00", b"<a>&x;</a>", b"text"])
def test_damage_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"x\.xml"):
        parse_xml(data, where="x.xml")


@pytest.mark.parametrize("name", ["UTF-nan8", "shift_jis", "hex", "utf-16"])
def test_an_encoding_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFile, match="the XML is damaged"):
        parse_xml(f'<?xml version="1.0" encoding="{name}"?><a/>'.encode(), where="x.xml")


def test_depth_and_size_are_limited() -> None:
    deep = b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH
    assert parse_xml(deep, where="x").tag == "a"
    with pytest.raises(UnreadableFile, match="deeper"):
        parse_xml(b"<b>" + deep + b"</b>", where="x")
    with pytest.raises(TooLarge):
        parse_xml(deep, where="x", max_bytes=10)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(CellCommonsError):
        parse_xml(data, where="x")
