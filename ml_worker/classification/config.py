"""Settings of a classification run."""

from __future__ import annotations

from dataclasses import dataclass, field

from cellcommons.errors import InvalidDocument
from ml_worker.classification.crops import ClassCropConfig
from ml_worker.classification.network import ClassifierNetworkConfig
from ml_worker.classification.samples import ReadingConfig
from ml_worker.loop_config import LoopConfig


@dataclass(frozen=True)
class ClassifierConfig(LoopConfig):
    """Settings of a run; those of the shared loop are in ``LoopConfig``.

    Attributes:
        network, reading, crops: settings of the parts. ``network.inputs`` and ``extras`` follow the data, and
            ``network.widths`` a checkpoint that the run starts from.
        class_weights: a class of n samples counts n ** -class_weights in the loss, on top of ``crops.balance``.
    """

    KIND = "cellcommons.classifier-config/1"
    network: ClassifierNetworkConfig = field(default_factory=ClassifierNetworkConfig)
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    crops: ClassCropConfig = field(default_factory=ClassCropConfig)
    class_weights: float = 0.0
    weight_decay: float = 2e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.class_weights <= 1:
            raise InvalidDocument("class_weights lies in 0..1", where="config")
