"""Checkpoints of semantic segmenters: weights, shape of the network and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from cellcommons.canonical import canonical_json
from cellcommons.classes import Ontology
from cellcommons.documents import Document
from cellcommons.errors import CellCommonsError, InvalidDocument
from ml_worker.checkpoint import pack, unpack
from ml_worker.semantic.network import SemanticNetwork, SemanticNetworkConfig, build_semantic_network

FAMILY = "cellcommons.semantic-unet/1"
STATE = "cellcommons.semantic-unet-training-state/1"


@dataclass(frozen=True)
class SemanticCheckpointConfig(Document):
    """What is needed beside the weights.

    Attributes:
        ontology: the classes, in the order of the logits. network: its shape.
        channels: ``pooled`` or ``own``, see ``semantic_planes``. about: where it comes from, for people and lineage.
    """

    KIND = FAMILY
    ontology: Ontology
    network: SemanticNetworkConfig = field(default_factory=SemanticNetworkConfig)
    channels: str = "pooled"
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SemanticCheckpoint:
    """A network ready to predict (evaluation mode, on ``device()``), and its configuration."""

    network: SemanticNetwork
    config: SemanticCheckpointConfig


def save_semantic(tensors: Mapping[str, Tensor], config: SemanticCheckpointConfig) -> bytes:
    """A checkpoint as safetensors bytes."""
    return pack(FAMILY, tensors, asdict(config))


def load_semantic(data: bytes, *, where: str = "") -> SemanticCheckpoint:
    """A network from bytes.

    Raises:
        UnreadableFile, WrongFormat: see ``ml_worker.checkpoint.unpack``.
        InvalidDocument: weights and configuration do not fit each other.
    """
    tensors, document = unpack(FAMILY, data, where=where)
    config = SemanticCheckpointConfig.parse(canonical_json({"kind": FAMILY, **document}), where=where)
    try:
        network = build_semantic_network(config.network, len(config.ontology))
        network.load_state_dict(tensors)
    except (RuntimeError, CellCommonsError) as error:
        raise InvalidDocument("the weights do not fit the network that the file describes", where=where) from error
    return SemanticCheckpoint(network.eval(), config)
