"""One of several processes that train together: `python -m tests.stages.train.two_processes FOLDER`.

The same trainings without FOLDER's environment are what a single process makes of them.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from infinitedance_cli.errors import ConfigError, StageFailed
from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.checkpoint import full_state
from infinitedance_cli.models.retriever import RetrieverConfig
from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.tokenizer import TokenizerConfig
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stages.train.library import load_library
from infinitedance_cli.stages.train.loop import Recipe, train
from infinitedance_cli.stages.train.pairs import load_pairs
from infinitedance_cli.stages.train.recipes.choreographer import ChoreographerRecipeConfig, ReleasedFormConfig
from infinitedance_cli.stages.train.recipes.choreographer_release import ReleasedRecipe
from infinitedance_cli.stages.train.recipes.retriever import RetrieverRecipe, RetrieverRecipeConfig
from infinitedance_cli.stages.train.recipes.tokenizer import TokenizerRecipe, TokenizerRecipeConfig
from infinitedance_cli.stages.train.windows import Finder, HeldWindows
from tests.models.tiny_bundle import danced_clip, tiny_index, tiny_retriever, tiny_tokenizer
from tests.motion.samples import wandering_clip
from tests.stages.train.toy import ToyRecipe

STEPS = 12
LOOP = LoopConfig(
    steps=4,
    batch_size=4,
    warmup_steps=1,
    learning_rate=1e-3,
    final_share=1.0,
    evaluate_every=1,
    save_every=2,
    threads=1,
    ema_decay=0.0,
)


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


def pair_recipes() -> dict[str, Recipe]:
    """A retriever, and a choreographer in the released form, which draw nothing but windows at random."""
    tokenizer, retriever = tiny_tokenizer(), tiny_retriever()
    # Of the last clip half a window is padding: processes have different numbers of steps that count.
    pairs = load_pairs([*(danced_clip(150, seed) for seed in range(3)), danced_clip(40, 4)], tokenizer, with_rows=True)
    index = tiny_index(tokenizer, retriever)
    backbone = BackboneConfig(hidden=32, layers=2, heads=2, key_value_heads=1, intermediate=48, attention_dropout=0.0)
    released = ReleasedFormConfig(backbone=backbone, expert_heads=2, expert_state=4, style_dim=8, steps=STEPS)
    config = ChoreographerRecipeConfig(form="released", released=released, references=2, reference_pool=4)
    windows = HeldWindows(pairs, STEPS, 0, 3, Finder(retriever, index, 4, 2))
    small = RetrieverConfig(length=STEPS, width=16, layers=1, heads=2, feedforward=32, dropout=0.0)
    return {
        "retriever": RetrieverRecipe(HeldWindows(pairs, STEPS, 0, 4), RetrieverRecipeConfig(small)),
        "released": ReleasedRecipe(windows, tokenizer, index, config),
    }


def together(folder: Path, rank: str) -> None:
    """Train a tokeniser, six steps, two of them without codes; write this process's weights and what it saw."""
    model = TokenizerConfig(network=RVQConfig(width=16, code_dim=8, codebook_size=16, depth=1, quantize_dropout=0.5))
    config = TokenizerRecipeConfig(model=model, window=32, continuous_steps=2)
    recipe = WatchedRecipe(load_library([wandering_clip(90, seed) for seed in range(2)], 40), config, seed=0)
    loop = LoopConfig(steps=6, batch_size=4, accumulate=2, warmup_steps=1, evaluate_every=3, save_every=6, threads=1)
    train(recipe, loop, folder)
    weights = {name: value.clone() for name, value in full_state(recipe.network).items()}
    save_file(weights, folder / f"weights-{rank}.safetensors")
    (folder / f"seen-{rank}.json").write_text(json.dumps(recipe.seen))


def refused(folder: Path, loop: LoopConfig) -> str:
    """What a training that cannot be split is answered."""
    try:
        train(ToyRecipe(), loop, folder)
    except ConfigError as error:
        return str(error)
    return ""


def left_alone(folder: Path, rank: str) -> str:
    """The second process ends without a word before step 3: what the first one says."""

    def end(step: int, index: int) -> None:
        if step == 3 and rank == "1":
            os._exit(9)

    try:
        train(ToyRecipe(before_batch=end), replace(LOOP, steps=8), folder)
    except StageFailed as error:
        return str(error)
    return ""


def main(folder: Path) -> None:
    """All of it; the last training loses a process, and the other one writes what it was told."""
    rank = os.environ["RANK"]
    recipes = pair_recipes()  # alone: the tiny tokeniser clusters what all processes have
    together(folder, rank)
    for name, recipe in recipes.items():
        train(recipe, LOOP, folder / name)
    os.environ |= {
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_VERSION": "2",
        "FSDP_RESHARD_AFTER_FORWARD": "true",
        "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
        "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer,Expert",
        "FSDP_ACTIVATION_CHECKPOINTING": "true",
    }
    said = {"averaged": refused(folder / "toy", replace(LOOP, ema_decay=0.9))}
    train(recipes["released"], replace(LOOP, steps=2), folder / "sharded")
    train(recipes["released"], LOOP, folder / "sharded")  # goes on from shards that were put together
    del os.environ["ACCELERATE_USE_FSDP"]
    said["odd"] = refused(folder / "toy", replace(LOOP, batch_size=6, accumulate=2))
    said["alone"] = left_alone(folder / "lost", rank)
    (folder / f"said-{rank}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
