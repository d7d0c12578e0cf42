"""COCO files written one image at a time: annotations wait in a file of their own, not in memory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.classes import CellBoxes, Ontology
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell, Mask
from cellcommons.layouts.coco_json import KINDS, Kind
from cellcommons.layouts.rings import flat, rings_of
from cellcommons.layouts.run_lengths import counts_of_cell, encode_text
from cellcommons.overlapping import OverlappingCells, cell_of

CELL = "cell"


class CocoWriter:
    """One file: the images of one part of the split that have one kind of truth.

    Args:
        path: the file. kind: of all that is added.
    """

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path, self.kind = path, kind
        self._images: list[dict[str, Any]] = []
        self._categories: dict[tuple[str, tuple[str, ...]], int] = {}
        self._classed = False
        self._count = 0
        self._spool = path.with_suffix(".annotations")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = self._spool.open("w", encoding="utf-8")

    def add(self, file_name: str, shape: tuple[int, int], truth: Any) -> None:
        """One image and what is known about it."""
        self._images.append(
            {"id": len(self._images) + 1, "width": shape[1], "height": shape[0], "file_name": file_name}
        )
        if isinstance(truth, OverlappingCells):
            self._add_cells(truth)
        elif isinstance(truth, CellBoxes):
            keys = self._keys(truth.ontology)
            for one in truth.boxes:
                y0, x0, y1, x1 = one.box
                self._put({"category_id": keys[one.name], "area": (y1 - y0) * (x1 - x0)}, one.box)
            self._add_crowds(truth.annotated, list(keys.values()))
        elif isinstance(truth, Keypoints):
            self._add_keypoints(truth)

    def close(self) -> None:
        """Put the file together."""
        self._handle.close()
        info: dict[str, Any] = {"description": "Cell Commons", "truth": KINDS[self.kind]}
        if self.kind == "cells":
            info["classes"] = self._classed
        head = {"info": info, "licenses": [], "categories": self._listed(), "images": self._images}
        with self.path.open("w", encoding="utf-8") as whole:
            text = json.dumps(head, ensure_ascii=False)
            whole.write(text if self.kind == "none" else text[:-1] + ', "annotations": [')
            if self.kind != "none":
                with self._spool.open(encoding="utf-8") as rows:
                    shutil.copyfileobj(rows, whole)
                whole.write("\n]}")
            whole.write("\n")
        self._spool.unlink()

    def abandon(self) -> None:
        """Let go of what is open; the folder is thrown away by whoever asked for it."""
        self._handle.close()

    def _listed(self) -> list[dict[str, Any]]:
        listed = []
        for (name, landmarks), key in self._categories.items():
            row: dict[str, Any] = {"id": key, "name": name, "supercategory": CELL}
            if landmarks:
                row |= {"keypoints": list(landmarks), "skeleton": []}
            listed.append(row)
        return listed

    def _keys(self, ontology: Ontology) -> dict[str, int]:
        return {name: self._key(name) for name in ontology.names}

    def _key(self, name: str, landmarks: tuple[str, ...] = ()) -> int:
        return self._categories.setdefault((name, landmarks), len(self._categories) + 1)

    def _add_cells(self, truth: OverlappingCells) -> None:
        self._classed |= truth.ontology is not None
        keys = self._keys(truth.ontology) if truth.ontology else {CELL: self._key(CELL)}
        for cell in truth.cells:
            names = truth.classes.get(cell.id) if truth.ontology else (CELL,)
            row = {
                "category_id": keys[names[0]] if names else 0,
                "segmentation": segmentation(cell, truth.shape),
                "area": cell.area,
                "instance_id": cell.id,
            }
            self._put(row, cell.box)
        self._add_crowds(truth.annotated, list(keys.values()))

    def _add_keypoints(self, truth: Keypoints) -> None:
        same = [name for name, landmarks in self._categories if landmarks == truth.landmarks]
        name = same[0] if same else f"object {len(self._categories) + 1}" if self._categories else "object"
        key = self._key(name, truth.landmarks)
        assert truth.hidden is not None
        for number, (said, position) in enumerate(zip(truth.objects, truth.positions, strict=True)):
            placed = truth.placed[number]
            seen = np.where(placed, np.where(truth.hidden[number], 1, 2), 0)
            values: list[int | float] = []
            for (y, x), visible in zip(position.tolist(), seen.tolist(), strict=True):
                values += [x, y, visible] if visible else [0, 0, 0]
            low, high = (np.nanmin(position, axis=0), np.nanmax(position, axis=0)) if placed.any() else (0, 0)
            (y0, x0), (y1, x1) = np.broadcast_to(low, 2).tolist(), np.broadcast_to(high, 2).tolist()
            row = {"category_id": key, "keypoints": values, "num_keypoints": int(placed.sum()), "object": said}
            row["area"] = (y1 - y0) * (x1 - x0)
            row["bbox"] = [x0, y0, x1 - x0, y1 - y0]
            self._put(row, None)
        self._add_crowds(truth.annotated, [key])

    def _add_crowds(self, annotated: Mask | None, keys: list[int]) -> None:
        """What nobody looked at: one crowd for each class, so that measures leave it out for all of them."""
        if annotated is None:
            return
        region = cell_of(1, ~annotated)
        assert region is not None
        said = segmentation(region, (annotated.shape[0], annotated.shape[1]), runs=True)
        for key in keys:
            self._put({"category_id": key, "segmentation": said, "area": region.area}, region.box, crowd=1)

    def _put(self, row: dict[str, Any], box: tuple[int, int, int, int] | None, *, crowd: int = 0) -> None:
        self._count += 1
        whole = {"id": self._count, "image_id": len(self._images), "iscrowd": crowd, **row}
        if box is not None:
            y0, x0, y1, x1 = box
            whole["bbox"] = [x0, y0, x1 - x0, y1 - y0]
        self._handle.write(",\n" if self._count > 1 else "\n")
        self._handle.write(json.dumps(whole, ensure_ascii=False))


def segmentation(cell: Cell, shape: tuple[int, int], *, runs: bool = False) -> Any:
    """Polygons, one a piece; run lengths where the cell has holes or ``runs`` asks for them."""
    rings = None if runs else rings_of(cell)
    if rings is None:
        return {"size": list(shape), "counts": encode_text(counts_of_cell(cell, shape))}
    return [flat(ring) for ring in rings]
