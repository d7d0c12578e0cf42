"""Movies of fluorescent nuclei with exact masks and lineage, generated from a seed.

``motion`` says where the cells are; here they get outlines and chromatin of their own, and a camera looks at them:
blur, uneven light, bleaching, shot noise and read noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.axes import PixelSize
from cellcommons.synthetic.motion import DENSITIES, Density, DensityName, Floats, MovingCells, simulate_cells, without
from cellcommons.tracks import LabelMovie, Movie

MIN_AREA = 12
"""Pixels below which a cell in any frame is taken out of the movie, from first to last frame."""
PATCH = 48
"""Side of the chromatin patch that each cell carries, pixels."""
SECONDS_PER_FRAME = 300.0
PIXEL_SIZE = PixelSize(0.65, 0.65)


@dataclass(frozen=True, eq=False)
class SyntheticMovie:
    """A generated movie with its truth.

    Attributes:
        image: uint16, axes tcyx, one channel. channels: its name.
        truth: exact masks and lineage. source: name of the density; pixel size and interval are the truth's.
    """

    image: NDArray[np.uint16] = field(repr=False)
    truth: LabelMovie
    channels: tuple[str, ...]
    source: str


def generate_movie(
    seed: int,
    *,
    density: DensityName | Density = "easy",
    frames: int = 24,
    height: int = 256,
    width: int = 256,
    count: int | None = None,
) -> SyntheticMovie:
    """Generate one movie; equal arguments give equal bytes.

    Args:
        density: ``easy``, ``medium`` or ``hard``: how crowded, fast and dim; or one's own.
        count: cells in the first frame; as many as the density asks if None.

    Raises:
        InvalidDocument: as ``simulate_cells``.
    """
    kind = DENSITIES[density] if isinstance(density, str) and density in DENSITIES else density
    cells = simulate_cells(seed, density=density, frames=frames, height=height, width=width, count=count)
    waves = _waves(seed, cells)
    data, areas = _masks(cells, waves, (frames, height, width))
    while (areas < MIN_AREA).any():  # crowded out: a movie without that cell is as exact
        kept = without(cells, areas < MIN_AREA)
        cells = kept
        data, areas = _masks(cells, waves, (frames, height, width))
    truth = LabelMovie(data, cells.lineage, PIXEL_SIZE, SECONDS_PER_FRAME)
    assert isinstance(kind, Density)  # an unknown name was refused above
    image = _film(np.random.default_rng([seed, 2]), kind, cells, data)
    return SyntheticMovie(image, truth, ("nuclei",), kind.name)


def _waves(seed: int, cells: MovingCells) -> dict[int, Floats]:
    """Amplitude and phase of the outline's waves of order 2 to 5 of each cell, shape (2, 4)."""
    rng = np.random.default_rng([seed, 1])
    size = np.array([0.04, 0.05, 0.03, 0.02])
    return {
        track.id: np.stack([rng.normal(0, 1, 4) * size, rng.uniform(0, 2 * np.pi, 4)]) for track in cells.lineage.tracks
    }


def _masks(
    cells: MovingCells, waves: dict[int, Floats], shape: tuple[int, int, int]
) -> tuple[Movie, NDArray[np.int64]]:
    """Exact masks, uint32 tyx, and the pixels of each row of ``cells``. Where two reach, the nearer centre has it."""
    data = np.zeros(shape, dtype=np.uint32)
    areas = np.zeros(cells.id.size, dtype=np.int64)
    for frame in range(shape[0]):
        depth = np.ones(shape[1:])
        rows = np.flatnonzero(cells.frame == frame)
        for row in rows.tolist():
            box, along, across = _local(cells, row, shape[1:])
            theta = np.arctan2(across, along)
            amplitude, phase = waves[int(cells.id[row])]
            order = np.arange(2, 6)[:, None, None]
            # Outlines turn slowly with time.
            turn = phase[:, None, None] + 0.1 * frame
            wave = 1 + (amplitude[:, None, None] * np.cos(order * theta + turn)).sum(axis=0)
            here = np.hypot(along, across) / wave
            nearer = here < depth[box]
            depth[box][nearer] = here[nearer]
            data[frame][box][nearer] = cells.id[row]
        counts = np.bincount(data[frame].ravel(), minlength=int(cells.id.max(initial=0)) + 1)
        areas[rows] = counts[cells.id[rows]]
    return data, areas


