"""A foot restorer small enough for tests, with random or chosen answers."""

from __future__ import annotations

import torch

from infinitedance_cli.models.foot_restorer import FootRestorer, FootRestorerConfig

DAMAGED, CONTACT = slice(94, 96), slice(90, 94)


def tiny_restorer(damaged: float = 20.0, contact: float = -20.0, noise: float = 0.0) -> FootRestorer:
    """A network that predicts what it sees, `damaged` and `contact` as logits; `noise` makes it wrong at random."""
    torch.manual_seed(0)
    model = FootRestorer(FootRestorerConfig(width=16, layers=1, heads=2, feedforward=16, window=60)).eval()
    model.deviation.fill_(0.1)
    with torch.no_grad():
        torch.nn.init.normal_(model.write.weight[:90], std=noise)
        model.write.bias[DAMAGED] = damaged
        model.write.bias[CONTACT] = contact
    return model
