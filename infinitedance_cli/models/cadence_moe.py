"""Cadence-MoE: experts on frequency bands of the conditioning signal (InfiniteDance section 3.4).

The signal over time is cut into bands by a real FFT; the inverse transform makes every band a full-length signal
again, and an expert (linear, multi-head attention, Mamba) reads each. Two forms:

* `CadenceMoE`, the paper's: bands of equal numbers of bins, experts on the fused condition, weighted by a gate.
* `ReleasedCadenceMoE`, the release's: bands of the reference dance only, beside an expert on everything; their outputs
  are concatenated and projected, without a gate.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.checks import require, require_positive, require_share
from infinitedance_cli.models.mamba import Mamba, MambaConfig


@dataclass(frozen=True)
class MoEConfig:
    """`bands` experts of `heads`-head attention and a Mamba of `state` values per channel, `expand` times as wide.

    `attention_residual` adds an expert's projected input to its attention, which the release does not.
    """

    bands: int = 4
    heads: int = 8
    state: int = 16
    kernel: int = 4
    expand: int = 2
    dropout: float = 0.0
    attention_residual: bool = True

    def __post_init__(self) -> None:
        require_positive("moe", bands=self.bands, heads=self.heads, state=self.state, expand=self.expand)
        require_share("moe", dropout=self.dropout)


class Expert(nn.Module):
    """linear → multi-head attention over the whole window → Mamba, (B, N, inputs) → (B, N, width).

    Attention is not causal: an expert reads the condition, never the dance that is to be predicted.
    """

    def __init__(self, inputs: int, width: int, config: MoEConfig) -> None:
        super().__init__()
        require(width % config.heads == 0, f"moe.heads is {config.heads}; expected a divisor of the width {width}")
        self.residual = config.attention_residual
        self.proj = nn.Linear(inputs, width)
        self.transformer_attn = nn.MultiheadAttention(width, config.heads, dropout=config.dropout, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.mamba = Mamba(MambaConfig(width, config.state, config.kernel, config.expand))

    def forward(self, signal: Tensor) -> Tensor:
        """(B, N, inputs) → (B, N, width)."""
        projected = self.proj(signal)
        attended, _ = self.transformer_attn(projected, projected, projected, need_weights=False)
        if self.residual:
            attended = attended + projected
        result: Tensor = self.mamba(self.norm(attended)) + attended
        return result


class CadenceMoE(nn.Module):
    """Paper form: (B, N, inputs) → (B, N, width), the gate's softmax-weighted sum of one expert per band."""

    def __init__(self, inputs: int, width: int, config: MoEConfig) -> None:
        super().__init__()
        self.config = config
        self.experts = nn.ModuleList(Expert(inputs, width, config) for _ in range(config.bands))
        self.gate = nn.Linear(inputs, config.bands)

    def forward(self, signal: Tensor) -> Tensor:
        """(B, N, inputs) → (B, N, width)."""
        weights = self.gate_weights(signal)
        bands = split_bands(signal, equal_edges(signal.shape[1], self.config.bands))
        outputs = torch.stack([expert(band) for expert, band in zip(self.experts, bands, strict=True)], -1)
        return (outputs * weights.unsqueeze(2)).sum(-1)

    def gate_weights(self, signal: Tensor) -> Tensor:
        """Weight of every expert at every step, (B, N, bands), summing to one."""
        return torch.softmax(self.gate(signal), -1)


class ReleasedCadenceMoE(nn.Module):
    """Release form: [music | style | reference] (B, N, inputs) → (B, N, width).

    The last `reference` channels go to the band experts, all channels to the universal expert.
    """

    def __init__(self, inputs: int, reference: int, width: int, config: MoEConfig) -> None:
        super().__init__()
        self.config = config
        self.reference = reference
        self.input_proj = nn.Linear(inputs, width)
        self.universal_expert = Expert(width, width, config)
        self.specialized_experts = nn.ModuleList(Expert(reference, width, config) for _ in range(config.bands))
        self.fusion_proj = nn.Linear(width * (1 + config.bands), width)

    def forward(self, signal: Tensor) -> Tensor:
        """(B, N, inputs) → (B, N, width)."""
        bands = split_bands(
            signal[..., -self.reference :], equal_hertz_edges(signal.shape[1], self.config.bands), "equal-Hz"
        )
        special = [expert(band) for expert, band in zip(self.specialized_experts, bands, strict=True)]
        result: Tensor = self.fusion_proj(torch.cat([self.universal_expert(self.input_proj(signal)), *special], -1))
        return result


def equal_edges(steps: int, bands: int) -> list[int]:
    """Edges of `bands` bands of as equally many real-FFT bins of `steps` samples as their number allows."""
    bins = steps // 2 + 1
    return [round(band * bins / bands) for band in range(bands + 1)]


def equal_hertz_edges(steps: int, bands: int) -> list[int]:
    """Edges of `bands` bands of equal width from 0 to the Nyquist frequency, the last one closed (release)."""
    bins, nyquist = steps // 2 + 1, steps / 2
    inner = [-int(-(band * nyquist / bands) // 1) for band in range(1, bands)]
    return [0, *inner, bins]


def split_bands(signal: Tensor, edges: list[int], kind: str = "equal") -> list[Tensor]:
    """Cut (B, N, C) into full-length signals that hold the FFT bins between successive edges; they sum to the input.

    Raises:
        BadInput: the window is so short that a band would hold no bin.
    """
    steps = signal.shape[1]
    if any(low >= high for low, high in zip(edges, edges[1:], strict=False)):
        raise BadInput(f"a window of {steps} steps has too few frequencies for {len(edges) - 1} {kind} bands")
    spectrum = torch.fft.rfft(signal.float(), dim=1)
    bands = []
    for low, high in zip(edges, edges[1:], strict=False):
        part = torch.zeros_like(spectrum)
        part[:, low:high] = spectrum[:, low:high]
        bands.append(torch.fft.irfft(part, n=steps, dim=1).to(signal.dtype))
    return bands
