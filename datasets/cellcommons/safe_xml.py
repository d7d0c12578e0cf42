"""XML from strangers: parsed without document types and entities, and within limits.

The standard parsers expand entities that a document defines itself, so that a small file can take all memory ("billion
laughs") or name a file of this machine (https://docs.python.org/3/library/xml.html#xml-security). Data files need
neither, so a document type is refused outright.
"""

from __future__ import annotations

from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from cellcommons.errors import TooLarge, UnreadableFile

MAX_BYTES = 64 << 20
MAX_DEPTH = 64
"""Elements within one another; a tree of Python objects is also freed by recursion."""


def parse_xml(data: bytes, *, where: str, max_bytes: int = MAX_BYTES) -> Element:
    """The root element of ``data``.

    Raises:
        UnreadableFile: not well-formed, empty, nested beyond ``MAX_DEPTH``, or with a document type.
        TooLarge: more than ``max_bytes``.
    """
    if len(data) > max_bytes:
        raise TooLarge(f"the XML has {len(data):,} bytes; the limit is {max_bytes:,}", where=where)
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise UnreadableFile(f"the XML nests deeper than {MAX_DEPTH} elements", where=where)
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> NoReturn:
        raise UnreadableFile(
            "the XML defines a document type, which data files do not need",
            where=where,
            remedy="Remove the <!DOCTYPE ...> from the file.",
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter for encodings that are none
        raise UnreadableFile(f"the XML is damaged ({error})", where=where, remedy="Export it again.") from error
