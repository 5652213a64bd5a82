"""The tokeniser as users load it: the RVQ-VAE with its feature layout and normaliser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.checkpoint import codebook_sha256
from infinitedance_cli.models.reconstruction import LossWeights, reconstruction_terms
from infinitedance_cli.models.refinement import refined_codes
from infinitedance_cli.models.rvq_vae import RVQVAE, RVQConfig, RVQOutput

_REFINED_BY = LossWeights(position=100.0)
"""What codes are refined by: more than in training it is the pose that counts."""
WINDOW_STEPS = 256
"""Steps (34 s) that are encoded or decoded at once where memory must not grow with the length of the dance."""


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

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        size = config.network.features
        self.network = RVQVAE(config.network)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Take the training set's mean (D,) and standard deviation (D,).

        Raises:
            BadInput: they have another shape, or a deviation is not above 0.
        """
        if mean.shape != self.mean.shape or deviation.shape != self.mean.shape or not bool((deviation > 0).all()):
            raise BadInput(
                f"feature statistics have shapes {tuple(mean.shape)} and {tuple(deviation.shape)}, least deviation "
                f"{float(deviation.min()):.3g}; expected {tuple(self.mean.shape)} and deviations above 0"
            )
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    @property
    def stride(self) -> int:
        """Frames per step of codes."""
        return self.config.network.stride

    @property
    def codebook_sha256(self) -> str:
        """Fingerprint of the codebooks; codes mean something only to the tokeniser that has it."""
        return codebook_sha256(self.network.codebooks())

    def normalise(self, features: Tensor) -> Tensor:
        """z-scores of features (..., D)."""
        return (features - self.mean) / self.deviation

    def restore(self, normalised: Tensor) -> Tensor:
        """Features (..., D) from z-scores."""
        return normalised * self.deviation + self.mean

    def forward(self, normalised: Tensor) -> RVQOutput:
        """One pass over z-scores (B, T, D); see `RVQVAE.forward`."""
        output: RVQOutput = self.network(normalised)
        return output

    @torch.no_grad()
    def encode(self, features: Tensor, refine: int = 0) -> Tensor:
        """Codes (B, ⌊T/4⌋, Q) of features (B, T, D); frames beyond the last full step are left out.

        The encoder's codes are improved in `refine` passes, see `models.refinement`.
        """
        usable = features.shape[1] - features.shape[1] % self.stride
        target = self.normalise(features[:, :usable])
        return refined_codes(self.network, target, self._loss, refine) if refine else self.network.encode(target)

    def _loss(self, predicted: Tensor, target: Tensor) -> Tensor:
        return _REFINED_BY.weighted(reconstruction_terms(predicted, target, self.deviation, self.config.layout))

    @torch.no_grad()
    def encode_windowed(self, features: Tensor, refine: int = 0, window: int = WINDOW_STEPS) -> Iterator[Tensor]:
        """`encode` piece by piece, `window` steps at a time: without refinement the pieces are `encode(features)`.

        Every window is encoded with the encoder's whole reach on both sides. `features` may lie on the CPU while the
        network does not.
        """
        # Mirrored layer for layer, the encoder reaches no farther than the decoder.
        reach, stride, steps = self.config.network.conv().decoder_reach, self.stride, features.shape[1] // self.stride
        for start in range(0, steps, window):
            stop = min(start + window, steps)
            first, last = max(start - reach, 0), min(stop + reach, steps)
            codes = self.encode(features[:, first * stride : last * stride].to(self.mean.device), refine)
            yield codes[:, start - first : stop - first]

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Features (B, 4S, D) of codes (B, S, Q)."""
        return self.restore(self.network.decode(codes))

    def decode_windowed(self, codes: Tensor, window: int = WINDOW_STEPS) -> Iterator[Tensor]:
        """`decode` piece by piece in constant memory; see `RVQVAE.decode_parts`."""
        yield from self.decode_parts([codes], window)

    @torch.no_grad()
    def decode_parts(self, codes: Iterable[Tensor], window: int = WINDOW_STEPS) -> Iterator[Tensor]:
        """`decode` of codes (B, n, Q) that come in parts; see `RVQVAE.decode_parts`."""
        for piece in self.network.decode_parts(codes, window):
            yield self.restore(piece)
