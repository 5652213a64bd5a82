"""Predicts the codes of one step one after the other: the first from the step's hidden state, each next one also from
the code vectors before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class DepthLevel(nn.Module):
    """Logits of one quantiser layer from the hidden state and the vectors of the layers before it."""

    def __init__(self, inputs: int, hidden: int, codes: int, dropout: float) -> None:
        super().__init__()
        self.inputs = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.mlp = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Dropout(dropout), nn.Linear(hidden, hidden))
        self.out_norm = nn.LayerNorm(hidden)
        self.logits = nn.Linear(hidden, codes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (…, inputs) → logits (…, codes)."""
        mixed = self.inputs(inputs)
        mixed = mixed + self.mlp(self.norm(mixed))
        logits: Tensor = self.logits(self.out_norm(mixed))
        return logits


class DepthHead(nn.Module):
    """Autoregressive over the quantiser's layers, parallel over steps."""

    def __init__(self, hidden: int, code_dim: int, layers: int, codes: int, dropout: float) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            DepthLevel(hidden + level * code_dim, hidden, codes, dropout) for level in range(layers)
        )

    def forward(self, hidden: Tensor, codes: Tensor, vectors: Tensor) -> Tensor:
        """Logits (…, Q, K) given the true codes.

        Args:
            hidden: (…, hidden).
            codes: (…, Q) int64; level q is predicted from the codes of the levels before it.
            vectors: code vectors (Q, K, code_dim).
        """
        return torch.stack([self.level_logits(hidden, codes, vectors, level) for level in range(len(self.levels))], -2)

    def level_logits(self, hidden: Tensor, codes: Tensor, vectors: Tensor, level: int) -> Tensor:
        """Logits (…, K) of one level from the codes (…, ≥ level) before it."""
        before = [functional.embedding(codes[..., index], vectors[index]) for index in range(level)]
        logits: Tensor = self.levels[level](torch.cat([hidden, *before], -1))
        return logits
