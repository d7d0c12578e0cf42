"""The parquet indexes of a release: which images, labels, cells, companions, tracks, splits and origins it holds."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cellcommons.canonical import sha256_hex
from cellcommons.errors import InvalidDocument
from cellcommons.tracks import Track

SPLITS = ("train", "validation", "test")
TARGET = "target"


@dataclass(frozen=True)
class CellRow:
    """One published cell, or what its task has in its place (``cellcommons.kinds``).

    Attributes:
        id: its value in the label map; of a classification the subject, of tracking the track.
        box: half-open ``(y0, x0, y1, x1)`` in pixels. area: pixels; of a track in all its frames together.
        agreement: 0..1, how far the readings agreed on this cell; None where there was one reading.
        classes: names within the release's ontology; empty where the task has none.
    """

    id: int
    box: tuple[int, int, int, int]
    area: int
    agreement: float | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """Where one image's labels come from.

    Attributes:
        method: how the readings were fused, e.g. ``"majority"``; ``"single"`` for one reading.
        consensus: hub id of the consensus. annotations: hub ids of the readings in it.
        people: pseudonyms of those who read it, never names; one per person.
        prediction: hub id of the prediction that the readings started from, or, in augmented microscopy, whose failures
            they marked; None where there was none.
    """

    method: str
    consensus: str | None = None
    annotations: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    prediction: str | None = None


@dataclass(frozen=True)
class ReleaseItem:
    """One image of a release with its labels.

    Attributes:
        image: hub id. name: for people. tree: image tree digest. labels: digest of a tree of ``cellcommons.reading``.
        split: ``train``, ``validation`` or ``test``. source: what must not straddle a split. stratum: kind of image.
        channels: channel names. height, width: pixels.
        companions: what is given beside the image, kind -> tree digest; see ``cellcommons.kinds.given``.
        path: file stem of the image in a download. tracks: of a movie. markers: channels of a target. All three are set
            when the release is sealed.
    """

    image: str
    name: str
    tree: str
    labels: str
    split: str
    source: str
    stratum: str
    channels: tuple[str, ...]
    height: int
    width: int
    cells: tuple[CellRow, ...] = field(default=(), repr=False)
    provenance: Provenance = Provenance("unknown")
    path: str = ""
    companions: Mapping[str, str] = field(default_factory=dict)
    tracks: tuple[Track, ...] = field(default=(), repr=False)
    markers: tuple[str, ...] = ()


def _schema(**columns: Any) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=name in _NULLABLE) for name, kind in columns.items()])


_NULLABLE = {"agreement", "consensus", "prediction", "parent"}
_TEXT, _TEXTS = pa.string(), pa.list_(pa.field("item", pa.string(), nullable=False))
SCHEMAS: dict[str, pa.Schema] = {
    "images": _schema(
        image=_TEXT, name=_TEXT, path=_TEXT, tree=_TEXT, source=_TEXT, stratum=_TEXT, channels=_TEXTS,
        height=pa.int32(), width=pa.int32(),
    ),
    "labels": _schema(image=_TEXT, labels=_TEXT, cells=pa.int32()),
    "cells": _schema(
        image=_TEXT, cell=pa.uint32(), y0=pa.int32(), x0=pa.int32(), y1=pa.int32(), x1=pa.int32(), area=pa.int64(),
        agreement=pa.float64(), classes=_TEXTS,
    ),
    "companions": _schema(image=_TEXT, kind=_TEXT, tree=_TEXT, channels=_TEXTS),
    "tracks": _schema(
        image=_TEXT, track=pa.uint32(), begin=pa.int32(), end=pa.int32(), parent=pa.uint32()
    ),
    "splits": _schema(image=_TEXT, source=_TEXT, split=_TEXT),
    "provenance": _schema(
        image=_TEXT, method=_TEXT, consensus=_TEXT, annotations=_TEXTS, people=_TEXTS, prediction=_TEXT
    ),
    "sources": _schema(source=_TEXT, split=_TEXT, images=pa.int32()),
}  # fmt: skip
#: Indexes whose rows belong to an image.
OF_IMAGES = tuple(name for name in SCHEMAS if name != "sources")
_DIGITS = 8


def named_items(items: Iterable[ReleaseItem]) -> list[ReleaseItem]:
    """The items in order of image id, each with a safe ``path`` of its own, also where case is not told apart.

    A path is the name made safe and the beginning of the sha256 of the image's id, so it stays the same whatever other
    images there are: those that could be in its way lie in the same part (``cellcommons.parts``).

    Raises:
        InvalidDocument: an image occurs twice, a split is unknown, or a cell id repeats within an image.
    """
    ordered = sorted(items, key=lambda item: item.image)
    taken: set[str] = set()
    named: list[ReleaseItem] = []
    for item in ordered:
        if named and named[-1].image == item.image:
            raise InvalidDocument("an image occurs twice in the release", where=item.image)
        if item.split not in SPLITS:
            raise InvalidDocument(f"split {item.split!r} is not one of {', '.join(SPLITS)}", where=item.image)
        if len({cell.id for cell in item.cells}) != len(item.cells):
            raise InvalidDocument("a cell id occurs twice in one image", where=item.image)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", item.name).strip(".-")[:80] or "image"
        digits, length = sha256_hex(item.image.encode()), _DIGITS
        while (path := f"{stem}-{digits[:length]}").lower() in taken:
            length += _DIGITS
        taken.add(path.lower())
        cells = tuple(sorted(item.cells, key=lambda cell: cell.id))
        named.append(replace(item, path=path, cells=cells))
    return named


def write_indexes(items: Sequence[ReleaseItem]) -> dict[str, bytes]:
    """Parquet bytes of every index that has rows of these items; equal items give equal bytes.

    The bytes also hold the name of the parquet writer, so another pyarrow version may give other bytes for equal items.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in OF_IMAGES}
    for item in items:
        common = {"image": item.image, "source": item.source}
        facts = {name: getattr(item, name) for name in ("name", "path", "tree", "stratum", "height", "width")}
        rows["images"].append({**common, **facts, "channels": list(item.channels)})
        rows["labels"].append({"image": item.image, "labels": item.labels, "cells": len(item.cells)})
        rows["splits"].append({**common, "split": item.split})
        origin = item.provenance
        rows["provenance"].append(
            {
                "image": item.image,
                "method": origin.method,
                "consensus": origin.consensus,
                "annotations": list(origin.annotations),
                "people": list(origin.people),
                "prediction": origin.prediction,
            }
        )
        for cell in item.cells:
            box = dict(zip(("y0", "x0", "y1", "x1"), cell.box, strict=True))
            rows["cells"].append(
                {
                    "image": item.image,
                    "cell": cell.id,
                    **box,
                    "area": cell.area,
                    "agreement": cell.agreement,
                    "classes": list(cell.classes),
                }
            )
        for kind, tree in sorted(item.companions.items()):
            channels = list(item.markers) if kind == TARGET else []
            rows["companions"].append({"image": item.image, "kind": kind, "tree": tree, "channels": channels})
        rows["tracks"] += [
            {"image": item.image, "track": t.id, "begin": t.begin, "end": t.end, "parent": t.parent}
            for t in item.tracks
        ]
    return {name: parquet_bytes(held, SCHEMAS[name]) for name, held in rows.items() if held}


