"""Sampling from the foot restorer: Algorithm 2 of the paper's supplement, in few steps, over motion of any length.

Every step merges: unowned columns are as observed, and overlapping windows agree on one x0. Early steps are pulled
towards the observed geometry, late ones have planted feet at rest. As in the supplement, the noise of the start is
used again at every step, which makes the result a function of the motion and the seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infinitedance_cli.models.foot_restorer import CONTACTS, DAMAGES, FootRestorer, Restored
from infinitedance_cli.models.foot_restorer_features import OWNED, PARTS
from infinitedance_cli.models.foot_restorer_sampling_config import SamplingConfig

FloatArray = NDArray[np.floating]

_WINDOWS_AT_ONCE = 16


@dataclass(frozen=True)
class RestoredColumns:
    """Raw `owned` columns (T, 90), probabilities of `contact` (T, 4) and of the motion being `damaged` (T, 2) by kind,
    and how far the root's steps may be wrong, `doubt` (T,) in mm.
    """

    owned: NDArray[np.float32]
    contact: NDArray[np.float32]
    damaged: NDArray[np.float32]
    doubt: NDArray[np.float32]


@torch.no_grad()
def restore_columns(
    model: FootRestorer, features: NDArray[np.float32], config: SamplingConfig, seed: int = 0
) -> RestoredColumns:
    """Restore the owned columns of raw features (T ≥ 2, 259) as `foot_restorer_features.encode` gives them."""
    device = model.mean.device
    observed = model.normalise(torch.from_numpy(features).to(device))
    frames = Frames.over(len(features), model.config.window, config.overlap, device)
    noise = torch.randn(len(features), len(OWNED), generator=torch.Generator().manual_seed(seed)).to(device)
    last = model.config.diffusion_steps - 1
    times = np.linspace(last, 0, config.steps + 1)[:-1].round().astype(int).tolist()
    state = noise
    for index, time in enumerate(times):
        found = _one_pass(model, observed, state, time, frames, config.observe)
        clean = _guided(model, observed, found, time / max(last, 1), config)
        if index + 1 < len(times):
            kept = model.signal[times[index + 1]]
            state = kept.sqrt() * clean + (1 - kept).sqrt() * noise
    owned = model.owned_raw(clean)
    parts = (owned, found.contact.sigmoid(), found.damaged.sigmoid(), found.doubt.exp())
    return RestoredColumns(*(part.cpu().numpy() for part in parts))


@dataclass(frozen=True)
class Frames:
    """Which frames each window holds, `index` (N, W), and how much each counts there, `weight` (N, W)."""

    index: Tensor
    weight: Tensor
    total: Tensor

    @classmethod
    def over(cls, frames: int, window: int, overlap: int, device: torch.device) -> Frames:
        """Windows over `frames`; the last one ends with the last frame. Weights rise and fall over the overlap."""
        window = min(window, frames)
        hop = max(1, window - overlap)
        starts = [*range(0, frames - window, hop), frames - window]
        ramp = torch.arange(1, window + 1, device=device, dtype=torch.float32) / (overlap + 1)
        weight = torch.minimum(ramp, ramp.flip(0)).clamp(max=1).repeat(len(starts), 1)
        index = torch.tensor(starts, device=device)[:, None] + torch.arange(window, device=device)
        total = torch.zeros(frames, device=device).index_add_(0, index.flatten(), weight.flatten())
        return cls(index, weight, total)

    def joined(self, values: Tensor) -> Tensor:
        """The weighted mean (T, C) of windows of values (N, W, C)."""
        weighted = (values * self.weight[..., None]).flatten(0, 1)
        whole = torch.zeros(len(self.total), values.shape[-1], device=values.device)
        return whole.index_add_(0, self.index.flatten(), weighted) / self.total[:, None]


def _one_pass(
    model: FootRestorer, observed: Tensor, state: Tensor, time: int, frames: Frames, observe: bool
) -> Restored:
    """The network over all windows, some at a time, joined into one motion: (T, 90), (T, 4), (T, 2) and (T,)."""
    rows = []
    for index in frames.index.split(_WINDOWS_AT_ONCE):
        step = torch.full((len(index),), time, device=observed.device)
        seen = torch.full((len(index),), float(observe), device=observed.device)
        found = model(observed[index], state[index], step, seen)
        rows.append(torch.cat((found.owned, found.contact, found.damaged, found.doubt[..., None]), dim=-1))
    widths = (len(OWNED), CONTACTS, len(DAMAGES), 1)
    owned, contact, damaged, doubt = frames.joined(torch.cat(rows)).split(widths, dim=-1)
    return Restored(owned, contact, damaged, doubt[:, 0])


def _guided(model: FootRestorer, observed: Tensor, found: Restored, left: float, config: SamplingConfig) -> Tensor:
    """x0 (T, 90) after the guidance of a step at which the share `left` of the schedule is still to come."""
    if left > config.late:
        pull = config.geometric * left
        return found.owned + pull * (observed[:, model.owned] - found.owned)
    raw = model.owned_raw(found.owned)
    planted = config.contact * found.contact.sigmoid()[:, [0, 2, 1, 3]].round()
    moves = raw[:, PARTS["velocity"]].unflatten(-1, (6, 3)).clone()
    # A foot rests in the world when its step relative to the root is the root's step back.
    rest = -raw[:, None, PARTS["step"]]
    moves[:, 2:] += planted[..., None] * (rest - moves[:, 2:])
    raw[:, PARTS["velocity"]] = moves.flatten(1)
    guided: Tensor = (raw - model.mean[model.owned]) / model.deviation[model.owned]
    return guided
