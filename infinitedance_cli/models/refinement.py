"""Better codes by analysis and synthesis: what the decoder makes of them is compared with the motion itself.

An encoder quantises what it sees step by step and never hears what its choice does to the decoded motion. Here the
latents are moved down the gradient of the reconstruction loss, through the decoder and straight through the quantiser,
and the codes that decoded best on the way are kept (the closed loop of speech coders: Schroeder and Atal, 1985).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from infinitedance_cli.models.quantizer import straight_through
from infinitedance_cli.models.rvq_vae import RVQVAE

_RATE = 0.05  # first step, as a share of the latents' deviation
_MOMENTS = (0.5, 0.9)  # short memories: the loss changes its slope whenever a code changes


def refined_codes(network: RVQVAE, target: Tensor, loss: Callable[[Tensor, Tensor], Tensor], passes: int) -> Tensor:
    """Codes (B, S, Q) of z-scored features (B, 4S, D), at least as good by `loss` (predicted, target) as `encode`'s.

    The network must be in evaluation mode; its parameters are left alone. Raises BadInput as `RVQVAE.encode`.
    """
    with torch.no_grad():
        latent = network.latent(target)
    if latent.shape[1] == 0:
        return network.encode(target)
    rate = _RATE * float(latent.std())
    latent = latent.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([latent], betas=_MOMENTS)
    best, best_codes = math.inf, None
    with torch.enable_grad():
        for number in range(passes + 1):
            codes = network.quantizer.encode(latent)
            embedding = straight_through(latent, network.quantizer.embed(codes))
            value = loss(network.decode_embedding(embedding), target)
            if value.item() < best:
                best, best_codes = value.item(), codes
            if number < passes:
                optimizer.param_groups[0]["lr"] = rate * (0.525 + 0.475 * math.cos(math.pi * number / passes))
                latent.grad = torch.autograd.grad(value, latent)[0]
                optimizer.step()
    assert best_codes is not None, "the loss is not a number"
    return best_codes
