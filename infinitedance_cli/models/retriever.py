"""The music–dance retrieval network: two encoders into one space, trained to bring a dance and its music together.

Efficient attention (Shen et al., 2021) makes an encoder linear in the length of its window; symmetric InfoNCE with a
learned temperature trains both, as in CLIP. `RetrieverConfig.release()` is the released network, tensor for tensor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.checks import require, require_positive, require_share

_HIGHEST_SCALE = 100.0  # CLIP's bound on the inverse temperature


@dataclass(frozen=True)
class RetrieverConfig:
    """Both encoders' shape: windows of up to `length` positions, `layers` blocks of `width` channels."""

    motion_dim: int = 259
    music_dim: int = 64
    length: int = 384
    width: int = 256
    layers: int = 4
    heads: int = 4
    feedforward: int = 1024
    dropout: float = 0.2

    def __post_init__(self) -> None:
        require_positive("retriever", motion_dim=self.motion_dim, music_dim=self.music_dim, length=self.length)
        require_positive("retriever", width=self.width, layers=self.layers, heads=self.heads)
        require_positive("retriever", feedforward=self.feedforward)
        require_share("retriever", dropout=self.dropout)
        require(
            self.width % self.heads == 0,
            f"retriever.width is {self.width}; expected a multiple of retriever.heads ({self.heads})",
        )

    @classmethod
    def release(cls) -> RetrieverConfig:
        """The released network: 264-d motion and 55-d music at 30 fps, 6.2 M parameters."""
        return cls(motion_dim=264, music_dim=55)


class EfficientAttention(nn.Module):
    """softmax over channels of the queries times (softmax over time of the keys, transposed, times the values)."""

    def __init__(self, config: RetrieverConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm = nn.LayerNorm(config.width)
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)

    def forward(self, signal: Tensor) -> Tensor:
        """(B, N, width) → (B, N, width), with the residual."""
        normed = self.norm(signal)
        query = self.query(normed).unflatten(-1, (self.heads, -1)).softmax(-1)
        key = self.key(normed).unflatten(-1, (self.heads, -1)).softmax(1)
        value = self.value(normed).unflatten(-1, (self.heads, -1))
        context = torch.einsum("bnhd,bnhe->bhde", key, value)
        return signal + torch.einsum("bnhd,bhde->bnhe", query, context).flatten(2)


class FeedForward(nn.Module):
    """LayerNorm → linear → GELU → linear, with the residual."""

    def __init__(self, config: RetrieverConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.linear1 = nn.Linear(config.width, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, signal: Tensor) -> Tensor:
        """(B, N, width) → (B, N, width)."""
        hidden = self.dropout(functional.gelu(self.linear1(self.norm(signal))))
        added: Tensor = self.dropout(self.linear2(hidden))
        return signal + added


class Block(nn.Module):
    """Efficient attention and feed-forward."""

    def __init__(self, config: RetrieverConfig) -> None:
        super().__init__()
        self.sa_block = EfficientAttention(config)
        self.ffn = FeedForward(config)

    def forward(self, signal: Tensor) -> Tensor:
        """(B, N, width) → (B, N, width)."""
        mixed: Tensor = self.ffn(self.sa_block(signal))
        return mixed


class WindowEncoder(nn.Module):
    """A window (B, N ≤ length, inputs) → one unit vector (B, width), read off a learned first position."""

    def __init__(self, inputs: int, config: RetrieverConfig) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(config.length, config.width) * 0.02)
        self.cls_token = nn.Parameter(torch.randn(config.width) * 0.02)
        self.proj_in = nn.Linear(inputs, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.proj_out = nn.Linear(config.width, config.width)

    def forward(self, window: Tensor) -> Tensor:
        """Unit vectors (B, width).

        Raises:
            BadInput: the window is longer than the network's positions or has other channels.
        """
        length, inputs = len(self.embedding), self.proj_in.in_features
        if window.ndim != 3 or window.shape[-1] != inputs or not 0 < window.shape[1] <= length:
            raise BadInput(f"the window has shape {tuple(window.shape)}; expected (batch, 1 to {length}, {inputs})")
        signal = self.proj_in(window) + self.embedding[: window.shape[1]]
        signal = torch.cat([self.cls_token.expand(len(window), 1, -1), signal], 1)
        for block in self.blocks:
            signal = block(signal)
        return functional.normalize(self.proj_out(signal[:, 0]).float(), dim=-1)


class Retriever(nn.Module):
    """Embeds windows of dance and of music on one unit sphere; their dot product is the similarity."""

    def __init__(self, config: RetrieverConfig) -> None:
        super().__init__()
        self.config = config
        self.motion_encoder = WindowEncoder(config.motion_dim, config)
        self.cond_encoder = WindowEncoder(config.music_dim, config)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def embed_motion(self, motion: Tensor) -> Tensor:
        """Unit vectors (B, width) of windows of motion (B, N, motion_dim)."""
        embedded: Tensor = self.motion_encoder(motion)
        return embedded

    def embed_music(self, music: Tensor) -> Tensor:
        """Unit vectors (B, width) of windows of music (B, N, music_dim)."""
        embedded: Tensor = self.cond_encoder(music)
        return embedded

    def forward(self, motion: Tensor, music: Tensor, groups: Tensor | None = None) -> Tensor:
        """InfoNCE of a batch of pairs; see `info_nce`."""
        return info_nce(self.embed_motion(motion), self.embed_music(music), self.logit_scale, groups)


def info_nce(motion: Tensor, music: Tensor, logit_scale: Tensor, groups: Tensor | None = None) -> Tensor:
    """Symmetric InfoNCE: mean of the cross-entropies of finding the music by the dance and the dance by the music.

    Args:
        motion: unit vectors (B, E).
        music: unit vectors (B, E); row i belongs to row i of `motion`.
        logit_scale: scalar s; similarities are multiplied by exp(s), at most 100.
        groups: (B,) numbers; two rows of one group (windows of one clip) are no counter-examples of each other.
    """
    logits = motion @ music.t() * logit_scale.exp().clamp(max=_HIGHEST_SCALE)
    if groups is not None:
        alike = groups.unsqueeze(0) == groups.unsqueeze(1)
        alike.fill_diagonal_(False)
        logits = logits.masked_fill(alike, float("-inf"))
    targets = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.t(), targets)) / 2
