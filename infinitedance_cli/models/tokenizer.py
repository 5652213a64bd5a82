"""The tokeniser as users load it: the RVQ-VAE with its feature layout and normaliser."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from infinitedance_cli.models.rvq_vae import RVQVAE, RVQConfig, RVQOutput

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class TokenizerConfig:
    """The network's shape and the name of the feature layout that it reads and writes."""

    layout: str = "paper-259"
    network: RVQConfig = field(default_factory=RVQConfig)


class Tokenizer(nn.Module):
    """Motion features ↔ codes. Features are in metres and radians as `motion.features` makes them, not normalised.

    `mean` and `deviation` (D,) belong to the training set: z = (features - mean) / deviation.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: TokenizerConfig, mean: Tensor | None = None, deviation: Tensor | None = None) -> None:
        super().__init__()
        self.config = config
        size = config.network.features
        self.network = RVQVAE(config.network)
        self.register_buffer("mean", torch.zeros(size) if mean is None else mean.float())
        self.register_buffer("deviation", torch.ones(size) if deviation is None else deviation.float())

    @property
    def stride(self) -> int:
        """Frames per step of codes."""
        return self.config.network.stride

    def normalise(self, features: Tensor) -> Tensor:
        """z-scores of features (..., D)."""
        return (features - self.mean) / self.deviation

    def restore(self, normalised: Tensor) -> Tensor:
        """Features (..., D) from z-scores."""
        return normalised * self.deviation + self.mean

    def forward(self, normalised: Tensor) -> RVQOutput:
        """One pass over z-scores (B, T, D); see `RVQVAE.forward`."""
        return self.network(normalised)

    @torch.no_grad()
    def encode(self, features: Tensor, beam: int = 1) -> Tensor:
        """Codes (B, ⌊T/4⌋, Q) of features (B, T, D); frames beyond the last full step are left out."""
        usable = features.shape[1] - features.shape[1] % self.stride
        return self.network.encode(self.normalise(features[:, :usable]), beam)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Features (B, 4S, D) of codes (B, S, Q)."""
        return self.restore(self.network.decode(codes))

    def decode_windowed(self, codes: Tensor, window: int = 256) -> Iterator[Tensor]:
        """`decode` piece by piece in constant memory; see `RVQVAE.decode_windowed`."""
        for piece in self.network.decode_windowed(codes, window):
            yield self.restore(piece)
