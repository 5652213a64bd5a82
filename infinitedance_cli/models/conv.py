"""The 1-D convolutional encoder and decoder of the tokeniser; signals are (batch, channels, time)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


@dataclass(frozen=True)
class ConvShape:
    """`levels` halvings of the frame rate, each with `depth` residual blocks of dilation growth^(depth-1) … 1."""

    width: int
    code_dim: int
    levels: int
    depth: int
    dilation_growth: int
    activation: str

    @property
    def decoder_reach(self) -> int:
        """Latent steps on either side of a step that its decoded frames depend on."""
        dilations: int = sum(self.dilation_growth**block for block in range(self.depth))
        reach = 1.0  # in latent steps: the first convolution
        for level in range(self.levels):
            reach += dilations / 2.0**level + 1 / 2.0 ** (level + 1)
        return math.ceil(reach + 2 / 2.0**self.levels) + 1


class ResidualBlock(nn.Module):
    """Activation → dilated convolution → activation → pointwise convolution, added to the input (B, W, T)."""

    def __init__(self, width: int, dilation: int, activation: str) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]()
        self.conv1 = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.conv2 = nn.Conv1d(width, width, 1)

    def forward(self, signal: Tensor) -> Tensor:
        """Mix (B, W, T) over time, keeping its shape."""
        hidden: Tensor = self.conv1(self.activation(signal))
        mixed: Tensor = self.conv2(self.activation(hidden))
        return signal + mixed


class ResNet1D(nn.Module):
    """Residual blocks with dilations growth^(depth-1) … growth, 1: the widest first, in encoder and decoder alike."""

    def __init__(self, shape: ConvShape) -> None:
        super().__init__()
        growth = [shape.dilation_growth**level for level in reversed(range(shape.depth))]
        self.model = nn.Sequential(*(ResidualBlock(shape.width, step, shape.activation) for step in growth))

    def forward(self, signal: Tensor) -> Tensor:
        """All blocks, (B, W, T) → (B, W, T)."""
        mixed: Tensor = self.model(signal)
        return mixed


class Encoder(nn.Module):
    """Features (B, columns, T) → latents (B, code_dim, T / stride)."""

    def __init__(self, shape: ConvShape, columns: int) -> None:
        super().__init__()
        width = shape.width
        levels = [
            nn.Sequential(nn.Conv1d(width, width, 4, stride=2, padding=1), ResNet1D(shape)) for _ in range(shape.levels)
        ]
        self.model = nn.Sequential(
            nn.Conv1d(columns, width, 3, padding=1),
            ACTIVATIONS[shape.activation](),
            *levels,
            nn.Conv1d(width, shape.code_dim, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Latents (B, code_dim, T / stride)."""
        latent: Tensor = self.model(features)
        return latent


class Decoder(nn.Module):
    """Quantised latents (B, code_dim, S) → features (B, columns, S · stride)."""

    def __init__(self, shape: ConvShape, columns: int) -> None:
        super().__init__()
        width = shape.width
        levels = [
            nn.Sequential(
                ResNet1D(shape), nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv1d(width, width, 3, padding=1)
            )
            for _ in range(shape.levels)
        ]
        self.model = nn.Sequential(
            nn.Conv1d(shape.code_dim, width, 3, padding=1),
            ACTIVATIONS[shape.activation](),
            *levels,
            nn.Conv1d(width, width, 3, padding=1),
            ACTIVATIONS[shape.activation](),
            nn.Conv1d(width, columns, 3, padding=1),
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Features (B, columns, S · stride)."""
        hidden, last = self.model[:-1](latent), self.model[-1]
        # bfloat16 would round the decoded positions to millimetres, which accelerations magnify 900 times.
        with torch.autocast(latent.device.type, enabled=False):
            features: Tensor = last(hidden.to(last.weight.dtype))
        return features
