"""A second network that learns to tell predictions from real targets, so that predictions come to look real.

Conditional adversarial training after Isola et al. 2017, "Image-to-image translation with conditional adversarial
networks" (pix2pix): the critic sees source and target together and judges patch by patch. A mean over all that could be
there is smooth; the critic rewards one sharp possibility instead. What it adds is plausible, not measured: it is off
unless asked for, and small beside the regression loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellcommons.errors import InvalidDocument
from ml_worker.device import device

PREFIX = "critic."


@dataclass(frozen=True)
class AdversarialConfig:
    """How hard predictions try to look real.

    Attributes:
        weight: of the adversarial loss beside the regression loss; 0.01 is pix2pix's balance of L1.
        features: of the critic's first layer, a multiple of 16; doubled in each further one, up to fourfold.
        layers: stride-2 layers; 3 see patches of 70 pixels.
        learning_rate: of the critic's Adam.
    """

    weight: float = 0.01
    features: int = 32
    layers: int = 3
    learning_rate: float = 2e-4

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 10 or self.features % 16 or not 16 <= self.features <= 256:
            raise InvalidDocument(
                "an adversarial weight lies above 0 and up to 10, features are a multiple of 16 up to 256",
                where="config:adversarial",
            )
        if not 1 <= self.layers <= 5 or self.learning_rate <= 0:
            raise InvalidDocument("a critic has 1 to 5 layers and a learning rate above 0", where="config:adversarial")


class PatchCritic(nn.Module):
    """PatchGAN: ``(b, inputs + outputs, y, x)`` to one logit per patch, above 0 where it takes the target for real."""

    def __init__(self, channels: int, config: AdversarialConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, config.features, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        width = config.features
        for index in range(1, config.layers + 1):
            wider = config.features * min(2**index, 4)
            stride = 2 if index < config.layers else 1
            layers += [nn.Conv2d(width, wider, 4, stride, 1, bias=False), nn.InstanceNorm2d(wider, affine=True)]
            layers += [nn.LeakyReLU(0.2, inplace=True)]
            width = wider
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, 4, 1, 1))

    def forward(self, pair: Tensor) -> Tensor:
        """One pass."""
        logits: Tensor = self.layers(pair)
        return logits


class Critic:
    """The critic and its optimiser, one step behind the network that it judges.

    Args:
        channels: of source and target together.
    """

    def __init__(self, channels: int, config: AdversarialConfig) -> None:
        self.config = config
        self.network = PatchCritic(channels, config).to(device())
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, betas=(0.5, 0.999))

    def loss(self, source: Tensor, target: Tensor, output: Tensor, weight: Tensor) -> Tensor:
        """Teach the critic one step, then say what ``output`` loses by not passing for real; a scalar.

        Args:
            source: ``(b, inputs, y, x)``. target, output: ``(b, outputs, y, x)``. weight: 0 where the target does not
                count: there both are shown as 0, so that nothing can be told from it.
        """
        output = output.float() * weight
        real = torch.cat([source, target * weight], dim=1)
        self.optimiser.zero_grad(set_to_none=True)
        told = _told(self.network(real), True) + _told(self.network(torch.cat([source, output.detach()], dim=1)), False)
        (told / 2).backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        # Its weights stand still while the gradient passes through them to the prediction.
        self.network.requires_grad_(False)
        loss = _told(self.network(torch.cat([source, output], dim=1)), True)
        self.network.requires_grad_(True)
        return self.config.weight * loss

    def tensors(self) -> dict[str, Tensor]:
        """Weights and the optimiser's memory, for a saved state."""
        kept = {f"{PREFIX}network.{name}": value for name, value in self.network.state_dict().items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            kept |= {f"{PREFIX}optimiser.{index}.{name}": torch.as_tensor(value) for name, value in slots.items()}
        return kept

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from ``tensors()``; others in the mapping are left alone."""
        own = {name.removeprefix(PREFIX): value for name, value in tensors.items() if name.startswith(PREFIX)}
        weights = {name: value for name, value in own.items() if name.startswith("network.")}
        self.network.load_state_dict({name.removeprefix("network."): value for name, value in weights.items()})
        slots: dict[int, dict[str, Tensor]] = {}
        for name in own.keys() - weights.keys():
            _, index, slot = name.split(".")
            slots.setdefault(int(index), {})[slot] = own[name]
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": slots, "param_groups": groups})


def _told(logits: Tensor, real: bool) -> Tensor:
    wanted = torch.full_like(logits, float(real))
    return functional.binary_cross_entropy_with_logits(logits, wanted)
