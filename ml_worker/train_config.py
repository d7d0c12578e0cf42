"""Settings of a training run of instance segmentation."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_worker.crops import CropConfig
from ml_worker.decoding.flows import DecodeConfig
from ml_worker.loop_config import LoopConfig
from ml_worker.networks.unet import NetworkConfig


@dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """Settings of a run; the ``config`` of a TrainingOrder holds those that differ. The shared ones: ``LoopConfig``.

    Attributes:
        network, crops, decode: settings of the parts.
        validation_images: score at most this many of them.
    """

    KIND = "cellcommons.train-config/1"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    decode: DecodeConfig = field(default_factory=DecodeConfig)
    learning_rate: float = 3e-3
    validation_images: int = 12
