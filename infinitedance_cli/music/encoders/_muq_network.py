"""MuQ's network: mel spectrogram → two strided residual convolutions → conformer, 25 vectors of 1024 a second.

Facts of its MIT-licensed code (muq 0.1.0) on the conformer of transformers, so that neither torchaudio nor muq's pinned
libraries are needed. Tensor names are those of the published weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from infinitedance_cli.errors import BadInput

SAMPLE_RATE = 24_000
RATE_HZ = 25.0
SAMPLES_PER_ROW = 960
_HOPS_PER_ROW = 4
_PIECE_ROWS, _REACH_ROWS = 1024, 4
"""Rows that the convolutions make at once, so that their 512 channels need not hold a whole song, and rows around them
that are read and thrown away: a row reaches nine hops to either side."""
_N_FFT, _LEAST_POWER = 2048, 1e-10


@dataclass(frozen=True)
class MuQConfig:
    """What of the published config.json shapes the network; `w2v2_config` goes to transformers as it is."""

    encoder_dim: int = 1024
    encoder_depth: int = 12
    conv_dim: int = 512
    n_mels: int = 128
    hop_length: int = 240
    stat: Mapping[str, float] = field(default_factory=dict)
    w2v2_config: Mapping[str, Any] = field(default_factory=dict)


class _ResidualConvolution(nn.Module):
    """(B, C, F, T) → (B, D, F/2, T/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv3 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.bn3 = nn.BatchNorm2d(outputs)

    def forward(self, signal: Tensor) -> Tensor:
        """One block."""
        inner = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(signal)))))
        return functional.relu(inner + self.bn3(self.conv3(signal)))


class _Subsampling(nn.Module):
    """Mel bands (B, F, T) → (B, T/4, width)."""

    def __init__(self, config: MuQConfig) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _ResidualConvolution(1, config.conv_dim), _ResidualConvolution(config.conv_dim, config.conv_dim)
        )
        self.linear = nn.Linear(config.conv_dim * config.n_mels // 4, config.encoder_dim)

    def forward(self, bands: Tensor) -> Tensor:
        """Channels of all bands beside each other, then one linear map."""
        signal = self.conv(bands.unsqueeze(1))
        rows: Tensor = self.linear(signal.permute(0, 3, 1, 2).flatten(2))
        return rows


def row_count(samples: int) -> int:
    """Rows that MuQ makes of so many samples: one for every four hops of 240, and for what is left of four."""
    return -(-(samples // (SAMPLES_PER_ROW // _HOPS_PER_ROW)) // _HOPS_PER_ROW)


class MuQNetwork(nn.Module):
    """(B, samples) at 24 kHz → (B, `row_count`, 1024), the conformer's last hidden state.

    Nothing in memory grows with the square of the length; time does.
    """

    _filters: Tensor
    _window: Tensor

    def __init__(self, config: MuQConfig) -> None:
        super().__init__()
        from transformers import Wav2Vec2ConformerConfig
        from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import Wav2Vec2ConformerEncoder

        self.config = config
        shape = {**config.w2v2_config, "num_hidden_layers": config.encoder_depth, "hidden_size": config.encoder_dim}
        shape.setdefault("attn_implementation", "sdpa")
        self.conv = _Subsampling(config)
        self.conformer = Wav2Vec2ConformerEncoder(Wav2Vec2ConformerConfig(**shape))
        self.register_buffer("_filters", torch.from_numpy(mel_filters(config.n_mels)), persistent=False)
        self.register_buffer("_window", torch.hann_window(_N_FFT), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Raises BadInput on less than four hops of sound."""
        if samples.shape[-1] < SAMPLES_PER_ROW:
            raise BadInput(f"{samples.shape[-1]} samples; MuQ needs at least {SAMPLES_PER_ROW} (0.04 s)")
        hidden: Tensor = self.conformer(self._subsampled(self.mel(samples))).last_hidden_state
        return hidden

    def _subsampled(self, bands: Tensor) -> Tensor:
        """The convolutions' rows (B, ⌈T/4⌉, width) of mel bands (B, F, T), piece by piece, the same as at once."""
        total = -(-bands.shape[-1] // _HOPS_PER_ROW)
        pieces = []
        for start in range(0, total, _PIECE_ROWS):
            stop = min(start + _PIECE_ROWS, total)
            first, last = max(start - _REACH_ROWS, 0), min(stop + _REACH_ROWS, total)
            rows = self.conv(bands[..., first * _HOPS_PER_ROW : last * _HOPS_PER_ROW])
            pieces.append(rows[:, start - first : stop - first])
        return torch.cat(pieces, 1)

    def mel(self, samples: Tensor) -> Tensor:
        """Normalised decibels (B, bands, samples // 240) of mel bands, the last column left out as in training."""
        spectrum = torch.stft(
            samples, _N_FFT, self.config.hop_length, window=self._window, center=True, return_complex=True
        )
        power = spectrum.abs().square().transpose(1, 2) @ self._filters
        decibel = 10 * torch.log10(power.clamp(min=_LEAST_POWER)).transpose(1, 2)[..., :-1]
        return (decibel - self.config.stat["melspec_2048_mean"]) / self.config.stat["melspec_2048_std"]


def mel_filters(bands: int) -> np.ndarray:
    """Triangles (1025, bands) equally spaced on the mel scale 2595 log10(1 + f / 700), of height one (HTK)."""
    top = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    bins = np.linspace(0, SAMPLE_RATE / 2, _N_FFT // 2 + 1)[:, None]
    rising = (bins - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - bins) / np.diff(corners)[1:]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
