"""What importing is measured beside: the plain loops that a person would write."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray
from PIL import Image
from skimage.io import imread, imsave


def read_and_write_zarr(files: list[Path], into: Path) -> float:
    """Seconds to read each image and write it as a zarr v3 array of its own; one process, no database, no preview."""
    into.mkdir(parents=True)
    began = time.perf_counter()
    for number, file in enumerate(files):
        pixels = np.asarray(Image.open(file))
        array = zarr.create_array(into / f"{number:06d}.zarr", shape=pixels.shape, dtype=pixels.dtype, overwrite=False)
        array[...] = pixels
    return time.perf_counter() - began


Images = list[NDArray[np.uint8]]
Maps = list[NDArray[np.uint32]]


def assemble_masks(folders: list[Path]) -> tuple[float, Maps, Images]:
    """Seconds to read the image and every mask of each folder, and what came; scikit-image, one mask at a time."""
    began = time.perf_counter()
    maps, images = [], []
    for folder in folders:
        image = imread(next((folder / "images").iterdir()))
        labels = np.zeros(image.shape[:2], np.uint32)
        for number, mask in enumerate(sorted((folder / "masks").glob("*.png")), start=1):
            labels[imread(mask) > 0] = number
        maps.append(labels)
        images.append(image)
    return time.perf_counter() - began, maps, images


def save_masks(maps: Maps, images: Images, into: Path) -> float:
    """Seconds to write each image, and every cell of its map as a mask of its own; scikit-image, one at a time."""
    began = time.perf_counter()
    for number, (labels, image) in enumerate(zip(maps, images, strict=True)):
        folder = into / f"{number:04d}" / "masks"
        folder.mkdir(parents=True)
        imsave(folder.parent / "image.png", image, check_contrast=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a mask of one cell is a picture of low contrast
            for cell in np.unique(labels[labels > 0]):
                imsave(folder / f"{cell}.png", ((labels == cell) * 255).astype(np.uint8), check_contrast=False)
    return time.perf_counter() - began


def parse_json(path: Path) -> float:
    """Seconds of ``json.load``."""
    began = time.perf_counter()
    with path.open("rb") as handle:
        json.load(handle)
    return time.perf_counter() - began
