"""A Mamba-1 block whose parameters carry mamba_ssm's names, which transformers' MambaMixer shares.

Where mamba_ssm is installed and the tensors are on a GPU, its kernel runs the scan; elsewhere our own does. Weights
are the same either way. transformers' MambaMixer is not used itself: its CPU path takes several times as long, chooses
kernels by what happens to be installed, and mixes types under autocast; the tests compare against it.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from infinitedance_cli.models.checks import require_positive
from infinitedance_cli.models.selective_scan import selective_scan


@dataclass(frozen=True)
class MambaConfig:
    """Mamba-1: `state` values per channel, causal convolution of `kernel` steps, `expand` times wider inside."""

    width: int
    state: int = 16
    kernel: int = 4
    expand: int = 2

    def __post_init__(self) -> None:
        require_positive("mamba", width=self.width, state=self.state, kernel=self.kernel, expand=self.expand)

    @property
    def inner(self) -> int:
        """Channels inside the block."""
        return self.width * self.expand

    @property
    def step_rank(self) -> int:
        """Rank of the projection that gives the step sizes."""
        return math.ceil(self.width / 16)


class Mamba(nn.Module):
    """Causal sequence mixer: (batch, time, width) → the same shape."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        self.config = config
        inner = config.inner
        self.in_proj = nn.Linear(config.width, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, config.kernel, groups=inner, padding=config.kernel - 1)
        self.x_proj = nn.Linear(inner, config.step_rank + 2 * config.state, bias=False)
        self.dt_proj = nn.Linear(config.step_rank, inner)
        self.A_log = nn.Parameter(torch.arange(1, config.state + 1).float().log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, config.width, bias=False)
        self._initialise_steps()

    @torch.no_grad()
    def _initialise_steps(self, shortest: float = 1e-3, longest: float = 0.1) -> None:
        """Step sizes start log-uniform between these bounds, as in the Mamba paper (section 3.6)."""
        bound = self.config.step_rank**-0.5
        nn.init.uniform_(self.dt_proj.weight, -bound, bound)
        steps = torch.exp(torch.empty_like(self.dt_proj.bias).uniform_(math.log(shortest), math.log(longest)))
        self.dt_proj.bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # inverse of softplus

    def forward(self, signal: Tensor) -> Tensor:
        """(B, N, width) → (B, N, width)."""
        time = signal.shape[1]
        inner, gate = self.in_proj(signal).chunk(2, dim=-1)
        inner = self.conv1d(inner.transpose(1, 2))[..., :time].transpose(1, 2)
        inner = functional.silu(inner)
        ranks, inputs, outputs = self.x_proj(inner).split(
            [self.config.step_rank, self.config.state, self.config.state], dim=-1
        )
        steps = functional.linear(ranks, self.dt_proj.weight)
        scanned = self._scan(inner, steps, inputs, outputs, gate)
        result: Tensor = self.out_proj(scanned)
        return result

    def _scan(self, inner: Tensor, steps: Tensor, inputs: Tensor, outputs: Tensor, gate: Tensor) -> Tensor:
        kind = inner.dtype
        with torch.autocast(inner.device.type, enabled=False):  # the recurrence loses its memory in half precision
            decay = -torch.exp(self.A_log.float())
            kernel = _scan_kernel() if inner.is_cuda else None
            if kernel is not None:
                return _with_kernel(kernel, inner, steps, decay, inputs, outputs, self.D, gate, self.dt_proj.bias)
            steps = functional.softplus(steps.float() + self.dt_proj.bias.float())
            inner = inner.float()
            scanned = selective_scan(inner, steps, decay, inputs.float(), outputs.float()) + inner * self.D.float()
            return (scanned * functional.silu(gate.float())).to(kind)


@cache
def _scan_kernel() -> Any:
    """mamba_ssm's fused scan, or None where mamba_ssm is not installed."""
    if importlib.util.find_spec("mamba_ssm") is None:
        return None
    return importlib.import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_fn


def _with_kernel(
    kernel: Any,
    inner: Tensor,
    steps: Tensor,
    decay: Tensor,
    inputs: Tensor,
    outputs: Tensor,
    skip: Tensor,
    gate: Tensor,
    bias: Tensor,
) -> Tensor:
    """The fused scan on (batch, channel, time) tensors, back to (batch, time, channel)."""
    inner, steps, inputs, outputs, gate = (
        tensor.transpose(1, 2).contiguous() for tensor in (inner, steps, inputs, outputs, gate)
    )
    scanned: Tensor = kernel(
        inner, steps, decay, inputs, outputs, skip.float(), z=gate, delta_bias=bias.float(), delta_softplus=True
    )
    return scanned.transpose(1, 2)
