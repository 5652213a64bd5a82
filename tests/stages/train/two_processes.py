"""One of several processes that train a tokeniser together: `python -m tests.stages.train.two_processes FOLDER`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from infinitedance_cli.models.checkpoint import full_state
from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.tokenizer import TokenizerConfig
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stages.train.library import load_library
from infinitedance_cli.stages.train.loop import train
from infinitedance_cli.stages.train.recipes.tokenizer import TokenizerRecipe, TokenizerRecipeConfig
from tests.motion.samples import wandering_clip


class WatchedRecipe(TokenizerRecipe):
    """Keeps the network, and the first number of every batch."""

    def build(self) -> torch.nn.Module:
        self.network = super().build()
        self.seen: list[float] = []
        return self.network

    def batch(self, where: Pass) -> dict[str, torch.Tensor]:
        batch = super().batch(where)
        self.seen.append(float(batch["features"].double().sum()))
        return batch


def main(folder: Path) -> None:
    """Train six steps, two of them without codes; write this process's weights and what it saw."""
    rank = os.environ["RANK"]
    model = TokenizerConfig(network=RVQConfig(width=16, code_dim=8, codebook_size=16, depth=1, quantize_dropout=0.5))
    config = TokenizerRecipeConfig(model=model, window=32, continuous_steps=2)
    recipe = WatchedRecipe(load_library([wandering_clip(90, seed) for seed in range(2)], 40), config, seed=0)
    loop = LoopConfig(steps=6, batch_size=4, accumulate=2, warmup_steps=1, evaluate_every=3, save_every=6, threads=1)
    train(recipe, loop, folder)
    weights = {name: value.clone() for name, value in full_state(recipe.network).items()}
    save_file(weights, folder / f"weights-{rank}.safetensors")
    (folder / f"seen-{rank}.json").write_text(json.dumps(recipe.seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
