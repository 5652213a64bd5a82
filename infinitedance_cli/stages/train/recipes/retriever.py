"""The retriever's recipe: bring windows of dance and of their music together (InfoNCE, InfiniteDance section 3.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from infinitedance_cli.models.checkpoint import save_model
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig, info_nce
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.pairs import cut
from infinitedance_cli.stages.train.windows import Window, Windows


@dataclass(frozen=True)
class RetrieverRecipeConfig:
    """The network; its `length` is the window in steps, `motion_dim` and `music_dim` follow from the pairs."""

    model: RetrieverConfig = field(
        default_factory=lambda: RetrieverConfig(length=96, width=128, layers=3, feedforward=384)
    )


class RetrieverRecipe:
    """Trains `models.retriever.Retriever`; see `loop.Recipe`."""

    name = "retriever"
    key_figure = "median_rank"

    def __init__(self, windows: Windows, config: RetrieverRecipeConfig) -> None:
        first = windows.first
        self.model_config = replace(config.model, motion_dim=first.motion.shape[1], music_dim=first.music.shape[1])
        self.windows = windows

    def build(self) -> nn.Module:
        """The retriever with its loss."""
        return RetrieverTraining(Retriever(self.model_config))

    def batch(self, where: Pass) -> dict[str, Tensor]:
        """Windows of motion and music, and the source of each, whose windows are no counter-examples."""
        windows = self.windows.windows(where)
        return {
            **self._collate(windows),
            "groups": torch.tensor([source_number(window.pair.source) for window in windows]),
        }

    def _collate(self, windows: Sequence[Window]) -> dict[str, Tensor]:
        def stacked(name: str) -> Tensor:
            rows = [cut(getattr(window.pair, name), window.draw, self.model_config.length) for window in windows]
            return torch.from_numpy(np.stack(rows).astype(np.float32))

        return {"motion": stacked("motion"), "music": stacked("music")}

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        """Rank of the right music among 64 held-out windows, 0 best; 31.5 by chance."""
        assert isinstance(module, RetrieverTraining)
        random, device = np.random.default_rng(0), next(module.parameters()).device
        ranks = []
        for _ in range(4):
            batch = self._collate(self.windows.measured(64, random))
            windows = {name: rows.to(device) for name, rows in batch.items()}
            scores = module.retriever.embed_motion(windows["motion"]) @ module.retriever.embed_music(windows["music"]).T
            ranks += (scores > scores.diagonal()[:, None]).sum(1).tolist()
        return {"median_rank": float(np.median(ranks)), "mean_rank": float(np.mean(ranks))}

    def export(self, module: nn.Module, folder: Path, details: Mapping[str, Any]) -> Path:
        """Write retriever.safetensors."""
        assert isinstance(module, RetrieverTraining)
        provenance = {**details, "encoder": self.windows.first.encoder}
        return save_model(folder / "retriever.safetensors", module.retriever, provenance=provenance)


class RetrieverTraining(nn.Module):
    """The retriever with its loss as the loop expects it."""

    def __init__(self, retriever: Retriever) -> None:
        super().__init__()
        self.retriever = retriever

    def forward(self, motion: Tensor, music: Tensor, groups: Tensor) -> dict[str, Tensor]:
        """InfoNCE of windows (B, N, D) and (B, N, M); rows of one of the `groups` (B,) are no counter-examples.

        The counter-examples are those of all processes.
        """
        network = self.retriever
        groups = _of_all_processes(groups)
        if bool((groups == groups[0]).all()):  # no other clip to tell from: its windows have to do
            groups = torch.arange(len(groups), device=groups.device)
        vectors = (_of_all_processes(network.embed_motion(motion)), _of_all_processes(network.embed_music(music)))
        return {"loss": info_nce(*vectors, network.logit_scale, groups)}


def source_number(source: str) -> int:
    """A number for a source, the same in all processes."""
    return int.from_bytes(hashlib.blake2b(source.encode(), digest_size=7).digest(), "little")


def _of_all_processes(rows: Tensor) -> Tensor:
    """The rows (B, …) of all processes, in order, with their gradients."""
    if not (dist.is_available() and dist.is_initialized()):
        return rows
    gathered: Tensor = _Gather.apply(rows)
    return gathered


class _Gather(torch.autograd.Function):
    """Everybody's rows; their gradient is the sum of what all processes say of them."""

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        found = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(found, rows.contiguous())
        return torch.cat(found)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous()
        dist.all_reduce(gradient)
        return gradient.chunk(dist.get_world_size())[dist.get_rank()]
