"""A movie on one picture: frames side by side, cells outlined in the colour of their track, with trails."""

from __future__ import annotations

import colorsys
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cellcommons.labels import Labels, outlines
from cellcommons.linked import lineage_from_edges, relabelled
from cellcommons.linking.features import CellTable
from cellcommons.tracks import Edges, Movie

PANEL = 320
TRAIL = 8
WRONG = (255, 64, 64)
MISSED = (255, 255, 255)
_GAP = 6
_GUTTER = (18, 21, 28)

Node = tuple[int, int]
Points = list[tuple[float, float]]


def movie_png(
    light: NDArray[np.float32], detections: Movie, cells: CellTable, found: Edges, truth: Edges, *, size: int = PANEL
) -> bytes:
    """Three frames of a linked movie as an RGB PNG.

    Outlines and trails have the colour of the found track; a trail shows where it was in the last ``TRAIL`` frames. A
    link that the truth has not is red and thick, one that only the truth has is white and dashed.

    Args:
        light: float32, tyx. detections: uint32, tyx. cells: the detections, measured.
        found, truth: links between them, shape (m, 4). size: longest side of a frame, pixels.
    """
    lineage, track = lineage_from_edges(cells.nodes, found)
    right, _ = lineage_from_edges(cells.nodes, truth)
    data = relabelled(detections, cells.nodes, track)
    divisions = [division.frame + 1 for division in (right.divisions or lineage.divisions)]
    colours = dict(zip(map(_node, cells.nodes.tolist()), (_colour(int(one)) for one in track), strict=True))
    panels = []
    for frame in _frames(len(detections), divisions):
        factor = min(size / max(detections.shape[1:]), 4.0)
        picture = _outlined(light[frame], data[frame], factor)
        _trails(ImageDraw.Draw(picture), frame, factor, cells, (_pairs(found), _pairs(truth)), colours)
        panels.append(np.asarray(picture))
    gap = np.full((panels[0].shape[0], _GAP, 3), _GUTTER, dtype=np.uint8)
    parts = [part for panel in panels for part in (panel, gap)][:-1]
    file = io.BytesIO()
    Image.fromarray(np.concatenate(parts, axis=1)).save(file, "PNG", optimize=True)
    return file.getvalue()


def _frames(count: int, divisions: list[int]) -> list[int]:
    """Early, middle and last frame; the middle one is just after a division where there is any."""
    last = count - 1
    inner = [frame for frame in divisions if 1 < frame < last]
    middle = min(inner, key=lambda frame: (abs(frame - last // 2), frame)) if inner else last // 2
    return sorted({min(1, last), middle, last})


def _outlined(light: NDArray[np.float32], labels: Labels, factor: float) -> Image.Image:
    """A frame, dimmed, with its cells outlined in the colours of their tracks."""
    height, width = labels.shape
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    low, high = np.percentile(light, (1, 99.8))
    gray = np.clip((light - low) / max(float(high - low), 1e-6), 0, 1) * 150
    scaled = Image.fromarray(gray.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    canvas = np.repeat(np.asarray(scaled)[:, :, None], 3, axis=2).copy()
    shown = np.asarray(Image.fromarray(labels.astype(np.int32)).resize(size, Image.Resampling.NEAREST))
    edge = outlines(shown.astype(np.uint32))
    tracks, place = np.unique(shown[edge], return_inverse=True)
    if tracks.size:
        canvas[edge] = np.array([_colour(int(one)) for one in tracks], dtype=np.uint8)[place]
    return Image.fromarray(canvas)


def _trails(
    draw: ImageDraw.ImageDraw,
    frame: int,
    factor: float,
    cells: CellTable,
    links: tuple[set[tuple[Node, Node]], set[tuple[Node, Node]]],
    colours: dict[Node, tuple[int, int, int]],
) -> None:
    """Links of the last frames as lines between centroids."""
    centres = ((cells.points[:, ::-1] + 0.5) * factor).tolist()
    place = {_node(node): (x, y) for node, (x, y) in zip(cells.nodes.tolist(), centres, strict=True)}
    found, truth = links
    for earlier, later in sorted(found | truth):
        if not frame - TRAIL <= earlier[0] < later[0] <= frame:
            continue
        ends = [place[earlier], place[later]]
        if (earlier, later) not in found:
            _dashed(draw, ends)
        elif (earlier, later) in truth:
            draw.line(ends, fill=colours[later], width=1)
        else:
            draw.line(ends, fill=WRONG, width=3)


def _dashed(draw: ImageDraw.ImageDraw, ends: Points) -> None:
    (x0, y0), (x1, y1) = ends
    for step in (0.0, 0.4, 0.8):
        dash = [(x0 + (x1 - x0) * at, y0 + (y1 - y0) * at) for at in (step, step + 0.2)]
        draw.line(dash, fill=MISSED, width=2)


def _pairs(edges: Edges) -> set[tuple[Node, Node]]:
    return {((a, i), (b, j)) for a, i, b, j in edges.tolist()}


def _node(pair: list[int]) -> Node:
    return pair[0], pair[1]


def _colour(track: int) -> tuple[int, int, int]:
    """Neighbouring ids far apart on the colour wheel; never the red of a wrong link."""
    hue = 0.06 + (track * 0.61803398875 % 1.0) * 0.88
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.65, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
