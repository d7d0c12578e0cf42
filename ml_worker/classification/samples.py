"""Images with their classes, and the arrays that the classifier reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from ml_worker.regression.scaling import Scaling, fit_scaling
from ml_worker.samples import channel_planes

MAX_SIDE = 1 << 14


@dataclass(frozen=True)
class ClassSample:
    """One image, or one cell cut out, and what it shows.

    Attributes:
        name: for people and error lines.
        image: integer or float, axes cyx.
        classes: names in the ontology: one, or any number where it is multi.
        source: donor, slide or well; samples of one source are not independent.
    """

    name: str
    image: NDArray[Any] = field(repr=False)
    classes: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True)
class ReadingConfig:
    """How an image becomes windows that the network reads.

    Attributes:
        size: pixels of a window along y and x as the network sees it, a multiple of 16.
        window: pixels of the image that one window covers. 0: all of it, whatever its size (crops of single cells);
            above 0: an image is read in several windows at one scale, and its logits are their mean (whole fields).
        channels: ``pooled``: mean, minimum and maximum over normalised channels, as the segmenter reads them, for any
            number of channels; ``own``: each channel by itself, in the order of training.
        brightness: of ``own`` channels. ``set``: one scaling for all images, taken from the training images, so that
            absolute brightness counts; ``image``: each image by its own mean and deviation.
        extent: the image's side in pixels is told to the network beside the pixels; for crops, whose size is resized
            away and yet tells a platelet from a white cell. Ignored where ``window`` is set.
        colocalisation: the correlation of each pair of own channels in a window is told to the network too: a pooled
            network learns slowly what one number says, as where a protein moves into the nucleus.
    """

    size: int = 64
    window: int = 0
    channels: str = "pooled"
    brightness: str = "set"
    extent: bool = True
    colocalisation: bool = False

    def __post_init__(self) -> None:
        if self.size % 16 or not 32 <= self.size <= 512 or not (self.window == 0 or 16 <= self.window <= 4096):
            raise InvalidDocument(
                "reading wants a size of 32 to 512 in steps of 16, and a window of 0 or 16 to 4096 pixels",
                where="config:reading",
            )
        if self.channels not in ("pooled", "own") or self.brightness not in ("set", "image"):
            raise InvalidDocument(
                "channels are 'pooled' or 'own', brightness is of the 'set' or of the 'image'", where="config:reading"
            )

    def extras(self, inputs: int) -> int:
        """Numbers per window that join its ``inputs`` planes."""
        pairs = inputs * (inputs - 1) // 2 if self.colocalisation and self.channels == "own" else 0
        return int(self.extent and not self.window) + pairs


@dataclass(frozen=True)
class Reading:
    """One image on its way to the network.

    Attributes:
        planes: float32 cyx, both sides at least ``size``; exactly ``size`` where the window is the whole image.
        side: pixels of the image's longer side, before it was scaled.
    """

    planes: Tensor
    side: int


def fit_brightness(images: Sequence[NDArray[Any]], config: ReadingConfig) -> Scaling | None:
    """The scaling that all images share, or None where each is read by itself.

    Raises:
        MismatchedShapes: the images' channel counts differ.
    """
    if config.channels == "pooled":
        return None
    scaling = fit_scaling(images)
    return scaling if config.brightness == "set" else Scaling((0.0,) * len(scaling.gain), (1.0,) * len(scaling.gain))


def read(image: NDArray[Any], config: ReadingConfig, scaling: Scaling | None, *, where: str = "") -> Reading:
    """Scale an image's brightness and size for the network.

    Args:
        image: axes cyx. scaling: of ``fit_brightness``.

    Raises:
        InvalidDocument: not cyx, empty, NaN or infinity among own channels, or a side above 16,384 pixels.
        MismatchedShapes: another number of channels than in training.
    """
    if image.ndim != 3 or 0 in image.shape or max(image.shape[1:]) > MAX_SIDE:
        raise InvalidDocument(f"expected an image with axes cyx, got shape {image.shape}", where=where)
    if scaling is None:
        planes = channel_planes(image, where=where)
    else:
        planes = scaling.forward(image, where=where)
        if config.brightness == "image":
            spread = planes.std((1, 2), keepdims=True)
            planes = (planes - planes.mean((1, 2), keepdims=True)) / np.where(spread > 0, spread, 1)
    height, width = planes.shape[1:]
    zoom = config.size / (config.window or max(height, width))
    shape = (max(1, round(height * zoom)), max(1, round(width * zoom)))
    scaled = functional.interpolate(
        torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32))[None],
        shape,
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )[0]
    return Reading(_padded(scaled, config.size), max(height, width))


def _padded(planes: Tensor, size: int) -> Tensor:
    """Zeros around what is smaller than ``size``; with equal margins, so that nothing moves."""
    down, across = (max(0, size - length) for length in planes.shape[1:])
    return functional.pad(planes, (across // 2, across - across // 2, down // 2, down - down // 2))


def window_extras(window: Tensor, side: int, config: ReadingConfig) -> Tensor:
    """The numbers that join one window (cyx) of an image of ``side`` pixels: float32 ``(extras,)``."""
    numbers = []
    if config.extent and not config.window:
        numbers.append(torch.tensor([float(np.log2(side / config.size))]))
    if config.colocalisation and config.channels == "own":
        flat = window.flatten(1)
        flat = flat - flat.mean(1, keepdim=True)
        # A constant channel correlates with nothing.
        flat = flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-6)
        first, second = torch.triu_indices(len(flat), len(flat), 1)
        numbers.append((flat @ flat.T)[first, second])
    return torch.cat(numbers) if numbers else torch.zeros(0)


def windows(planes: Tensor, size: int, *, most: int = 64) -> Tensor:
    """Windows ``(n, c, size, size)`` that cover the image, evenly spread; at most ``most``, then with gaps.

    Raises:
        InvalidDocument: the image is smaller than a window.
    """
    height, width = planes.shape[1:]
    if min(height, width) < size:
        raise InvalidDocument(f"an image of {height} x {width} holds no window of {size}")
    counts = [-(-length // size) for length in (height, width)]
    while counts[0] * counts[1] > most:
        counts[int(counts[1] > counts[0])] -= 1
    tops, lefts = (
        np.linspace(0, length - size, count).round().astype(int).tolist()
        for length, count in zip((height, width), counts, strict=True)
    )
    return torch.stack([planes[:, y : y + size, x : x + size] for y in tops for x in lefts])


def class_targets(samples: Sequence[ClassSample], ontology: Ontology) -> NDArray[np.bool_]:
    """Which classes each sample shows: bool ``(samples, classes)``. Raises InvalidDocument naming the sample."""
    if not samples:
        return np.zeros((0, len(ontology)), dtype=np.bool_)
    return np.stack([ontology.vector(sample.classes, where=sample.name) for sample in samples])
