"""Checkpoints of classifiers: weights, shape of the network, classes, brightness and calibration."""

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
from ml_worker.classification.network import ClassifierNetwork, ClassifierNetworkConfig, build_classifier
from ml_worker.classification.samples import ReadingConfig
from ml_worker.regression.scaling import Scaling

FAMILY = "cellcommons.classifier/1"
STATE = "cellcommons.classifier-training-state/1"


@dataclass(frozen=True)
class ClassifierCheckpointConfig(Document):
    """What is needed beside the weights.

    Attributes:
        ontology: the classes. network, reading: shape of the network and of what it reads.
        scaling: brightness of own channels; None where they are pooled.
        temperature, offset: see ``outcomes.probabilities``; ``calibrated`` says whether validation data set them.
        lean: share of ``offset`` that is taken back where a class is named, see ``scores.named_places``.
        about: where it comes from, for people and lineage.
    """

    KIND = FAMILY
    ontology: Ontology
    network: ClassifierNetworkConfig = field(default_factory=ClassifierNetworkConfig)
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    scaling: Scaling | None = None
    temperature: float = 1.0
    offset: tuple[float, ...] = ()
    calibrated: bool = False
    lean: float = 0.0
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.temperature <= 0 or len(self.offset) not in (0, len(self.ontology)) or not 0 <= self.lean <= 1:
            raise InvalidDocument(
                "a temperature above 0, an offset a class or none, and a lean in 0..1 are wanted", where="checkpoint"
            )


@dataclass(frozen=True)
class ClassifierCheckpoint:
    """A network ready to predict (evaluation mode, on ``device()``), and its configuration."""

    network: ClassifierNetwork
    config: ClassifierCheckpointConfig


def save_classifier(tensors: Mapping[str, Tensor], config: ClassifierCheckpointConfig) -> bytes:
    """A checkpoint as safetensors bytes."""
    return pack(FAMILY, tensors, asdict(config))


def load_classifier(data: bytes, *, where: str = "") -> ClassifierCheckpoint:
    """A network from bytes.

    Raises:
        UnreadableFile, WrongFormat: see ``ml_worker.checkpoint.unpack``.
        InvalidDocument: weights and configuration do not fit each other.
    """
    tensors, document = unpack(FAMILY, data, where=where)
    config = ClassifierCheckpointConfig.parse(canonical_json({"kind": FAMILY, **document}), where=where)
    try:
        network = build_classifier(config.network, config.ontology)
        network.load_state_dict(tensors)
    except (RuntimeError, CellCommonsError) as error:
        raise InvalidDocument("the weights do not fit the network that the file describes", where=where) from error
    return ClassifierCheckpoint(network.eval(), config)
