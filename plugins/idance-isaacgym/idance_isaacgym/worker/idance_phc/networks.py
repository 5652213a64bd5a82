"""The networks of PHC's policies: progressive columns (PNN), a composer over them (MCP), and a plain one (MLP)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from .bodies import DEGREES_OF_FREEDOM
from .checkpoints import Normalizer, read_checkpoint, read_layers, refuse_left_over

_NETWORK = "a2c_network"


class Policy(nn.Module):
    """Columns that each propose an action, and what of them is done.

    With a `composer` the action is the sum of the proposals, weighted by what it says; without one it is the proposal
    of the last column. Composer and columns each normalise observations by statistics of their own.
    """

    def __init__(
        self,
        columns: Sequence[nn.Module],
        normalizer: Normalizer,
        composer: nn.Module | None = None,
        composer_normalizer: Normalizer | None = None,
    ) -> None:
        super().__init__()
        self.columns = nn.ModuleList(columns)
        self.composer = composer
        self._normalizers = (normalizer, composer_normalizer)

    def on(self, device: str) -> Policy:
        """The same on a device, for use."""
        first, second = self._normalizers
        self._normalizers = (first.to(device), None if second is None else second.to(device))
        return self.to(device).eval()

    @torch.no_grad()
    def forward(self, observations: Tensor) -> Tensor:
        """Actions (N, 69) for observations (N, S); those of a single column are within ±1, and so are weights."""
        normalizer, composer_normalizer = self._normalizers
        normal = normalizer(observations)
        if self.composer is None or composer_normalizer is None:
            return self.columns[-1](normal).clamp(-1.0, 1.0)
        weights = self.composer(composer_normalizer(observations)).clamp(-1.0, 1.0)
        proposals = torch.stack([column(normal) for column in self.columns], dim=1)
        return (weights[:, :, None] * proposals).sum(dim=1)


def load_columns(path: Path, observation_size: int, count: int, activation: str) -> tuple[list[nn.Module], Normalizer]:
    """The `count` columns of a PNN checkpoint. Raises Missing and BadFile as `checkpoints` does."""
    model, normalizer = read_checkpoint(path, observation_size)
    prefix = f"{_NETWORK}.pnn."
    columns = [f"{prefix}actors.{index}" for index in range(count)]
    refuse_left_over(
        path,
        [name for name in model if name.startswith(prefix) and not name.startswith(tuple(f"{c}." for c in columns))],
    )
    sizes = (observation_size, DEGREES_OF_FREEDOM)
    return [read_layers(path, model, column, sizes, activation) for column in columns], normalizer


def load_pnn(path: Path, observation_size: int, count: int, activation: str) -> Policy:
    """The policy that the last column of a PNN checkpoint is."""
    return Policy(*load_columns(path, observation_size, count, activation))


def load_mcp(
    path: Path, columns_path: Path, observation_size: int, count: int, activation: str, *, ends_active: bool
) -> Policy:
    """The policy of a composer's checkpoint over the columns of another one; `ends_active`: weights are activations."""
    columns, normalizer = load_columns(columns_path, observation_size, count, activation)
    model, composer_normalizer = read_checkpoint(path, observation_size)
    composer = read_layers(
        path, model, f"{_NETWORK}.composer", (observation_size, count), activation, ends_active=ends_active
    )
    return Policy(columns, normalizer, composer, composer_normalizer)


def load_mlp(path: Path, observation_size: int, activation: str) -> Policy:
    """The policy of a checkpoint with one network."""
    model, normalizer = read_checkpoint(path, observation_size)
    sizes = (observation_size, DEGREES_OF_FREEDOM)
    actor = read_layers(path, model, f"{_NETWORK}.actor_mlp", sizes, activation, head=f"{_NETWORK}.mu")
    return Policy([actor], normalizer)
