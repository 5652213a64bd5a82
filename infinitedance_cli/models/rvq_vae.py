"""Residual VQ-VAE of dance: four frames become one triplet of codes (InfiniteDance section 3.3).

A 1-D convolutional encoder halves the frame rate `down_levels` times, a residual quantiser turns every latent into one
code per layer, and a decoder mirrors the encoder. Optional extra decoders predict the root velocity and the root
rotation from the same codes. `RVQConfig.release()` is the released network, tensor for tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.checks import require, require_choice, require_positive
from infinitedance_cli.models.conv import ACTIVATIONS, ConvShape, Decoder, Encoder
from infinitedance_cli.models.quantizer import QuantizerConfig, ResidualQuantizer


@dataclass(frozen=True)
class RVQConfig:
    """Shape of the tokeniser; the defaults are a small one, `release()` the published one.

    `velocity_columns` and `rotation_columns` are the feature columns that an extra decoder predicts; empty switches it
    off. The velocity decoder overwrites its columns of the reconstruction; the rotation decoder is only trained, as in
    the release, and read through `RVQVAE.decode_rotations`.
    """

    features: int = 259
    width: int = 256
    code_dim: int = 256
    codebook_size: int = 512
    codebooks: int = 3
    down_levels: int = 2
    depth: int = 3
    dilation_growth: int = 3
    activation: str = "relu"
    velocity_columns: tuple[int, ...] = ()
    rotation_columns: tuple[int, ...] = ()
    decay: float = 0.99
    sample_temperature: float = 0.5
    quantize_dropout: float = 0.2
    dead_code_share: float = 0.125
    kmeans_iterations: int = 10

    def __post_init__(self) -> None:
        require_positive(
            "tokenizer", features=self.features, width=self.width, down_levels=self.down_levels, depth=self.depth
        )
        require_positive("tokenizer", dilation_growth=self.dilation_growth)
        require_choice("tokenizer", "activation", self.activation, tuple(ACTIVATIONS))
        for name in ("velocity_columns", "rotation_columns"):
            columns = getattr(self, name)
            require(
                len(set(columns)) == len(columns) and all(0 <= c < self.features for c in columns),
                f"tokenizer.{name} is {columns}; expected distinct columns from 0 to {self.features - 1}",
            )
        self.quantizer()

    @classmethod
    def release(cls, dilation_growth: int = 4) -> RVQConfig:
        """The released network on 264-d features; its dilation growth is read from the release's args.json."""
        return cls(
            features=264,
            width=1024,
            code_dim=1024,
            dilation_growth=dilation_growth,
            velocity_columns=(3, 4),
            rotation_columns=(1, 2, *range(68, 194)),
        )

    @property
    def stride(self) -> int:
        """Frames per token triplet."""
        return int(2**self.down_levels)

    def conv(self) -> ConvShape:
        """The encoder's and decoders' part of this configuration."""
        return ConvShape(
            width=self.width,
            code_dim=self.code_dim,
            levels=self.down_levels,
            depth=self.depth,
            dilation_growth=self.dilation_growth,
            activation=self.activation,
        )

    def quantizer(self) -> QuantizerConfig:
        """The quantiser's part of this configuration."""
        return QuantizerConfig(
            layers=self.codebooks,
            codebook_size=self.codebook_size,
            code_dim=self.code_dim,
            decay=self.decay,
            sample_temperature=self.sample_temperature,
            dropout=self.quantize_dropout,
            dead_code_share=self.dead_code_share,
            kmeans_iterations=self.kmeans_iterations,
        )


@dataclass(frozen=True)
class RVQOutput:
    """One forward pass: reconstruction (B, T, D), scalar commit_loss, codes (B, T/4, Q), perplexity (Q,).

    `rotations` (B, T, len(rotation_columns)) is what the rotation decoder predicts, None without one. In training,
    layers dropped from this batch have code -1 and perplexity 0.
    """

    reconstruction: Tensor
    commit_loss: Tensor
    codes: Tensor
    perplexity: Tensor
    rotations: Tensor | None = None


