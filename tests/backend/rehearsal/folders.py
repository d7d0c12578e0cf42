"""Small folders in published layouts, for rehearsals of each task."""

from __future__ import annotations

import json
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile

from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ctc import Ctc
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.layouts.paired import Paired
from cellcommons.layouts.trackmate import TrackMate
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.synthetic.cells import SOURCES, generate_cells
from cellcommons.synthetic.classes import KINDS, generate_class_field
from cellcommons.synthetic.failures import plant_failures
from cellcommons.synthetic.movies import generate_movie
from cellcommons.synthetic.pairs import generate_pair
from cellcommons.synthetic.semantic import generate_tissue


def write_bowl(folder: Path, images: int = 8, *, side: int = 96) -> Path:
    """Outlined nuclei, ``dsb2018``: two strata, each image its own source."""
    records = []
    for seed in range(images):
        slide = SOURCES[seed % 2]
        made = generate_cells(seed, height=side, width=side, count=6, source=slide)
        pixels = np.clip(made.image / 24, 0, 255).astype(np.uint8)
        entry = Entry(f"field-{seed}", (), f"well-{seed}", slide.name, {"source_known": True})
        image = ImageData(pixels, "cyx", made.channels, made.pixel_size)
        records.append(Record(entry, image, LabelMap(made.labels), Path()))
    Dsb2018().write(records, folder)
    return folder


def write_voc(folder: Path, images: int = 8, *, side: int = 128, cells: int = 6) -> Path:
    """Boxed cells of four kinds, ``voc``."""
    (folder / "JPEGImages").mkdir(parents=True)
    (folder / "Annotations").mkdir()
    (folder / "ontology.json").write_text(json.dumps(KINDS.document()), encoding="utf-8")
    for seed in range(images):
        made = generate_class_field(seed, height=side, width=side, count=cells)
        pixels = np.clip(made.image[0] / 12, 0, 255).astype(np.uint8)
        (folder / "JPEGImages" / f"field-{seed}.png").write_bytes(imagecodecs.png_encode(pixels))
        objects = []
        for cell in made.truth.labels.cells():
            y0, x0, y1, x1 = cell.box
            corners = f"<xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
            name = made.truth.classes[cell.id][0]
            objects.append(f"<object><name>{name}</name><bndbox>{corners}</bndbox></object>")
        size = f"<size><width>{side}</width><height>{side}</height><depth>1</depth></size>"
        text = f"<annotation>{size}{''.join(reversed(objects))}</annotation>"
        (folder / "Annotations" / f"field-{seed}.xml").write_text(text, encoding="utf-8")
    return folder


def write_plate(folder: Path, columns: int = 6) -> Path:
    """Two rows of wells of two channels, ``plate``: the dose is how bright the second channel is in the nuclei."""
    folder.mkdir(parents=True)
    lines = ["Row,Column,SBS_Doses,SBS_Controls"]
    for row in "AE":
        for column in range(1, columns + 1):
            made = generate_cells(column + 100 * (row == "E"), height=96, width=96, channels=2)
            for channel, plane in enumerate(made.image, start=1):
                pixels = np.clip(plane / 24, 0, 255).astype(np.uint8)
                tifffile.imwrite(folder / f"Channel{channel}-{column:02d}-{row}-{column:02d}.tif", pixels)
            lines.append(f"{row},{column},{(column - 1) // 2},0")
    (folder / "1049_Metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_movies(folder: Path, movies: int = 1, *, frames: int = 4, side: int = 96) -> Path:
    """Tracked nuclei, ``ctc``."""
    records = []
    for seed in range(movies):
        made = generate_movie(seed, density="medium", frames=frames, height=side, width=side)
        image = ImageData(made.image, "tcyx", made.channels, made.truth.pixel_size)
        records.append(Record(Entry(f"{seed + 1:02d}", (), ""), image, made.truth, Path()))
    Ctc().write(records, folder)
    return folder


def write_pairs(folder: Path, pairs: int = 6, *, side: int = 96, spoilt: int = 2) -> Path:
    """Phase contrast with fluorescence, ``paired``; ``spoilt`` targets have planted failures, stated beside them."""
    records = []
    (folder / "failures").mkdir(parents=True)
    for seed in range(pairs):
        made = generate_pair(seed, height=side, width=side, source=SOURCES[seed % len(SOURCES)])
        target = made.pair.target
        if seed < spoilt:
            planted = plant_failures(target, seed=seed, count=2, radius=(10, 16))
            target = planted.image
            mask = planted.failed.astype(np.uint8) * 255
            (folder / "failures" / f"pair-{seed}.png").write_bytes(imagecodecs.png_encode(mask))
        records.append(Record(Entry(f"pair-{seed}", (), ""), made.source, ImagePair.of(made.source, target), Path()))
    Paired().write(records, folder)
    return folder


def write_isl(folder: Path, *, height: int = 160, width: int = 96, planes: int = 2) -> Path:
    """One field of transmitted light planes and two markers, ``isl``."""
    folder.mkdir(parents=True)
    made = generate_pair(3, height=height, width=width, planes=planes)
    head = (
        "lab-HERE,condition-TRIED_0,acquisition_date,year-2026,month-1,day-2,minute-0,well-B3,tile_computation-STITCHED"
    )
    for z, plane in enumerate(made.source.data[0]):
        name = f"{head},z_depth-{z},channel-PHASE_CONTRAST,is_mask-false.png"
        (folder / name).write_bytes(imagecodecs.png_encode(plane))
    for marker, plane in zip(("DAPI", "MAP2"), made.pair.target.data, strict=True):
        name = f"{head},depth_computation-MAXPROJECT,channel-{marker}_CONFOCAL,is_mask-false.png"
        (folder / name).write_bytes(imagecodecs.png_encode(plane))
    return folder


def write_crowd(folder: Path, images: int = 6) -> Path:
    """One cell an image, ``bubil``: full frames with gold, no crowd."""
    raw, gold = (folder / "BU-BIL_Dataset1" / name for name in ("RawImages", "GoldStandard"))
    for path in (raw, gold):
        path.mkdir(parents=True)
    for seed in range(images):
        made = generate_tissue(seed, height=96, width=96)
        inside = made.truth.data == 2
        pixels = np.clip(made.image[0] / max(int(made.image.max()), 1) * 255, 0, 255).astype(np.uint8)
        (raw / f"{seed:03d}.png").write_bytes(imagecodecs.png_encode(pixels))
        (gold / f"seg_{seed:03d}.png").write_bytes(imagecodecs.png_encode(np.where(inside, 0, 255).astype(np.uint8)))
    return folder


def write_spots(folder: Path) -> Path:
    """One movie of spots, ``trackmate``."""
    made = generate_movie(2, density="easy", frames=4, height=96, width=96)
    nodes = made.truth.nodes()
    centres = [np.argwhere(made.truth.data[frame] == cell).mean(axis=0) for frame, cell in nodes.tolist()]
    points = PointTracks(np.array(centres), np.full(len(nodes), 4.0), made.truth.lineage)
    image = ImageData(made.image, "tcyx", made.channels)
    TrackMate().write([Record(Entry("spots", (), ""), image, points, Path())], folder)
    return folder
