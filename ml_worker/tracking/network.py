"""The three perceptrons of a linker in torch, and its checkpoint.

``cellcommons.linking.learned`` computes the same in numpy, so that a linker runs where torch is not installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cellcommons.linking.learned import FAMILY, FEATURES, LinkerModel, OperatingPoint, read_linker
from ml_worker.checkpoint import pack

PARTS = tuple(FEATURES)


class Part(nn.Module):
    """One judge: standardise, two hidden layers, one logit. See ``cellcommons.linking.weights.Perceptron``."""

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.layers = nn.ModuleList([nn.Linear(features, width), nn.Linear(width, width), nn.Linear(width, 1)])

    def forward(self, features: Tensor) -> Tensor:
        """Features (k, d) -> logits (k,)."""
        x = (features - self.mean) / self.scale
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        out: Tensor = self.layers[-1](x)[:, 0]
        return out

    def standardise(self, features: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        """Take mean and spread from the training data."""
        if len(features):
            self.mean.copy_(torch.from_numpy(features.mean(axis=0)))
            # A feature that never varies, such as "masks are known", must not blow up where it does.
            self.scale.copy_(torch.from_numpy(np.maximum(features.std(axis=0), 0.05)))


class LinkNetwork(nn.Module):
    """A judge for each kind of hypothesis."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name: Part(len(listed), width) for name, listed in FEATURES.items()})

    def part(self, name: str) -> Part:
        """The judge called ``name``."""
        part = self.parts[name]
        assert isinstance(part, Part)
        return part


def save_linker(
    tensors: Mapping[str, Tensor], *, point: OperatingPoint, max_gap: int, about: Mapping[str, Any]
) -> bytes:
    """A checkpoint of a LinkNetwork's ``state_dict``, which ``read_linker`` reads; equal content gives equal bytes."""
    document = {
        "features": {name: list(listed) for name, listed in FEATURES.items()},
        "point": asdict(point),
        "max_gap": max_gap,
        "about": dict(about),
    }
    return pack(FAMILY, {name.removeprefix("parts."): tensor for name, tensor in tensors.items()}, document)


def linker_of(network: LinkNetwork, *, max_gap: int) -> LinkerModel:
    """The network as the library runs it, at the neutral operating point."""
    data = save_linker(network.state_dict(), point=OperatingPoint(), max_gap=max_gap, about={})
    return read_linker(data, where="network")
