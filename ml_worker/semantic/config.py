"""Settings of a semantic segmentation run."""

from __future__ import annotations

from dataclasses import dataclass, field

from cellcommons.errors import InvalidDocument
from ml_worker.loop_config import LoopConfig
from ml_worker.semantic.crops import SemanticCropConfig
from ml_worker.semantic.network import SemanticNetworkConfig


@dataclass(frozen=True)
class SemanticConfig(LoopConfig):
    """Settings of a run; those of the shared loop are in ``LoopConfig``.

    Attributes:
        network, crops: settings of the parts. ``network.inputs`` follows the data, ``network.widths`` a checkpoint that
            the run starts from.
        channels: ``pooled`` or ``own``, see ``semantic_planes``; "": own where all images have the same ones.
        class_weights: a class of n known pixels counts n ** -class_weights in the cross entropy.
        dice: weight of the Dice part of the loss.
        validation_images: score at most this many of them.
    """

    KIND = "cellcommons.semantic-config/1"
    network: SemanticNetworkConfig = field(default_factory=SemanticNetworkConfig)
    crops: SemanticCropConfig = field(default_factory=SemanticCropConfig)
    channels: str = ""
    class_weights: float = 0.25
    dice: float = 0.5
    learning_rate: float = 3e-3
    validation_images: int = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels not in ("", "pooled", "own"):
            raise InvalidDocument("channels are 'pooled' or 'own'", where="config:channels")
        if not 0 <= self.class_weights <= 1 or not 0 <= self.dice <= 10:
            raise InvalidDocument("class_weights lies in 0..1, dice in 0..10", where="config")
