"""The heads start without a pattern of their own."""

from __future__ import annotations

import torch

from ml_worker.networks.heads import HEADS, Heads


def test_a_flat_image_gives_flat_outputs_before_training() -> None:
    torch.manual_seed(0)
    output = Heads(16)(torch.ones(1, 16, 12, 12))
    assert output.shape == (1, sum(HEADS.values()), 24, 24)
    inner = output[:, :, 4:-4, 4:-4]
    assert float((inner - inner[:, :, :1, :1]).abs().max()) < 1e-5
