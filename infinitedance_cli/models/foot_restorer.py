"""The Foot Restoration Diffusion Model (FRDM): a decoder like EDGE's that gives root and legs their ground back.

It reads the 259 columns of `foot_restorer_features`, the owned ones noised, the others as they are, beside what was
observed of the owned ones, and predicts the clean motion (x0), the foot contacts with it, how likely the observation
slides or is too high or low, and how far its own steps may be wrong. Where EDGE attends to music by cross-attention,
the observation belongs to the same frames as the motion: it enters with them, which leaves nothing to attend to but
the time, and FiLM carries that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infinitedance_cli.models.checks import require, require_positive, require_share
from infinitedance_cli.models.foot_restorer_features import MOVING_JOINTS, OWNED, PARTS
from infinitedance_cli.motion.features import PAPER_259

CONTACTS = 4
"""Left ankle, left foot, right ankle, right foot, as in `motion.contact.FOOT_LABELS`."""

DAMAGES = ("skating", "height")
"""The kinds of damage that are told apart."""

GROUNDED = 4 * len(MOVING_JOINTS)
_HEIGHT_M, _STEP_M = 0.06, 0.02


@dataclass(frozen=True)
class FootRestorerConfig:
    """`layers` of `width` with `heads`, inner width `feedforward`; `diffusion_steps` of the cosine schedule; `window`
    frames that are seen at once.
    """

    width: int = 192
    layers: int = 4
    heads: int = 4
    feedforward: int = 384
    dropout: float = 0.0
    diffusion_steps: int = 1000
    window: int = 120

    def __post_init__(self) -> None:
        require_positive("foot_restorer", width=self.width, layers=self.layers, heads=self.heads, window=self.window)
        require_positive("foot_restorer", feedforward=self.feedforward, diffusion_steps=self.diffusion_steps)
        require_share("foot_restorer", dropout=self.dropout)
        require(
            self.width % (2 * self.heads) == 0,
            f"foot_restorer.width is {self.width}; expected an even multiple of foot_restorer.heads ({self.heads})",
        )


@dataclass(frozen=True)
class Restored:
    """What one pass predicts: `owned` (B, T, 90), z-scored; logits `contact` (B, T, 4) and `damaged` (B, T, 2), in the
    order of `DAMAGES`; `doubt` (B, T), the logarithm of how far the root's steps over the floor may be wrong, mm.
    """

    owned: Tensor
    contact: Tensor
    damaged: Tensor
    doubt: Tensor


class FootRestorer(nn.Module):
    """The network and its noise schedule. Axes are (batch, time, column)."""

    mean: Tensor
    deviation: Tensor
    signal: Tensor
    owned: Tensor

    def __init__(self, config: FootRestorerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.read = nn.Linear(PAPER_259.size + len(OWNED) + GROUNDED + 1, width)
        self.local = nn.Conv1d(width, width, 5, padding=2)
        self.time = nn.Sequential(nn.Linear(width, 2 * width), nn.Mish(), nn.Linear(2 * width, width))
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.last = nn.LayerNorm(width)
        self.write = nn.Linear(width, len(OWNED) + CONTACTS + len(DAMAGES) + 1)
        nn.init.zeros_(self.write.weight)
        nn.init.zeros_(self.write.bias)
        self.register_buffer("mean", torch.zeros(PAPER_259.size))
        self.register_buffer("deviation", torch.ones(PAPER_259.size))
        self.register_buffer("signal", cosine_schedule(config.diffusion_steps), persistent=False)
        self.register_buffer("owned", torch.tensor(OWNED), persistent=False)

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Mean and deviation (259,) of the features, which are z-scored by them."""
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def normalise(self, features: Tensor) -> Tensor:
        """Features (..., 259) z-scored."""
        return (features - self.mean) / self.deviation

    def owned_raw(self, owned: Tensor) -> Tensor:
        """Z-scored owned columns (..., 90) back in metres and 6-D rotations."""
        return owned * self.deviation[self.owned] + self.mean[self.owned]

    def noised(self, clean: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """x_t of `clean` owned columns (B, T, 90) at `step` (B,), 0 (nearly clean) to diffusion_steps - 1."""
        kept = self.signal[step][:, None, None]
        return kept.sqrt() * clean + (1 - kept).sqrt() * noise

    def forward(self, features: Tensor, noisy: Tensor, step: Tensor, seen: Tensor) -> Restored:
        """Predict x0.

        `features` (B, T, 259) z-scored, as observed; `noisy` (B, T, 90) x_t of the owned columns, which take the place
        of the observed ones; `step` (B,); `seen` (B,) 1 where the network may look at what was observed of the owned
        columns, 0 where it has to do without.
        """
        observed = features[..., self.owned] * seen[:, None, None]
        merged = features.index_copy(-1, self.owned, noisy)
        flag = seen[:, None, None].expand(*observed.shape[:2], 1)
        grounded = self._grounded(features[..., self.owned]) * seen[:, None, None]
        hidden = self.read(torch.cat((merged, observed, grounded, flag), dim=-1))
        hidden = hidden + nn.functional.gelu(self.local(hidden.transpose(1, 2))).transpose(1, 2)
        time = self.time(sinusoids(step, self.config.width))
        for layer in self.layers:
            hidden = layer(hidden, time)
        widths = (len(OWNED), CONTACTS, len(DAMAGES), 1)
        owned, contact, damaged, doubt = self.write(self.last(hidden)).split(widths, dim=-1)
        return Restored(observed + owned, contact, damaged, doubt[..., 0])

    def _grounded(self, observed: Tensor) -> Tensor:
        """Heights over the floor and steps in the world of knees, ankles and feet (B, T, 24), limited to ±3.

        Sums of other columns, but centimetres of them decide, which are little among the deviations of the parts.
        """
        raw = self.owned_raw(observed)
        positions, velocity = (raw[..., PARTS[name]].unflatten(-1, (6, 3)) for name in ("position", "velocity"))
        height = positions[..., 1] + raw[..., PARTS["root"]][..., 2:]
        steps = velocity + raw[..., None, PARTS["step"]]
        return torch.cat((height / _HEIGHT_M - 1, steps.flatten(-2) / _STEP_M), dim=-1).clamp(-3, 3)


class _Layer(nn.Module):
    """EDGE's layer without cross-attention: self-attention and feed-forward, each with FiLM by the time."""

    def __init__(self, config: FootRestorerConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norm, self.norm_inner = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(
            nn.Linear(width, config.feedforward),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.feedforward, width),
        )
        self.film = nn.Sequential(nn.Mish(), nn.Linear(width, 4 * width))

    def forward(self, hidden: Tensor, time: Tensor) -> Tensor:
        scale, shift, inner_scale, inner_shift = self.film(time)[:, None].chunk(4, dim=-1)
        hidden = hidden + self._attend(self.norm(hidden)) * (1 + scale) + shift
        changed: Tensor = hidden + self.inner(self.norm_inner(hidden)) * (1 + inner_scale) + inner_shift
        return changed

    def _attend(self, hidden: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.project(hidden).chunk(3, dim=-1)
        )
        mixed = nn.functional.scaled_dot_product_attention(rotary(query), rotary(key), value)
        mixed = self.out(mixed.transpose(1, 2).flatten(-2))
        return mixed


def rotary(values: Tensor) -> Tensor:
    """Rotary position embedding of (B, H, T, D): pairs (i, i + D/2) turn with the frame, theta 10000."""
    frames, half = values.shape[-2], values.shape[-1] // 2
    rates = 10000.0 ** (-torch.arange(half, device=values.device, dtype=torch.float32) / half)
    angles = torch.arange(frames, device=values.device, dtype=torch.float32)[:, None] * rates
    cosine, sine = angles.cos().to(values.dtype), angles.sin().to(values.dtype)
    first, second = values.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def sinusoids(step: Tensor, width: int) -> Tensor:
    """EDGE's embedding (B, width) of diffusion steps (B,)."""
    half = width // 2
    rates = torch.exp(-math.log(1e4) / (half - 1) * torch.arange(half, device=step.device))
    angles = step.float()[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


def cosine_schedule(steps: int, offset: float = 0.008) -> Tensor:
    """Share of signal (steps,) that is left after each step of the cosine schedule; betas are at most 0.999."""
    time = torch.arange(steps + 1, dtype=torch.float64) / steps
    curve = torch.cos((time + offset) / (1 + offset) * math.pi / 2) ** 2
    betas = (1 - curve[1:] / curve[:-1]).clamp(0, 0.999)
    return torch.cumprod(1 - betas, dim=0).float()
