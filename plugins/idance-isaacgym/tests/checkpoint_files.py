"""Checkpoints with random weights in the layout of PHC's, with smaller layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

UNITS = (24, 16)


def layers(prefix: str, sizes: tuple[int, ...], generator: torch.Generator) -> dict[str, Tensor]:
    """Linear layers `prefix.0`, `prefix.2`, …, as `torch.nn.Sequential` with activations names them."""
    found = {}
    for index, (size, following) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        found[f"{prefix}.{2 * index}.weight"] = torch.randn((following, size), generator=generator) / size**0.5
        found[f"{prefix}.{2 * index}.bias"] = 0.1 * torch.randn(following, generator=generator)
    return found


def pnn(size: int, columns: int = 3, seed: int = 0, units: tuple[int, ...] = UNITS) -> dict[str, Tensor]:
    """The network of a PNN checkpoint: columns, and what training leaves beside them."""
    generator = torch.Generator().manual_seed(seed)
    model = {"a2c_network.sigma": torch.zeros(69), **layers("a2c_network.critic_mlp", (size, *UNITS), generator)}
    for column in range(columns):
        model |= layers(f"a2c_network.pnn.actors.{column}", (size, *units, 69), generator)
    return model | {"a2c_network.mu.weight": torch.zeros(69, UNITS[-1]), "a2c_network.mu.bias": torch.zeros(69)}


def mcp(size: int, columns: int = 3, seed: int = 1, units: tuple[int, ...] = UNITS) -> dict[str, Tensor]:
    """The network of a composer's checkpoint."""
    generator = torch.Generator().manual_seed(seed)
    return layers("a2c_network.composer", (size, *units, columns), generator)


def mlp(size: int, seed: int = 2) -> dict[str, Tensor]:
    """The network of a checkpoint with one network and its last layer apart."""
    generator = torch.Generator().manual_seed(seed)
    head = {
        "a2c_network.mu.weight": torch.randn((69, UNITS[-1]), generator=generator),
        "a2c_network.mu.bias": torch.zeros(69),
    }
    return layers("a2c_network.actor_mlp", (size, *UNITS), generator) | head


def save(path: Path, model: Mapping[str, Tensor], size: int, **more: object) -> Path:
    """Write a checkpoint with statistics that differ in every value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(len(model))
    statistics = {
        "running_mean": torch.randn(size, generator=generator, dtype=torch.float64),
        "running_var": torch.rand(size, generator=generator, dtype=torch.float64) + 0.5,
        "count": torch.ones((), dtype=torch.float64),
    }
    torch.save({"model": dict(model), "running_mean_std": statistics, "epoch": 3, **more}, path)
    return path
