"""Fluorescence images of nuclei with exact truth, generated from a seed.

A forward model in the spirit of SIMCEP (Lehmussola et al., IEEE TMI 2007): random outlines, chromatin texture, then
what a microscope does to them: blur, haze, uneven light, debris, shot noise and read noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.labels import Labels, Mask, relabel

Plane = NDArray[np.float64]
MIN_AREA = 25
"""Pixels below which a nucleus cut by the frame is not drawn."""


@dataclass(frozen=True)
class Source:
    """One slide or experiment: what its images have in common, and others' have not.

    Attributes:
        name: what a leak-free split groups by.
        radius: mean nuclear radius, pixels. stretch: mean ratio of the axes. density: share of the frame covered.
        clustering: probability that a nucleus lies against another.
        photons: of a nucleus of ordinary brightness, per pixel. background: the same for empty glass.
        blur: standard deviation of the point-spread function, pixels. debris: specks per nucleus.
        pixel_size: micrometres.
    """

    name: str
    radius: float
    stretch: float
    density: float
    clustering: float
    photons: float
    background: float
    blur: float
    debris: float
    pixel_size: float


SOURCES = (
    Source("slide-a", 11.0, 1.30, 0.20, 0.35, 260.0, 14.0, 1.0, 0.10, 0.65),
    Source("slide-b", 14.0, 1.15, 0.30, 0.45, 110.0, 16.0, 1.3, 0.15, 0.50),
    Source("slide-c", 8.0, 1.45, 0.26, 0.60, 170.0, 10.0, 0.9, 0.20, 0.65),
    Source("slide-d", 17.0, 1.55, 0.22, 0.30, 55.0, 8.0, 1.7, 0.25, 0.40),
)
"""Four slides: ordinary; large, round and crowded; small and clustered; large, dim and out of focus."""


@dataclass(frozen=True)
class SyntheticImage:
    """A generated image with its truth.

    Attributes:
        image: uint16, axes cyx. channels: name of each channel.
        labels: exact nuclei, uint32, axes yx, ids 1..n.
        source: name of the slide. pixel_size: micrometres.
    """

    image: NDArray[np.uint16] = field(repr=False)
    labels: Labels = field(repr=False)
    source: str
    channels: tuple[str, ...]
    pixel_size: PixelSize


def generate_cells(
    seed: int,
    *,
    height: int = 256,
    width: int = 256,
    count: int | None = None,
    channels: int = 1,
    source: Source | None = None,
) -> SyntheticImage:
    """Generate one field of view; equal arguments give equal bytes.

    Args:
        count: nuclei wanted; as many as the source's density asks if None. Fewer where they do not fit.
        channels: 1 (nuclei) or 2 (nuclei, cell bodies).
        source: drawn from ``SOURCES`` by the seed if None.

    Raises:
        InvalidDocument: a frame under 16 pixels a side, a negative count, or another number of channels.
    """
    if height < 16 or width < 16 or channels not in (1, 2) or (count is not None and count < 0):
        raise InvalidDocument(
            f"cannot generate {height} x {width} pixels with {channels} channels and {count} cells",
            remedy="Use at least 16 x 16 pixels, 1 or 2 channels, and a count of 0 or more.",
        )
    rng = np.random.default_rng(seed)
    drawn = SOURCES[int(rng.integers(len(SOURCES)))]
    slide = source or drawn
    if count is None:
        crowding = slide.density * rng.uniform(0.7, 1.25)
        count = max(1, round(height * width * crowding / (np.pi * slide.radius**2)))
    labels, nuclei = _nuclei(rng, slide, height, width, count)
    planes = [_seen(rng, slide, nuclei * slide.photons + _debris(rng, slide, labels) * slide.photons)]
    if channels == 2:
        planes.append(_seen(rng, slide, _bodies(rng, slide, labels) * slide.photons * 0.8))
    return SyntheticImage(
        np.stack(planes),
        labels,
        slide.name,
        ("nuclei", "cell bodies")[:channels],
        PixelSize(slide.pixel_size, slide.pixel_size),
    )


def _noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Plane:
    """Smooth noise of mean 0 and standard deviation 1, correlated over about ``scale`` pixels."""
    plane: Plane = ndimage.gaussian_filter(rng.normal(size=shape), scale, mode="wrap")
    return np.asarray((plane - plane.mean()) / max(float(plane.std()), 1e-12))


def _nuclei(rng: np.random.Generator, slide: Source, height: int, width: int, count: int) -> tuple[Labels, Plane]:
    """Truth and ideal brightness (about 1 inside a nucleus), before the microscope."""
    labels = np.zeros((height, width), dtype=np.uint32)
    light = np.zeros((height, width))
    grain = _noise(rng, (height, width), 1.0) * 0.5 + _noise(rng, (height, width), 2.4)
    placed: list[tuple[float, float, float]] = []
    for _ in range(count * 12):
        if len(placed) == count:
            break
        radius = slide.radius * float(np.exp(rng.normal(0, 0.16)))
        y, x = rng.uniform(0, height), rng.uniform(0, width)
        if placed and rng.random() < slide.clustering:
            near_y, near_x, near_radius = placed[int(rng.integers(len(placed)))]
            angle, gap = rng.uniform(0, 2 * np.pi), rng.uniform(0.85, 1.05)
            y, x = (
                near_y + (radius + near_radius) * gap * np.sin(angle),
                near_x + (radius + near_radius) * gap * np.cos(angle),
            )
        if not (0 <= y < height and 0 <= x < width):
            continue
        box, depth = _outline(rng, slide, y, x, radius, labels.shape)
        inside = depth < 1
        free = inside & (labels[box] == 0)
        if free.sum() < MIN_AREA or free.sum() < 0.88 * inside.sum() or _broken(free):
            continue
        labels[box][free] = len(placed) + 1
        light[box][free] = _chromatin(rng, depth, grain[box])[free]
        placed.append((y, x, radius))
    return relabel(labels), light


def _broken(mask: Mask) -> bool:
    return int(ndimage.label(mask)[1]) != 1


def _outline(
    rng: np.random.Generator, slide: Source, y: float, x: float, radius: float, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], Plane]:
    """A perturbed ellipse: its box in the frame, and there 0 at the centre, 1 on the outline."""
    stretch = max(1.0, slide.stretch * float(np.exp(rng.normal(0, 0.12))))
    reach = int(np.ceil(radius * np.sqrt(stretch) * 1.4)) + 2
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    box = np.s_[top : min(shape[0], int(y) + reach), left : min(shape[1], int(x) + reach)]
    rows, cols = np.mgrid[box]
    turn = rng.uniform(0, np.pi)
    along = (cols - x) * np.cos(turn) + (rows - y) * np.sin(turn)
    across = (rows - y) * np.cos(turn) - (cols - x) * np.sin(turn)
    along, across = along / np.sqrt(stretch), across * np.sqrt(stretch)
    theta = np.arctan2(across, along)
    wave = np.ones_like(theta)
    for order, size in ((2, 0.05), (3, 0.05), (4, 0.03), (5, 0.02)):
        wave += rng.normal(0, size) * np.cos(order * theta + rng.uniform(0, 2 * np.pi))
    return box, np.hypot(along, across) / (radius * np.maximum(wave, 0.6))


def _chromatin(rng: np.random.Generator, depth: Plane, grain: Plane) -> Plane:
    """Brightness inside one nucleus: a flat dome with grain, dark nucleoli, and now and then a condensed bright one."""
    dividing = rng.random() < 0.04
    level = float(np.exp(rng.normal(0, 0.25))) * (1.9 if dividing else 1.0)
    light = level * (1 - 0.35 * np.clip(depth, 0, 1) ** 3) * (1 + (0.08 if dividing else 0.16) * grain)
    rows, cols = np.indices(depth.shape)
    inside = np.argwhere(depth < 0.65)
    for _ in range(0 if dividing or len(inside) == 0 else int(rng.integers(1, 4))):
        y, x = inside[int(rng.integers(len(inside)))]
        size = rng.uniform(0.06, 0.11) * np.sqrt((depth < 1).sum())
        light *= 1 - rng.uniform(0.25, 0.5) * np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / (2 * size**2))
    return np.asarray(np.maximum(light, 0.05))


def _debris(rng: np.random.Generator, slide: Source, labels: Labels) -> Plane:
    """Bright specks and faint blurred lumps that are no cells."""
    sharp, vague = np.zeros(labels.shape), np.zeros(labels.shape)
    for _ in range(int(rng.poisson(slide.debris * max(1, int(labels.max(initial=0)))))):
        y, x = int(rng.integers(labels.shape[0])), int(rng.integers(labels.shape[1]))
        if rng.random() < 0.7:
            sharp[y, x] += rng.uniform(2, 9)
        else:
            vague[y, x] += rng.uniform(60, 200)
    return np.asarray(ndimage.gaussian_filter(sharp, 0.8) + ndimage.gaussian_filter(vague, slide.radius * 0.7))


def _bodies(rng: np.random.Generator, slide: Source, labels: Labels) -> Plane:
    """A cytoplasm and membrane marker: each nucleus owns the ground nearest to it, out to a ragged edge."""
    if not labels.any():
        return np.zeros(labels.shape)
    distance, (rows, cols) = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    owner = labels[rows, cols]
    limit = slide.radius * (1.5 + 0.35 * _noise(rng, labels.shape, slide.radius * 0.7))
    body = distance < np.maximum(limit, 2.0)
    level = np.exp(rng.normal(0, 0.3, int(labels.max()) + 1))[owner]
    # Fibres: ridges of smooth noise, finer than the cell.
    fibres = 1 - np.clip(np.abs(_noise(rng, labels.shape, 1.8)), 0, 1)
    fade = np.exp(-distance / (1.3 * slide.radius))
    owned = np.where(body, owner, 0)
    edge = owned != ndimage.grey_erosion(owned, size=3)
    light = np.where(body, level * (0.25 + 0.55 * fade + 0.35 * fibres * fade), 0.0)
    light = np.where(labels > 0, light * 0.45, light)
    return np.asarray(light + 0.55 * edge * level)


def _seen(rng: np.random.Generator, slide: Source, light: Plane) -> NDArray[np.uint16]:
    """What the camera records of ``light`` (photons per pixel): uint16 counts."""
    shape = (light.shape[0], light.shape[1])
    sharp = ndimage.gaussian_filter(light, slide.blur)
    haze = ndimage.gaussian_filter(light, 4 * slide.radius / 3)
    rows, cols = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    turn, centre = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3, 2)
    field_of_light = 1 + 0.14 * (rows * np.sin(turn) + cols * np.cos(turn))
    field_of_light -= 0.16 * ((rows - centre[0]) ** 2 + (cols - centre[1]) ** 2)
    ground = slide.background * (1 + 0.12 * _noise(rng, shape, max(shape) / 8))
    photons = rng.poisson(np.maximum((sharp * 0.9 + haze * 0.1) * field_of_light + ground, 0))
    counts = 100 + 12 * (photons + rng.normal(0, 1.6, shape))
    return np.asarray(np.clip(np.rint(counts), 0, 65535), dtype=np.uint16)
