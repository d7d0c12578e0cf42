"""Where a LIF keeps its images: an XML header that describes them, then blocks of plain pixels.

Every block begins with 0x70; its header gives the length of its data and its name. An image's description names its
block and, for each dimension and channel, how many bytes lie from one element to the next.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.limits import Limits
from cellcommons.safe_xml import MAX_BYTES, parse_xml

_HEAD = struct.Struct("<IIBI")
_BLOCK = {1: struct.Struct("<IIBIBI"), 2: struct.Struct("<IIBQBI")}
_DIMENSIONS = {1: "x", 2: "y", 3: "z", 4: "t", 10: "m"}
_CALLED = {5: "wavelength", 6: "rotation", 7: "slice", 8: "time slice", 9: "excitation"}
_AGAIN = "Copy, export or upload it again."


@dataclass(frozen=True)
class Dimension:
    """``count`` elements, ``step`` bytes apart; ``length`` in ``unit`` from the first to the last."""

    count: int
    step: int
    length: float
    unit: str


@dataclass(frozen=True)
class LifChannel:
    """``offset`` bytes from the pixel's first; ``tag`` 1, 2, 3 are red, green, blue of one picture."""

    name: str
    lut: str
    offset: int
    dtype: str
    bits: int
    tag: int


@dataclass(frozen=True)
class LifDescribed:
    """One image: its path in the file, its block (position, bytes), dimensions by letter out of xyztm, channels."""

    name: str
    block: tuple[int, int]
    dimensions: dict[str, Dimension]
    channels: tuple[LifChannel, ...]