def write_sources(sources: Mapping[str, tuple[str, int]]) -> bytes:
    """Parquet bytes of the index of sources: source -> its split and how many images it has."""
    rows = [{"source": name, "split": split, "images": n} for name, (split, n) in sorted(sources.items())]
    return parquet_bytes(rows, SCHEMAS["sources"])


def read_sources(data: bytes) -> dict[str, tuple[str, int]]:
    """The reverse. Raises InvalidDocument."""
    rows = _rows(data, SCHEMAS["sources"], "sources")
    return {row["source"]: (row["split"], row["images"]) for row in rows}


def read_items(indexes: Mapping[str, bytes]) -> list[ReleaseItem]:
    """The items held by parquet ``indexes``, in order of image id; an index that is not there has no rows.

    Raises:
        InvalidDocument: an index is not the parquet expected, or the indexes do not agree on the images.
    """
    tables = {name: _rows(indexes[name], SCHEMAS[name], name) if name in indexes else [] for name in OF_IMAGES}
    by_image = {name: {row["image"]: row for row in tables[name]} for name in ("labels", "splits", "provenance")}
    cells: dict[str, list[CellRow]] = defaultdict(list)
    for row in tables["cells"]:
        box = (row["y0"], row["x0"], row["y1"], row["x1"])
        cells[row["image"]].append(CellRow(row["cell"], box, row["area"], row["agreement"], tuple(row["classes"])))
    companions: dict[str, dict[str, str]] = defaultdict(dict)
    markers: dict[str, tuple[str, ...]] = {}
    for row in tables["companions"]:
        companions[row["image"]][row["kind"]] = row["tree"]
        if row["kind"] == TARGET:
            markers[row["image"]] = tuple(row["channels"])
    tracks: dict[str, list[Track]] = defaultdict(list)
    for row in tables["tracks"]:
        tracks[row["image"]].append(Track(row["track"], row["begin"], row["end"], row["parent"]))
    images = {row["image"] for row in tables["images"]}
    if (set(cells) | set(companions) | set(tracks)) - images or any(set(rows) != images for rows in by_image.values()):
        raise InvalidDocument("the indexes disagree on which images there are", where=", ".join(OF_IMAGES))
    items = []
    for row in tables["images"]:
        image = row["image"]
        origin = {key: value for key, value in by_image["provenance"][image].items() if key != "image"}
        origin |= {key: tuple(origin[key]) for key in ("annotations", "people")}
        items.append(
            ReleaseItem(
                **{**row, "channels": tuple(row["channels"])},
                labels=by_image["labels"][image]["labels"],
                split=by_image["splits"][image]["split"],
                cells=tuple(cells[image]),
                provenance=Provenance(**origin),
                companions=companions.get(image, {}),
                tracks=tuple(tracks.get(image, ())),
                markers=markers.get(image, ()),
            )
        )
    return items


def parquet_bytes(rows: list[dict[str, Any]], schema: pa.Schema) -> bytes:
    """A table of ``rows`` as parquet; equal rows give equal bytes under one version of pyarrow."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(rows, schema=schema)
    # Every option that shapes the bytes is stated, so that a change of pyarrow's defaults does not change them.
    # Parts are small: what their footers hold besides would be a quarter of them.
    pq.write_table(
        table, sink, version="2.6", compression="zstd", compression_level=6, use_dictionary=True,
        write_statistics=[name for name in ("image", "source") if name in schema.names], data_page_version="1.0",
        row_group_size=1 << 17, store_schema=False,
    )  # fmt: skip
    return bytes(sink.getvalue().to_pybytes())


def _rows(data: bytes, schema: pa.Schema, name: str) -> list[dict[str, Any]]:
    try:
        table = pq.read_table(pa.BufferReader(data))
        rows: list[dict[str, Any]] = table.select(schema.names).cast(schema).to_pylist()
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise InvalidDocument(f"index {name!r} is not the parquet expected ({error})", where=name) from error
    return rows
