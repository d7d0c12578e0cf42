"""Starting from weights that learnt something else: any of our checkpoints, or a plain safetensors file.

Every tensor is taken that fits by name and shape; the last layer always starts anew where it answers another question.
What was taken is kept as it came for a share of the budget, while the rest catches up, and then trained with it.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from cellcommons.errors import InvalidDocument, MismatchedShapes, UnreadableFile

MAX_HEADER = 1 << 24
_STAGE = re.compile(r"encoder\.stages\.(\d+)\.second\.0\.weight")
_REMEDY = "Choose a checkpoint of this hub, or a safetensors file with its encoder's names and shapes."


@dataclass(frozen=True)
class StartWeights:
    """Weights to start from.

    Attributes:
        tensors: by their names in our networks, e.g. ``encoder.stem.0.weight``.
        digest: sha256 of the file. widths: features per stage of its encoder.
    """

    tensors: Mapping[str, Tensor] = field(repr=False)
    digest: str
    widths: tuple[int, ...]

    def load_into(self, network: nn.Module, *, fresh: Collection[str] = ()) -> Started:
        """Copy what fits into ``network``.

        Args:
            fresh: prefixes of names that start anew whether they fit or not: the last layer.

        Raises:
            MismatchedShapes: nothing of the encoder's stages fits.
        """
        own = network.state_dict()
        fitting = {
            name: tensor
            for name, tensor in self.tensors.items()
            if name in own and own[name].shape == tensor.shape and not name.startswith(tuple(fresh))
        }
        if not any(_STAGE.fullmatch(name) for name in fitting):
            raise MismatchedShapes("the file's encoder has other layers than ours", where="start", remedy=_REMEDY)
        network.load_state_dict(fitting, strict=False)
        return Started(frozenset(fitting), self.digest, len(own))


@dataclass(frozen=True)
class Started:
    """What a run took over.

    Attributes:
        names: tensors that were copied. digest: sha256 of the file they came from. total: tensors of the network.
    """

    names: frozenset[str] = field(repr=False)
    digest: str
    total: int

    def hold(self, network: nn.Module, *, frozen: bool) -> None:
        """Keep what was copied as it is, batch norm's running statistics included, or let it learn."""
        parameters = dict(network.named_parameters())
        if self.names >= set(parameters):
            return  # nothing is new, so nothing would be left to learn
        for name, parameter in parameters.items():
            if name in self.names:
                parameter.requires_grad_(not frozen)
        for name, module in network.named_modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and f"{name}.running_mean" in self.names:
                module.train(not frozen)

    def document(self) -> dict[str, Any]:
        """For a checkpoint's ``about``."""
        return {"sha256": self.digest, "tensors": len(self.names), "of": self.total}


def start_note(about: Mapping[str, Any]) -> list[str]:
    """What a report says of the start that a checkpoint's ``about`` names; nothing where there was none."""
    start = about.get("start")
    if not start:
        return []
    return [f"Started from {start['sha256'][:12]}: {start['tensors']} of {start['of']} tensors fitted."]


def read_start(data: bytes) -> StartWeights:
    """The weights in a safetensors file: of any of our families, a training state, or tensors with the same names.

    An encoder's tensors may also stand alone, without ``encoder.`` before their names.

    Raises:
        UnreadableFile: not safetensors, truncated or damaged.
        InvalidDocument: it holds no encoder of ours.
    """
    try:
        (length,) = struct.unpack("<Q", data[:8])
        if length > min(MAX_HEADER, len(data) - 8):
            raise ValueError("its header passes its end")
        tensors = load(data)
    except (struct.error, ValueError, SafetensorError) as error:
        raise UnreadableFile(
            f"the bytes are not a safetensors file ({error})", where="start", remedy="Take another copy of the file."
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    # A training state holds the mean of the weights too: that is what a checkpoint would be.
    for taken, given in (("", ""), ("mean.", ""), ("", "encoder.")):
        found = {
            given + name.removeprefix(taken): tensor.contiguous()
            for name, tensor in tensors.items()
            if name.startswith(taken) and (tensor.is_floating_point() or tensor.dtype == torch.int64)
        }
        stages = sorted((int(m[1]), int(found[m[0]].shape[0])) for name in found if (m := _STAGE.fullmatch(name)))
        if stages and [index for index, _ in stages] == list(range(len(stages))):
            return StartWeights(found, digest, tuple(width for _, width in stages))
    raise InvalidDocument("the file holds nothing that this network could start from", where="start", remedy=_REMEDY)
