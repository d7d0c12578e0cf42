"""Which cell of an earlier frame each cell comes from: links over detections that are given."""

from __future__ import annotations

from backend.annotation.kinds.contract import GivenRow, Ground, companion_rows
from backend.annotation.models import Assignment, Item
from backend.imaging.models import Image
from cellcommons.errors import InvalidDocument
from cellcommons.links import check_order, parse_node
from cellcommons.reading import Changes, Reading, Value, read_values
from cellcommons.store import ObjectStore

TITLES = {"detections": "Cells of each frame"}


class Tracking:
    task = "tracking"
    paints = False
    answers = True
    drafts_are_bases = True
    needs_classes = False

    def refusal(self, image: Image) -> str:
        if image.frames < 2:
            return "it has one frame, and tracking needs a movie"
        if image.depth > 1:
            return "its frames are stacks, and tracking takes frames of one plane"
        if not companion_rows(image, TITLES):
            return "nothing says where its cells are: import it with masks of each frame, or let a segmenter find them"
        return ""

    def given(self, item: Item) -> list[GivenRow]:
        return companion_rows(item.image, TITLES)

    def question(self, assignment: Assignment) -> str | None:
        return None

    def check_changes(self, ground: Ground, changes: Changes) -> None:
        for child, (_, parent) in changes.items():
            self._check(ground, child, parent)

    def check_reading(self, ground: Ground, reading: Reading) -> None:
        for child, parent in reading.values.items():
            self._check(ground, child, parent)

    def finished(self, assignment: Assignment, reading: Reading) -> Reading:
        return reading

    def count(self, reading: Reading, ground: Ground) -> int:
        """Tracks: cells that no cell goes on in, which is all but those with a single child in the next frame."""
        cells = sum(_cells(ground))
        children: dict[str, list[int]] = {}
        for child, parent in reading.values.items():
            children.setdefault(str(parent), []).append(parse_node(child)[0])
        onward = sum(frames == [parse_node(parent)[0] + 1] for parent, frames in children.items())
        return cells - onward

    def check_draft(self, store: ObjectStore, item: Item, tree: str) -> None:
        ground = Ground(self.given(item), None, {})
        for child, parent in read_values(store, tree).items():
            self._check(ground, child, parent)

    def _check(self, ground: Ground, child: str, parent: Value | None) -> None:
        cells = _cells(ground)
        later = _node_frame(child, cells, where=child)
        if parent is not None:
            check_order(_node_frame(parent, cells, where=child), later, where=child)


def _cells(ground: Ground) -> list[int]:
    row = ground.companion("detections")
    return list(row["summary"]["cells"]) if row else []


def _node_frame(node: Value, cells: list[int], *, where: str) -> int:
    frame, cell = parse_node(node, where=where)
    if frame >= len(cells) or cell > cells[frame]:
        there = f"frame {frame} has {cells[frame]} cells" if frame < len(cells) else f"there are {len(cells)} frames"
        raise InvalidDocument(f"there is no cell {node}", where=where, remedy=f"Here {there}.")
    return frame
