"""CVAT's XML written one image at a time: images wait in a file of their own, since the labels come before them."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from cellcommons.classes import CellBoxes, ImageClasses
from cellcommons.keypoints import Keypoints
from cellcommons.layouts.cvat_shapes import ID, NAME
from cellcommons.layouts.run_lengths import counts_of
from cellcommons.overlapping import OverlappingCells

CELL = "cell"
SUBSETS = {"train": "Train", "validation": "Validation", "test": "Test", "": ""}


class CvatWriter:
    """``annotations.xml`` of one task. Args: path: the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._labels: dict[tuple[str, str, tuple[str, ...]], None] = {}
        self._count = 0
        self._spool = path.with_suffix(".images")
        self._handle = self._spool.open("wb")

    def add(self, name: str, shape: tuple[int, int], split: str, truth: object) -> None:
        """One image and what is known about it."""
        facts = {"id": str(self._count), "name": name}
        if split:
            facts["subset"] = SUBSETS[split]
        image = Element("image", facts | {"width": str(shape[1]), "height": str(shape[0])})
        self._count += 1
        if isinstance(truth, OverlappingCells):
            self._add_cells(image, truth)
        elif isinstance(truth, CellBoxes):
            self._list("rectangle", truth.ontology.names)
            for one in truth.boxes:
                y0, x0, y1, x1 = (f"{value}.0" for value in one.box)
                _shape(image, "box", one.name, xtl=x0, ytl=y0, xbr=x1, ybr=y1)
        elif isinstance(truth, Keypoints):
            self._add_keypoints(image, truth)
        elif isinstance(truth, ImageClasses):
            self._list("tag", truth.ontology.names)
            for label in truth.classes:
                SubElement(image, "tag", {"label": label, "source": "manual"})
        indent(image, level=1)
        self._handle.write(b"  " + tostring(image, encoding="utf-8", xml_declaration=False).strip() + b"\n")

    def close(self) -> None:
        """Put the file together."""
        self._handle.close()
        task = Element("task")
        for name, value in (("name", "Cell Commons"), ("size", str(self._count)), ("mode", "annotation")):
            SubElement(task, name).text = value
        listed = SubElement(task, "labels")
        for name, kind, landmarks in self._labels:
            _label(listed, name, kind)
            for landmark in landmarks:
                SubElement(_label(listed, landmark, "points"), "parent").text = name
        indent(task, level=2)
        with self.path.open("wb") as whole:
            head = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    '
            whole.write(head.encode() + tostring(task, encoding="utf-8").strip() + b"\n  </meta>\n")
            with self._spool.open("rb") as images:
                shutil.copyfileobj(images, whole)
            whole.write(b"</annotations>\n")
        self._spool.unlink()

    def abandon(self) -> None:
        """Let go of what is open."""
        self._handle.close()

    def _list(self, kind: str, names: tuple[str, ...]) -> None:
        for name in names:
            self._labels.setdefault((name, kind, ()))

    def _add_cells(self, image: Element, truth: OverlappingCells) -> None:
        self._list("mask", truth.ontology.names if truth.ontology else (CELL,))
        for cell in truth.cells:
            names = truth.classes.get(cell.id) if truth.ontology else (CELL,)
            if not names:  # a cell without a class has no place here
                continue
            y0, x0, y1, x1 = cell.box
            runs = ", ".join(map(str, counts_of(cell.mask).tolist()))
            shape = _shape(
                image, "mask", names[0], rle=runs, left=str(x0), top=str(y0), width=str(x1 - x0), height=str(y1 - y0)
            )
            SubElement(shape, "attribute", {"name": ID}).text = str(cell.id)

    def _add_keypoints(self, image: Element, truth: Keypoints) -> None:
        found = [name for name, kind, landmarks in self._labels if kind == "skeleton" and landmarks == truth.landmarks]
        count = sum(kind == "skeleton" for _, kind, _ in self._labels)
        label = found[0] if found else f"object {count + 1}" if count else "object"
        self._labels.setdefault((label, "skeleton", truth.landmarks))
        assert truth.hidden is not None
        for number, name in enumerate(truth.objects):
            skeleton = _shape(image, "skeleton", label)
            for place, landmark in enumerate(truth.landmarks):
                y, x = truth.positions[number, place].tolist()
                placed = bool(truth.placed[number, place])
                facts = {
                    "label": landmark,
                    "source": "manual",
                    "outside": str(int(not placed)),
                    "occluded": str(int(truth.hidden[number, place])),
                    "points": f"{x + 0.5!r},{y + 0.5!r}" if placed else "0.0,0.0",
                }
                SubElement(skeleton, "points", facts)
            SubElement(skeleton, "attribute", {"name": NAME}).text = name


def _shape(image: Element, tag: str, label: str, **facts: str) -> Element:
    return SubElement(image, tag, {"label": label, "source": "manual", "occluded": "0", **facts, "z_order": "0"})


def _label(listed: Element, name: str, kind: str) -> Element:
    label = SubElement(listed, "label")
    SubElement(label, "name").text = name
    SubElement(label, "type").text = kind
    said = SubElement(label, "attributes")
    if kind == "mask":
        _attribute(said, ID, "number", "1", "1\n4294967295\n1")
    elif kind == "skeleton":
        _attribute(said, NAME, "text", "", "")
    return label


def _attribute(said: Element, name: str, kind: str, default: str, values: str) -> None:
    one = SubElement(said, "attribute")
    pairs = (("name", name), ("mutable", "False"), ("input_type", kind), ("default_value", default), ("values", values))
    for key, value in pairs:
        SubElement(one, key).text = value
