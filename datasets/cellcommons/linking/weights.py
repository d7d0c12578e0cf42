"""Weights of the learned linker: safetensors read into numpy, and small perceptrons computed in it.

Format: https://github.com/huggingface/safetensors. Eight bytes of length, a JSON header, then the numbers.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, UnreadableFile, WrongFormat

Floats = NDArray[np.float32]
MAX_HEADER = 1 << 20


@dataclass(frozen=True, eq=False)
class Perceptron:
    """Rectified layers over standardised features, one logit out.

    Attributes:
        mean, scale: of the features, float32, shape (d,). layers: (weight (out, in), bias (out,)) each.
    """

    mean: Floats = field(repr=False)
    scale: Floats = field(repr=False)
    layers: tuple[tuple[Floats, Floats], ...] = field(repr=False)

    def logits(self, features: Floats) -> NDArray[np.float64]:
        """One logit a row of ``features`` (float32, shape (k, d))."""
        x = (features - self.mean) / self.scale
        for weight, bias in self.layers[:-1]:
            x = np.maximum(x @ weight.T + bias, 0)
        weight, bias = self.layers[-1]
        return np.asarray((x @ weight.T + bias)[:, 0], dtype=np.float64)


def perceptron(tensors: Mapping[str, Floats], prefix: str, features: int, *, where: str = "") -> Perceptron:
    """The perceptron kept under ``prefix``. Raises InvalidDocument where a tensor is missing or has another shape."""
    layers: list[tuple[Floats, Floats]] = []
    while f"{prefix}.layers.{len(layers)}.weight" in tensors:
        name = f"{prefix}.layers.{len(layers)}"
        layers.append((_named(tensors, f"{name}.weight", where), _named(tensors, f"{name}.bias", where)))
    mean, scale = (_named(tensors, f"{prefix}.{name}", where) for name in ("mean", "scale"))
    width = features
    for weight, bias in layers:
        if weight.ndim != 2 or weight.shape[1] != width or bias.shape != weight.shape[:1]:
            raise InvalidDocument(f"the layers of {prefix} do not fit each other", where=where)
        width = weight.shape[0]
    if not layers or width != 1 or mean.shape != (features,) or scale.shape != (features,) or not (scale > 0).all():
        raise InvalidDocument(f"{prefix} does not read {features} features into one number", where=where)
    return Perceptron(mean, scale, tuple(layers))


def read_weights(data: bytes, family: str, *, where: str = "") -> tuple[dict[str, Floats], dict[str, Any]]:
    """Tensors by name and the document of a checkpoint of ``family``.

    Raises:
        UnreadableFile: not safetensors, truncated or damaged.
        WrongFormat: safetensors of another family, or tensors that are not finite float32.
    """
    try:
        (length,) = struct.unpack("<Q", data[:8])
        if length > min(MAX_HEADER, len(data) - 8):
            raise ValueError("its header passes its end")
        header = json.loads(data[8 : 8 + length])
        document = json.loads((header.pop("__metadata__", None) or {}).get("cellcommons", "{}"))
        body = memoryview(data)[8 + length :]
        found = document.pop("family", None)
        if found != family:
            raise WrongFormat(
                f"this file is of family {found!r}, not {family!r}", where=where, remedy="Choose a linker's checkpoint."
            )
        tensors = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            if entry["dtype"] != "F32":
                raise WrongFormat(f"{name} is {entry['dtype']}, not F32", where=where)
            if not 0 <= begin <= end <= len(body):
                raise ValueError(f"{name} passes the end")
            tensors[name] = np.frombuffer(body[begin:end], dtype="<f4").reshape(entry["shape"])
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableFile(
            f"the bytes are not a safetensors file ({error})", where=where, remedy="Take another copy of the file."
        ) from error
    broken = next((name for name, tensor in tensors.items() if not np.isfinite(tensor).all()), None)
    if broken is not None:
        raise WrongFormat(f"{broken} holds numbers that are not finite", where=where)
    return tensors, document


def _named(tensors: Mapping[str, Floats], name: str, where: str) -> Floats:
    if name not in tensors:
        raise InvalidDocument(f"the weights lack {name}", where=where)
    return tensors[name]
