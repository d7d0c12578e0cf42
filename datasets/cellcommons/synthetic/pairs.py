"""Transmitted light with its fluorescence, from one generated culture: pairs whose optics are stated.

The fluorescence is ``synthetic.cells``. The same cells delay light by their thickness; what a phase contrast microscope
makes of that follows Zernike's scheme as modelled by Yin et al. 2012 ("Understanding the phase contrast optics to
restore artifact-free microscopy images for segmentation", Medical Image Analysis 16): undiffracted light, taken as the
local mean of the wave, is dimmed and turned by a quarter wave, and interferes with the rest. Halo and shade-off come
out by themselves. Focus is moved by propagating the wave (Fresnel's approximation), so that the planes of a stack
differ as real ones do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.labels import Labels
from cellcommons.pairs import ImagePair
from cellcommons.synthetic.cells import Source, generate_cells

Plane = NDArray[np.float64]


@dataclass(frozen=True)
class PhaseOptics:
    """A phase contrast microscope and what it looks at.

    Attributes:
        wavelength: micrometres. ring: transmission of the phase ring for undiffracted light (amplitude, 0..1).
        mean_px: standard deviation of the window that stands for undiffracted light, pixels; the halo's width.
        body, nucleus: greatest phase delay, radians, of a cell's body and of its nucleus above it.
        blur: standard deviation of the objective's spread, pixels.
        photons: per pixel of empty ground. spacing: micrometres between planes of a stack.
    """

    wavelength: float = 0.55
    ring: float = 0.5
    mean_px: float = 14.0
    body: float = 0.35
    nucleus: float = 0.2
    blur: float = 0.8
    photons: float = 900.0
    spacing: float = 4.0

    def __post_init__(self) -> None:
        positive = (self.wavelength, self.mean_px, self.photons, self.spacing)
        if min(positive) <= 0 or not 0 < self.ring <= 1 or min(self.body, self.nucleus, self.blur) < 0:
            raise InvalidDocument("optics want positive lengths and photons, and a ring of 0..1", where="PhaseOptics")


@dataclass(frozen=True)
class SyntheticPair:
    """A generated pair.

    Attributes:
        source: phase contrast, uint16, ``cyx`` for one plane, else ``czyx``. pair: fluorescence, uint16, ``cyx``:
            nuclei, cell bodies.
        labels: exact nuclei, uint32, yx. slide: name of the generated slide.
    """

    source: ImageData
    pair: ImagePair
    labels: Labels = field(repr=False)
    slide: str


def generate_pair(
    seed: int,
    *,
    height: int = 256,
    width: int = 256,
    planes: int = 1,
    optics: PhaseOptics | None = None,
    source: Source | None = None,
) -> SyntheticPair:
    """Generate one field seen both ways; equal arguments give equal bytes.

    Args:
        planes: focal planes, ``optics.spacing`` apart, the middle one in focus.

    Raises:
        InvalidDocument: no planes, or a frame under 16 pixels a side.
    """
    if not 1 <= planes <= 64:
        raise InvalidDocument(f"a stack has 1 to 64 planes, not {planes}")
    optics = optics or PhaseOptics()
    made = generate_cells(seed, height=height, width=width, channels=2, source=source)
    pixel = made.pixel_size.x or 0.5
    wave = np.exp(1j * _delay(made.labels, made.image[1], optics, seed))
    heights = (np.arange(planes) - (planes - 1) / 2) * optics.spacing
    random = np.random.default_rng([seed, 1])
    stack = np.stack(
        [_recorded(_phase_contrast(_moved(wave, z, pixel, optics), optics), optics, random) for z in heights]
    )
    axes, data = ("cyx", stack) if planes == 1 else ("czyx", stack[None])
    spacing = optics.spacing if planes > 1 else None
    image = ImageData(data, axes, ("phase contrast",), PixelSize(pixel, pixel, spacing))
    target = ImageData(made.image, "cyx", made.channels, made.pixel_size)
    return SyntheticPair(image, ImagePair.of(image, target), made.labels, made.source)


def _delay(labels: Labels, bodies: NDArray[np.uint16], optics: PhaseOptics, seed: int) -> Plane:
    """Phase delay in radians: a low dome for each body, one above it for each nucleus, and the grain of cytoplasm."""
    seen = ndimage.gaussian_filter(bodies.astype(np.float64), 2.0)
    low, high = np.percentile(seen, (20, 99.5))
    body = np.sqrt(np.clip((seen - low) / max(high - low, 1e-9), 0, 1))
    # A nucleus is thick in the body too, where its stain is not.
    depth = ndimage.distance_transform_edt(labels > 0)
    deepest = np.zeros(int(labels.max(initial=0)) + 1)
    np.maximum.at(deepest, labels.ravel(), depth.ravel())
    relative = depth / np.maximum(deepest[labels], 1.0)
    dome = np.where(labels > 0, np.sqrt(np.clip(1 - (1 - relative) ** 2, 0, 1)), 0.0)
    grain = ndimage.gaussian_filter(np.random.default_rng([seed, 2]).normal(size=labels.shape), 1.2)
    grain = grain / max(float(grain.std()), 1e-12) * 0.06 * np.maximum(body, dome)
    delay = optics.body * np.maximum(body, 0.8 * dome) + optics.nucleus * dome + grain
    return np.asarray(ndimage.gaussian_filter(delay, optics.blur))


def _moved(wave: NDArray[np.complex128], z: float, pixel: float, optics: PhaseOptics) -> NDArray[np.complex128]:
    """The wave ``z`` micrometres along the axis (Fresnel), frame reflected so that no edge wraps around."""
    if z == 0:
        return wave
    margin = 32
    padded = np.pad(wave, margin, mode="reflect" if min(wave.shape) > margin else "edge")
    fy, fx = (fft.fftfreq(n, pixel) for n in padded.shape)
    turn = np.exp(-1j * np.pi * optics.wavelength * z * (fy[:, None] ** 2 + fx[None, :] ** 2))
    moved = fft.ifft2(fft.fft2(padded) * turn)
    return np.asarray(moved[margin:-margin, margin:-margin])


def _phase_contrast(wave: NDArray[np.complex128], optics: PhaseOptics) -> Plane:
    """Brightness, 1 for empty ground: cells dark, halo bright (positive phase contrast)."""
    mean = ndimage.gaussian_filter(wave.real, optics.mean_px) + 1j * ndimage.gaussian_filter(wave.imag, optics.mean_px)
    # The ring turns undiffracted light by a quarter and dims it; diffracted light passes beside the ring.
    amplitude = -1j * optics.ring * mean + (wave - mean)
    return np.asarray(np.abs(amplitude) ** 2 / optics.ring**2)


def _recorded(brightness: Plane, optics: PhaseOptics, random: np.random.Generator) -> NDArray[np.uint16]:
    """Counts of a camera: shot noise, 10 counts a photon."""
    counts = 10.0 * random.poisson(np.maximum(brightness, 0) * optics.photons)
    return np.asarray(np.clip(np.rint(counts), 0, 65535), dtype=np.uint16)