def _local(
    cells: MovingCells, row: int, shape: tuple[int, ...], *, reach: float = 1.35
) -> tuple[tuple[slice, slice], Floats, Floats]:
    """The box around a cell, and there its own coordinates: 1 on the ends of the axes."""
    (y, x), radius = cells.centre[row].tolist(), float(cells.radius[row])
    root = float(np.sqrt(cells.stretch[row]))
    span = int(np.ceil(radius * root * reach)) + 1
    box = np.s_[
        max(0, round(y) - span) : min(shape[0], round(y) + span + 1),
        max(0, round(x) - span) : min(shape[1], round(x) + span + 1),
    ]
    rows, cols = np.ogrid[box]
    sine, cosine = np.sin(cells.angle[row]), np.cos(cells.angle[row])
    along = ((cols - x) * cosine + (rows - y) * sine) / (radius * root)
    across = ((rows - y) * cosine - (cols - x) * sine) / (radius / root)
    return box, along, across


def _film(rng: np.random.Generator, kind: Density, cells: MovingCells, data: Movie) -> NDArray[np.uint16]:
    """What the camera records, uint16 tcyx."""
    frames, height, width = data.shape
    patches = {track.id: _chromatin(rng) for track in cells.lineage.tracks}
    rows, cols = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    turn, centre = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3, 2)
    light_field = 1 + 0.12 * (rows * np.sin(turn) + cols * np.cos(turn))
    light_field -= 0.15 * ((rows - centre[0]) ** 2 + (cols - centre[1]) ** 2)
    ground = kind.background * (1 + 0.12 * _noise(rng, (height, width), max(height, width) / 8))
    film = np.zeros((frames, 1, height, width), dtype=np.uint16)
    for frame in range(frames):
        light = np.zeros((height, width))
        for row in np.flatnonzero(cells.frame == frame).tolist():
            box, along, across = _local(cells, row, (height, width))
            mine = data[frame][box] == cells.id[row]
            at = (np.stack([across[mine], along[mine]]) / 1.4 + 1) * (PATCH - 1) / 2
            grain = ndimage.map_coordinates(patches[int(cells.id[row])], at, order=1, mode="nearest")
            dome = 1 - 0.35 * np.clip(np.hypot(along, across)[mine], 0, 1) ** 3
            # Condensed chromatin hides its texture.
            level = float(cells.level[row])
            light[box][mine] = level * dome * (grain if level < 1.45 else 0.5 + 0.5 * grain)
        sharp = ndimage.gaussian_filter(light, 1.0)
        haze = ndimage.gaussian_filter(light, 4 * kind.radius / 3)
        bleached = 0.995**frame
        photons = rng.poisson(
            np.maximum(kind.photons * bleached * (0.9 * sharp + 0.1 * haze) * light_field + ground, 0)
        )
        counts = 100 + 12 * (photons + rng.normal(0, 1.6, photons.shape))
        film[frame, 0] = np.clip(np.rint(counts), 0, 65535)
    return film


def _chromatin(rng: np.random.Generator) -> Floats:
    """A cell's own texture, mean about 1, with dark nucleoli; PATCH x PATCH over the cell and its rim."""
    patch = 1 + 0.16 * (0.5 * _noise(rng, (PATCH, PATCH), 1.6) + _noise(rng, (PATCH, PATCH), 4.0))
    rows, cols = np.indices((PATCH, PATCH))
    for _ in range(int(rng.integers(1, 4))):
        y, x = PATCH / 2 + rng.uniform(-0.22, 0.22, 2) * PATCH
        size = rng.uniform(0.06, 0.1) * PATCH
        patch *= 1 - rng.uniform(0.25, 0.5) * np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / (2 * size**2))
    return np.asarray(np.maximum(patch, 0.05))


def _noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Floats:
    """Smooth noise of mean 0 and standard deviation 1, correlated over about ``scale`` pixels."""
    plane = ndimage.gaussian_filter(rng.normal(size=shape), scale, mode="wrap")
    return np.asarray((plane - plane.mean()) / max(float(plane.std()), 1e-12))