class LifFile:
    """An open LIF, read by position only, so that threads may share it.

    Attributes:
        images: descriptions, in the file's order. left_out: images that are not read, and why.
    """

    def __init__(self, descriptor: int, limits: Limits, *, where: str) -> None:
        """Raises UnreadableFile, WrongFormat or TooLarge for a file that is damaged or no LIF."""
        self.descriptor, self.where = descriptor, where
        self.size = os.fstat(descriptor).st_size
        magic, _, star, letters = _HEAD.unpack(self.read(0, _HEAD.size))
        if magic != 0x70 or star != 0x2A or letters * 2 > MAX_BYTES:
            raise UnreadableFile("its header is damaged", where=where, remedy=_AGAIN)
        text = self.read(_HEAD.size, letters * 2)
        if text.startswith("LMS_Object_File".encode("utf-16-le")):
            raise WrongFormat("it is a Leica LOF", where=where, remedy="Export the project as LIF in LAS X.")
        # Parsed as UTF-16 whatever encoding it states, as Leica writes none.
        root = parse_xml(text.decode("utf-16-le", "replace").encode(), where=where)
        version = root.get("Version", "")
        if root.tag != "LMSDataContainerHeader" or version not in ("1", "2"):
            raise WrongFormat(f"it is a Leica {root.tag[:40]} of version {version[:10]}", where=where)
        blocks = self._blocks(_HEAD.size + letters * 2, _BLOCK[int(version)], limits)
        self.images: list[LifDescribed] = []
        self.left_out: list[str] = []
        for name, element in _elements(root):
            try:
                self.images.append(self._described(name, element, blocks))
            except WrongFormat as error:
                self.left_out.append(f"{name}: {error.what}")
            except (KeyError, ValueError, TypeError) as error:
                raise UnreadableFile(f"the description of {name!r} is damaged", where=where, remedy=_AGAIN) from error

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``. Raises UnreadableFile where the file ends before."""
        data = b""
        while len(data) < length and 0 <= offset <= offset + length <= self.size:
            part = os.pread(self.descriptor, length - len(data), offset + len(data))
            if not part:
                break
            data += part
        if len(data) < length:
            raise UnreadableFile("the LIF is truncated: it ends before its pixels", where=self.where, remedy=_AGAIN)
        return data

    def _blocks(self, at: int, form: struct.Struct, limits: Limits) -> dict[str, tuple[int, int]]:
        """Name of each block -> (position, bytes) of its data."""
        found: dict[str, tuple[int, int]] = {}
        while at < self.size:
            limits.check_planes(len(found), where=self.where)
            magic, _, star, length, second, letters = form.unpack(self.read(at, form.size))
            if magic != 0x70 or star != 0x2A or second != 0x2A or letters > 1 << 16:
                raise UnreadableFile("a block of pixels has no header", where=self.where, remedy=_AGAIN)
            name = self.read(at + form.size, letters * 2).decode("utf-16-le", "replace")
            at += form.size + letters * 2
            if at + length > self.size:
                raise UnreadableFile(f"the LIF is truncated: it ends in {name}", where=self.where, remedy=_AGAIN)
            found[name] = (at, length)
            at += length
        return found

    def _described(self, name: str, element: Element, blocks: dict[str, tuple[int, int]]) -> LifDescribed:
        dimensions: dict[str, Dimension] = {}
        for found in element.iterfind("Data/Image/ImageDescription/Dimensions/DimensionDescription"):
            kind, count = int(found.attrib["DimID"]), int(found.attrib["NumberOfElements"])
            letter = _DIMENSIONS.get(kind)
            if letter is None:
                if count > 1:
                    raise WrongFormat(f"it has {count} steps of {_CALLED.get(kind, f'dimension {kind}')}")
                continue
            step, length = int(found.attrib["BytesInc"]), float(found.get("Length", "nan"))
            if letter in dimensions or count < 1 or step < 0:
                raise ValueError(letter)
            dimensions[letter] = Dimension(count, step, length, found.get("Unit", ""))
        channels = tuple(
            _channel(found) for found in element.iterfind("Data/Image/ImageDescription/Channels/ChannelDescription")
        )
        if not {"y", "x"} <= dimensions.keys():
            raise WrongFormat("it is a scan without rows or columns")
        if not channels:
            raise ValueError("no channels")
        memory = element.find("Memory")
        block = blocks.get(memory.get("MemoryBlockID", "") if memory is not None else "")
        last = sum((d.count - 1) * d.step for d in dimensions.values()) + max(
            c.offset + int(c.dtype[-1]) for c in channels
        )
        if block is None or last > block[1]:
            raise UnreadableFile(
                f"the LIF is damaged: {name} declares {last:,} bytes and holds {block[1] if block else 0:,}",
                where=self.where,
                remedy=_AGAIN,
            )
        return LifDescribed(name, block, dimensions, channels)


def _elements(root: Element) -> Iterator[tuple[str, Element]]:
    """(path without the project's own name, element) of every image, folders walked in order."""
    project = root.find("Element")
    todo = [("", child) for child in reversed(_children(project))] if project is not None else []
    while todo:
        path, element = todo.pop()
        name = f"{path}{element.get('Name', '')}"
        if element.find("Data/Image") is not None:
            yield name, element
        todo += [(f"{name}/", child) for child in reversed(_children(element))]


def _children(element: Element) -> list[Element]:
    return element.findall("Children/Element")


def _channel(found: Element) -> LifChannel:
    bits, kind = int(found.attrib["Resolution"]), {"0": "u", "1": "f"}[found.get("DataType", "0")]
    if not 0 < bits <= 64:
        raise ValueError(f"{bits} bits")
    size = next(size for size in (1, 2, 4, 8) if bits <= 8 * size)
    said = {p.findtext("Key"): p.findtext("Value") for p in found.iterfind("ChannelProperty")}
    offset, tag = int(found.attrib["BytesInc"]), int(found.get("ChannelTag", "0"))
    if offset < 0:
        raise ValueError(f"an offset of {offset}")
    return LifChannel(said.get("DyeName") or "", found.get("LUTName", ""), offset, f"<{kind}{size}", bits, tag)