class RVQVAE(nn.Module):
    """The tokeniser. Features are z-scored; axes of public methods are (batch, time, channel)."""

    def __init__(self, config: RVQConfig) -> None:
        super().__init__()
        self.config = config
        shape = config.conv()
        velocity, rotation = len(config.velocity_columns), len(config.rotation_columns)
        self.encoder = Encoder(shape, config.features)
        self.decoder = Decoder(shape, config.features)
        self.vel_decoder = Decoder(shape, velocity) if velocity else None
        self.rot_decoder = Decoder(shape, rotation) if rotation else None
        self.quantizer = ResidualQuantizer(config.quantizer())

    def forward(self, features: Tensor) -> RVQOutput:
        """Reconstruct features (B, T, D); in training mode the codebooks learn from the batch."""
        quantised = self.quantizer(self.latent(features))
        return RVQOutput(
            reconstruction=self.decode_embedding(quantised.quantised),
            commit_loss=quantised.commit_loss,
            codes=quantised.codes,
            perplexity=quantised.perplexity,
            rotations=None if self.rot_decoder is None else self.decode_rotations(quantised.quantised),
        )

    @torch.no_grad()
    def encode(self, features: Tensor) -> Tensor:
        """Codes (B, T/4, Q) int64 of z-scored features (B, T, D), the nearest layer by layer.

        Raises:
            BadInput: T is not a multiple of the stride, or the feature dimension is another one.
        """
        return self.quantizer.encode(self.latent(features))

    def decode(self, codes: Tensor) -> Tensor:
        """Features (B, 4S, D) of codes (B, S, Q)."""
        return self.decode_embedding(self.quantised_embedding(codes))

    def quantised_embedding(self, codes: Tensor) -> Tensor:
        """Sum of the code vectors (B, S, code_dim) of codes (B, S, Q).

        Raises:
            BadInput: the codes have another number of layers or leave 0 … codebook_size - 1.
        """
        _check_codes(codes, self.config.codebooks, self.config.codebook_size)
        return self.quantizer.embed(codes)

    def decode_embedding(self, embedding: Tensor) -> Tensor:
        """Features (B, 4S, D) of quantised latents (B, S, code_dim), root velocity from its own decoder if any."""
        latent = embedding.transpose(1, 2).contiguous()
        features: Tensor = self.decoder(latent).transpose(1, 2)
        if self.vel_decoder is not None:
            columns = torch.tensor(self.config.velocity_columns, device=features.device)
            features = features.index_copy(2, columns, self.vel_decoder(latent).transpose(1, 2))
        return features.to(embedding.dtype)  # losses are taken in full precision also under autocast

    def decode_rotations(self, embedding: Tensor) -> Tensor:
        """What the rotation decoder makes of quantised latents (B, S, code_dim): (B, 4S, len(rotation_columns)).

        Raises:
            BadInput: this tokeniser has no rotation decoder.
        """
        if self.rot_decoder is None:
            raise BadInput("this tokenizer has no rotation decoder; set rotation_columns and train it")
        rotations: Tensor = self.rot_decoder(embedding.transpose(1, 2).contiguous())
        return rotations.transpose(1, 2)

    def decode_windowed(self, codes: Tensor, window: int = 256) -> Iterator[Tensor]:
        """Decode codes (B, S, Q) of any length piece by piece; see `decode_parts`."""
        yield from self.decode_parts([codes], window)

    @torch.no_grad()
    def decode_parts(self, parts: Iterable[Tensor], window: int) -> Iterator[Tensor]:
        """Decode codes (B, n, Q) that come in parts: features (B, 4·m, D) of m ≤ `window` triplets at a time.

        Every window is decoded with the decoder's whole reach on both sides, as soon as those codes are there. So the
        pieces laid end to end equal `decode` of all codes, and memory does not grow with their number.
        """
        require(window >= 1, f"window is {window}; expected 1 or more")
        reach = self.config.conv().decoder_reach
        held, first, start = None, 0, 0
        for part in parts:
            held = part if held is None else torch.cat([held, part], 1)
            while first + held.shape[1] >= start + window + reach:
                yield self._decode_inside(held, start - first, window, reach)
                start += window
                gone = max(start - reach - first, 0)
                held, first = held[:, gone:], first + gone
        while held is not None and start < first + held.shape[1]:
            yield self._decode_inside(held, start - first, window, reach)
            start += window

    def _decode_inside(self, codes: Tensor, start: int, window: int, reach: int) -> Tensor:
        """Features of the `window` steps from `start` on, decoded with `reach` steps around them."""
        stop, first, stride = min(start + window, codes.shape[1]), max(start - reach, 0), self.config.stride
        return self.decode(codes[:, first : stop + reach])[:, (start - first) * stride : (stop - first) * stride]

    def codebooks(self) -> Tensor:
        """All codebooks, (Q, codebook_size, code_dim)."""
        return self.quantizer.codebooks()

    def latent(self, features: Tensor) -> Tensor:
        """Unquantised latents (B, T/4, code_dim) of z-scored features (B, T, D); raises BadInput as `encode` does."""
        if features.ndim != 3 or features.shape[-1] != self.config.features:
            raise BadInput(
                f"features have shape {tuple(features.shape)}; this tokenizer expects (batch, frames, "
                f"{self.config.features})"
            )
        frames, stride = features.shape[1], self.config.stride
        if frames == 0 or frames % stride:
            raise BadInput(f"{frames} frames; expected a positive multiple of {stride}: pad or crop the clip")
        latent: Tensor = self.encoder(features.transpose(1, 2).contiguous())
        return latent.transpose(1, 2)


def _check_codes(codes: Tensor, layers: int, size: int) -> None:
    if codes.ndim != 3 or codes.shape[-1] != layers:
        raise BadInput(f"codes have shape {tuple(codes.shape)}; this tokenizer expects (batch, steps, {layers})")
    if codes.numel() and (int(codes.min()) < 0 or int(codes.max()) >= size):
        raise BadInput(f"codes run from {int(codes.min())} to {int(codes.max())}; expected 0 to {size - 1}")
