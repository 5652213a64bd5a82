"""The retriever's recipe: bring windows of dance and of their music together (InfoNCE, InfiniteDance section 3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infinitedance_cli.models.checkpoint import save_model
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig
from infinitedance_cli.stages.train.pairs import Draw, Pair, PairSet, cut, draw_windows


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

    def __init__(self, pairs: PairSet, config: RetrieverRecipeConfig, seed: int) -> None:
        first = pairs.train[0]
        self.model_config = replace(config.model, motion_dim=first.motion.shape[1], music_dim=first.music.shape[1])
        self.pairs, self.seed = pairs, seed
        self._sources = {source: number for number, source in enumerate(sorted({p.source for p in pairs.train}))}

    def build(self) -> nn.Module:
        """The retriever with its loss."""
        return RetrieverTraining(Retriever(self.model_config))

    def batch(self, step: int, size: int, stream: int) -> dict[str, Tensor]:
        """Windows of motion and music, and the source of each, whose windows are no counter-examples."""
        random = np.random.default_rng((self.seed, 4, step, stream))
        draws = draw_windows(self.pairs.train, size, self.model_config.length, random)
        groups = [self._sources[self.pairs.train[draw.pair].source] for draw in draws]
        if len(self._sources) == 1:  # no other clip to tell from: its windows have to do
            groups = list(range(size))
        return {**self._windows(self.pairs.train, draws), "groups": torch.tensor(groups)}

    def _windows(self, pairs: Sequence[Pair], draws: Sequence[Draw]) -> dict[str, Tensor]:
        window = self.model_config.length

        def stacked(name: str) -> Tensor:
            rows = [cut(getattr(pairs[draw.pair], name), draw, window) for draw in draws]
            return torch.from_numpy(np.stack(rows).astype(np.float32))

        return {"motion": stacked("motion"), "music": stacked("music")}

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        """Rank of the right music among 64 held-out windows, 0 best; 31.5 by chance."""
        assert isinstance(module, RetrieverTraining)
        pairs = self.pairs.held_out or self.pairs.train
        random, device = np.random.default_rng(0), next(module.parameters()).device
        ranks = []
        for _ in range(4):
            draws = draw_windows(pairs, 64, self.model_config.length, random)
            windows = {name: rows.to(device) for name, rows in self._windows(pairs, draws).items()}
            scores = module.retriever.embed_motion(windows["motion"]) @ module.retriever.embed_music(windows["music"]).T
            ranks += (scores > scores.diagonal()[:, None]).sum(1).tolist()
        return {"median_rank": float(np.median(ranks)), "mean_rank": float(np.mean(ranks))}

    def export(self, module: nn.Module, folder: Path, details: Mapping[str, Any]) -> Path:
        """Write retriever.safetensors."""
        assert isinstance(module, RetrieverTraining)
        provenance = {**details, "encoder": self.pairs.encoder}
        return save_model(folder / "retriever.safetensors", module.retriever, provenance=provenance)


class RetrieverTraining(nn.Module):
    """The retriever with its loss as the loop expects it."""

    def __init__(self, retriever: Retriever) -> None:
        super().__init__()
        self.retriever = retriever

    def forward(self, motion: Tensor, music: Tensor, groups: Tensor) -> dict[str, Tensor]:
        """InfoNCE of windows (B, N, D) and (B, N, M); rows of one of the `groups` (B,) are no counter-examples."""
        return {"loss": self.retriever(motion, music, groups)}
