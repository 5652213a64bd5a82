"""Train one network from clips: what `idance train …` and the starter's recipe call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from infinitedance_cli.models.bundle import STARTER, part_path
from infinitedance_cli.models.checkpoint import load_model, weights_sha256
from infinitedance_cli.models.choreographer import ChoreographerConfig
from infinitedance_cli.models.dance_index import load_index
from infinitedance_cli.models.foot_restorer import FootRestorerConfig
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig
from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.tokenizer import Tokenizer, TokenizerConfig
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stages.train.library import load_library
from infinitedance_cli.stages.train.loop import Recipe, train
from infinitedance_cli.stages.train.recipes.choreographer import ChoreographerRecipe, ChoreographerRecipeConfig
from infinitedance_cli.stages.train.recipes.choreographer_release import ReleasedRecipe
from infinitedance_cli.stages.train.recipes.foot_restorer import FootRestorerRecipe, FootRestorerRecipeConfig
from infinitedance_cli.stages.train.recipes.retriever import RetrieverRecipe, RetrieverRecipeConfig
from infinitedance_cli.stages.train.recipes.tokenizer import TokenizerRecipe, TokenizerRecipeConfig
from infinitedance_cli.stages.train.shards import ShardClips
from infinitedance_cli.stages.train.streamed import StreamedLibrary
from infinitedance_cli.stages.train.windows import Finder, windows_of

_SMOKE = LoopConfig(steps=12, batch_size=4, warmup_steps=2, evaluate_every=6, save_every=6, log_every=6)


@dataclass(frozen=True)
class TokenizerRun:
    """Settings of `idance train tokenizer`."""

    loop: LoopConfig = field(default_factory=LoopConfig)
    recipe: TokenizerRecipeConfig = field(default_factory=TokenizerRecipeConfig)


@dataclass(frozen=True)
class RetrieverRun:
    """Settings of `idance train retriever`."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=1500))
    recipe: RetrieverRecipeConfig = field(default_factory=RetrieverRecipeConfig)


@dataclass(frozen=True)
class ChoreographerRun:
    """Settings of `idance train choreographer`."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=4000, weight_decay=0.05))
    recipe: ChoreographerRecipeConfig = field(default_factory=ChoreographerRecipeConfig)


@dataclass(frozen=True)
class FootRestorerRun:
    """Settings of `idance train foot-restorer`."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=4000, batch_size=32, learning_rate=1e-3))
    recipe: FootRestorerRecipeConfig = field(default_factory=FootRestorerRecipeConfig)


@dataclass(frozen=True)
class Parts:
    """Networks that a later one is trained on; the starter's where a file is not given, or called that."""

    tokenizer: Path | None = None
    retriever: Path | None = None
    index: Path | None = None

    def file(self, part: str) -> Path:
        """The file of a part, given as file or as the folder with it; raises MissingResource without a starter."""
        given: Path | None = getattr(self, part)
        if given is not None and not given.is_dir() and str(given) != STARTER:
            return given
        return part_path(STARTER if given is None else str(given), part)


def train_tokenizer(
    clips: Iterable[MotionClip], run: TokenizerRun, folder: Path, *, smoke: bool = False
) -> dict[str, float]:
    """Train the tokeniser into `folder`; returns held-out figures. Raises as `loop.train` and `load_library`."""
    if smoke:
        small = TokenizerConfig(run.recipe.model.layout, RVQConfig(width=32, code_dim=16, depth=1, codebook_size=32))
        run = TokenizerRun(replace(_SMOKE, seed=run.loop.seed), replace(run.recipe, model=small, continuous_steps=4))
        clips = islice(clips, 1)
    least = run.recipe.window + 2
    library = StreamedLibrary(clips, least) if isinstance(clips, ShardClips) else load_library(clips, least)
    return train(TokenizerRecipe(library, run.recipe, run.loop.seed), run.loop, folder)


def train_retriever(
    clips: Iterable[MotionClip], run: RetrieverRun, folder: Path, *, parts: Parts | None = None, smoke: bool = False
) -> dict[str, float]:
    """Train the retriever into `folder` on clips with music features; returns held-out figures."""
    tokenizer = load_model((parts or Parts()).file("tokenizer"), Tokenizer)
    if smoke:
        small = RetrieverConfig(length=run.recipe.model.length, width=16, layers=1, feedforward=32)
        run = RetrieverRun(replace(_SMOKE, seed=run.loop.seed), RetrieverRecipeConfig(small))
        clips = islice(clips, 1)
    windows = windows_of(clips, tokenizer, run.recipe.model.length, run.loop.seed, 4)
    return train(RetrieverRecipe(windows, run.recipe), run.loop, folder)


def train_choreographer(
    clips: Iterable[MotionClip],
    run: ChoreographerRun,
    folder: Path,
    *,
    parts: Parts | None = None,
    licences: tuple[str, ...] = (),
    smoke: bool = False,
) -> dict[str, float]:
    """Train ChoreoLLaMA into `folder` on clips with music features; returns held-out figures."""
    parts = parts or Parts()
    tokenizer = load_model(parts.file("tokenizer"), Tokenizer)
    retriever = load_model(parts.file("retriever"), Retriever)
    index = load_index(parts.file("index"))
    index.require_maker(codebook_sha256=tokenizer.codebook_sha256, retriever_sha256=weights_sha256(retriever))
    if smoke:
        run = replace(run, loop=replace(_SMOKE, seed=run.loop.seed), recipe=_tiny(run.recipe))
        clips = islice(clips, 1)
    config, seed = run.recipe, run.loop.seed
    finder = Finder(retriever, index, config.reference_pool, config.references) if config.references else None
    recipe: Recipe
    if config.form == "released":
        windows = windows_of(clips, tokenizer, config.released.steps, seed, 3, finder, with_rows=True)
        recipe = ReleasedRecipe(windows, tokenizer, index, config, licences)
    else:
        windows = windows_of(clips, tokenizer, config.model.steps, seed, 3, finder)
        recipe = ChoreographerRecipe(windows, tokenizer, index, config, licences)
    return train(recipe, run.loop, folder)


def train_foot_restorer(
    clips: Iterable[MotionClip],
    run: FootRestorerRun,
    folder: Path,
    *,
    licences: tuple[str, ...] = (),
    smoke: bool = False,
) -> dict[str, float]:
    """Train the foot restorer into `folder`; returns held-out figures. Raises as `loop.train` and `load_library`."""
    if smoke:
        small = FootRestorerConfig(width=16, layers=1, heads=2, feedforward=16, window=run.recipe.model.window)
        run = FootRestorerRun(replace(_SMOKE, seed=run.loop.seed), replace(run.recipe, model=small))
        clips = islice(clips, 1)
    library = load_library(clips, run.recipe.short_window)
    return train(FootRestorerRecipe(library, run.recipe, run.loop.seed, licences), run.loop, folder)


def _tiny(recipe: ChoreographerRecipeConfig) -> ChoreographerRecipeConfig:
    model: ChoreographerConfig = recipe.model
    backbone = replace(model.backbone, hidden=32, layers=1, heads=2, key_value_heads=1, intermediate=64)
    moe = replace(model.condition.moe, bands=2, heads=2)
    condition = replace(model.condition, genre_dim=8, moe=moe)
    released = replace(recipe.released, backbone=backbone, expert_heads=2, expert_state=4, style_dim=8)
    return replace(recipe, model=replace(model, backbone=backbone, condition=condition), released=released)
