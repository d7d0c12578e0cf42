"""Checkpoints and training states: safetensors with JSON metadata. Nothing is ever unpickled."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import CellCommonsError, InvalidDocument, UnreadableFile, WrongFormat
from ml_worker.decoding.flows import DecodeConfig
from ml_worker.networks.unet import NetworkConfig, SegmentationNetwork, build_network

FAMILY = "cellcommons.flow-unet/1"
STATE = "cellcommons.flow-unet-training-state/1"
MAX_HEADER = 1 << 24


@dataclass(frozen=True)
class CheckpointConfig(Document):
    """What is needed beside the weights.

    Attributes:
        network: shape of the network. decode: how its output becomes cells.
        about: where it comes from (manifest, run, seed, steps), for people and lineage.
    """

    KIND = FAMILY
    network: NetworkConfig = field(default_factory=NetworkConfig)
    decode: DecodeConfig = field(default_factory=DecodeConfig)
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """A network ready to predict (evaluation mode, on ``device()``), and its configuration."""

    network: SegmentationNetwork
    config: CheckpointConfig


def pack(kind: str, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> bytes:
    """Tensors and a JSON document as safetensors bytes; equal content gives equal bytes."""
    flat = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(tensors.items())}
    # One metadata key only: safetensors writes several in no fixed order, and a digest must be repeatable.
    return save(flat, {"cellcommons": canonical_json({"family": kind, **document}).decode()})


def unpack(kind: str, data: bytes, *, where: str = "") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The reverse of ``pack``.

    Raises:
        UnreadableFile: not safetensors, truncated or damaged.
        WrongFormat: safetensors, but not of this ``kind``.
    """
    document = _header(data, where)
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise _unreadable(error, where) from error
    family = document.pop("family", None)
    if family != kind:
        raise WrongFormat(
            f"this file is of family {family!r}, not {kind!r}",
            where=where,
            remedy="Choose a checkpoint that this hub trained for the task at hand.",
        )
    return tensors, document


def family_of(data: bytes, *, where: str = "") -> str | None:
    """The family that ``pack`` wrote; None in a safetensors file of others. Raises UnreadableFile."""
    family = _header(data, where).get("family")
    return family if isinstance(family, str) else None


def _header(data: bytes, where: str) -> dict[str, Any]:
    """Our document in a safetensors file's metadata; empty where there is none."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        if length > min(MAX_HEADER, len(data) - 8):
            raise ValueError("its header passes its end")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
        document = json.loads(metadata["cellcommons"]) if "cellcommons" in metadata else {}
    except (struct.error, ValueError, AttributeError) as error:
        raise _unreadable(error, where) from error
    return document if isinstance(document, dict) else {}


def _unreadable(error: Exception, where: str) -> UnreadableFile:
    return UnreadableFile(
        f"the bytes are not a safetensors file ({error})", where=where, remedy="Take another copy of the file."
    )


def save_checkpoint(tensors: Mapping[str, Tensor], config: CheckpointConfig) -> bytes:
    """A checkpoint as bytes.

    Args:
        tensors: ``state_dict`` of a SegmentationNetwork of shape ``config.network``.
    """
    return pack(FAMILY, tensors, asdict(config))


def load_checkpoint(data: bytes, *, where: str = "") -> Checkpoint:
    """A network from bytes.

    Raises:
        UnreadableFile, WrongFormat: see ``unpack``.
        InvalidDocument: weights and configuration do not fit each other.
    """
    tensors, document = unpack(FAMILY, data, where=where)
    config = CheckpointConfig.parse(canonical_json({"kind": FAMILY, **document}), where=where)
    try:
        network = build_network(config.network)
        network.load_state_dict(tensors)
    except (RuntimeError, CellCommonsError) as error:
        raise InvalidDocument("the weights do not fit the network that the file describes", where=where) from error
    return Checkpoint(network.eval(), config)
