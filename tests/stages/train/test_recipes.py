from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.checkpoint import load_model, read_description
from infinitedance_cli.models.choreographer import ChoreographerConfig
from infinitedance_cli.models.dance_index import DanceIndex, build_index, save_index
from infinitedance_cli.models.reconstruction import LossWeights, Reconstruction, reconstruction_terms
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig
from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.tokenizer import Tokenizer, TokenizerConfig
from infinitedance_cli.motion.features import layout_named
from infinitedance_cli.motion.genres import NUMBERS
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.library import load_library
from infinitedance_cli.stages.train.pairs import PairSet, load_pairs
from infinitedance_cli.stages.train.recipes.choreographer import ChoreographerRecipe, ChoreographerRecipeConfig
from infinitedance_cli.stages.train.recipes.retriever import RetrieverRecipe, RetrieverRecipeConfig, source_number
from infinitedance_cli.stages.train.recipes.tokenizer import (
    HeldOutClip,
    TokenizerRecipe,
    TokenizerRecipeConfig,
    TokenizerTraining,
    block_statistics,
    summarise,
)
from infinitedance_cli.stages.train.stage import ChoreographerRun, Parts, train_choreographer
from infinitedance_cli.stages.train.windows import Finder, HeldWindows
from tests.models.tiny_bundle import STEPS, danced_clip, tiny_choreographer, tiny_index, tiny_retriever, tiny_tokenizer

CLIPS = [danced_clip(150, seed, split="held_out" if seed == 4 else "train") for seed in range(5)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


@pytest.fixture(scope="module")
def pairs(tokenizer: Tokenizer) -> PairSet:
    return load_pairs(CLIPS, tokenizer)


@pytest.fixture(scope="module")
def choreographer(tokenizer: Tokenizer, pairs: PairSet) -> ChoreographerRecipe:
    retriever = tiny_retriever()
    config = ChoreographerRecipeConfig(tiny_choreographer(tokenizer).config, references=2, reference_pool=4)
    return choreographer_recipe(pairs, tokenizer, tiny_index(tokenizer, retriever), config)


def choreographer_recipe(
    pairs: PairSet, tokenizer: Tokenizer, index: DanceIndex, config: ChoreographerRecipeConfig
) -> ChoreographerRecipe:
    finder = Finder(tiny_retriever(), index, config.reference_pool, config.references) if config.references else None
    return ChoreographerRecipe(HeldWindows(pairs, STEPS, 0, 3, finder), tokenizer, index, config)


def test_a_clip_is_never_its_own_reference(choreographer: ChoreographerRecipe) -> None:
    """The index holds every clip, and two of each genre: the reference is always of the other one."""
    index, random = choreographer.index, np.random.default_rng(0)
    assert isinstance(choreographer.windows, HeldWindows)
    book = choreographer.windows._books[0]
    for number, pair in enumerate(choreographer.windows.pairs.train):
        other = {0: 3, 3: 0, 1: 4, 2: 5}[int(pair.source.removeprefix("wandering-"))]
        windows = {index.clips[other].codes[start : start + STEPS].tobytes() for start in range(0, 22, 4)}
        for start in range(0, pair.steps, 5):
            drawn = book.draw(number, start, random)
            assert len(drawn) == 2 and all(index.codes(hit).tobytes() in windows for hit in drawn)


def test_variants_are_no_references_of_their_source(tokenizer: Tokenizer) -> None:
    retriever = tiny_retriever()
    config = ChoreographerRecipeConfig(tiny_choreographer(tokenizer).config, references=1)
    index = tiny_index(tokenizer, retriever)
    only = [clip for clip in index.clips if clip.clip_id == "wandering-0"]
    lonely = build_index(only, index.windows[index.windows[:, 0] == 0], np.eye(6, 16, dtype=np.float32), STEPS, {})
    clip = danced_clip()
    named = [type(clip)(**{**vars(clip), "clip_id": "wandering-0#2"})]
    recipe = choreographer_recipe(load_pairs(named, tokenizer), tokenizer, lonely, config)
    assert (recipe.batch(Pass(0, 4))["references"] == -1).all()


def test_choreographer_batches(choreographer: ChoreographerRecipe) -> None:
    batch = choreographer.batch(Pass(3, 6))
    again, other = choreographer.batch(Pass(3, 6)), choreographer.batch(Pass(4, 6))
    assert all(torch.equal(batch[name], again[name]) for name in batch)
    assert not torch.equal(batch["codes"], other["codes"])
    assert isinstance(choreographer.windows, HeldWindows)
    pairs = choreographer.windows.pairs.train
    for row in range(6):
        codes, previous = batch["codes"][row].numpy(), batch["previous"][row].numpy()
        found = [
            (pair, start)
            for pair in pairs
            for start in range(pair.steps - STEPS + 1)
            if np.array_equal(pair.codes[start : start + STEPS], codes)
        ]
        assert len(found) == 1
        pair, start = found[0]
        assert batch["genre"][row] == NUMBERS[pair.genre]
        np.testing.assert_array_equal(batch["music"][row], pair.music[start : start + STEPS].astype(np.float32))
        expected = pair.codes[start - 1] if start else [-1, -1, -1]
        np.testing.assert_array_equal(previous, expected)


def test_the_choreographer_is_fitted_to_its_parts(choreographer: ChoreographerRecipe, tokenizer: Tokenizer) -> None:
    assert choreographer.model_config.condition.genres == 30
    network = choreographer.build().choreographer
    assert torch.equal(network.codebook, tokenizer.network.codebooks())  # type: ignore[arg-type, union-attr]


def test_without_references_the_network_has_none(tokenizer: Tokenizer, pairs: PairSet) -> None:
    retriever, model = tiny_retriever(), ChoreographerConfig(steps=STEPS)
    config = ChoreographerRecipeConfig(model, references=0)
    recipe = choreographer_recipe(pairs, tokenizer, tiny_index(tokenizer, retriever), config)
    assert recipe.model_config.condition.reference_dim == 0


def test_exported_choreographer_says_what_it_learned_from(choreographer: ChoreographerRecipe, tmp_path: Path) -> None:
    path = choreographer.export(choreographer.build(), tmp_path, {"step": 7})
    learned = {"genres": ["breaking", "hip-hop", "salsa"], "encoder": "spectral", "licences": []}
    assert read_description(path).provenance == {"step": 7, **learned}


def test_windows_of_one_clip_are_no_counter_examples(pairs: PairSet) -> None:
    recipe = RetrieverRecipe(
        HeldWindows(pairs, 8, 0, 4), RetrieverRecipeConfig(RetrieverConfig(length=8, width=16, heads=2))
    )
    batch = recipe.batch(Pass(0, 32))
    for row, group in enumerate(batch["groups"].tolist()):
        pair = next(pair for pair in pairs.train if source_number(pair.source) == group)
        rows = pair.motion.astype(np.float32)
        window = batch["motion"][row].numpy()
        assert any(np.array_equal(rows[start : start + 8], window) for start in range(pair.steps - 7))


def test_the_retriever_learns_which_music_belongs_to_which_dance(pairs: PairSet) -> None:
    recipe = RetrieverRecipe(
        HeldWindows(pairs, 8, 0, 4),
        RetrieverRecipeConfig(RetrieverConfig(length=8, width=16, heads=2, layers=1, dropout=0.0)),
    )
    torch.manual_seed(0)
    module = recipe.build()
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    losses = []
    for step in range(60):
        loss = module(**recipe.batch(Pass(step, 16)))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-10:]) < 0.3 * np.mean(losses[:10])


def small_tokenizer_recipe(continuous_steps: int = 2) -> TokenizerRecipe:
    model = TokenizerConfig(network=RVQConfig(width=16, code_dim=8, codebook_size=16, depth=1, quantize_dropout=0.0))
    config = TokenizerRecipeConfig(model=model, window=32, continuous_steps=continuous_steps)
    return TokenizerRecipe(load_library(CLIPS[:3], 40), config, seed=0)


def test_codebooks_start_from_latents_of_the_continuous_steps() -> None:
    recipe = small_tokenizer_recipe()
    module = recipe.build().train()
    assert isinstance(module, TokenizerTraining)
    codebooks = module.tokenizer.network.codebooks
    for step in range(2):
        assert not codebooks().any()
        assert "commit" not in module(**recipe.batch(Pass(step, 8)))
    assert codebooks().flatten(1).std(1).min() > 0
    assert "commit" in module(**recipe.batch(Pass(2, 8)))


def test_perfect_reconstruction_costs_nothing() -> None:
    recipe = small_tokenizer_recipe()
    module = recipe.build()
    assert isinstance(module, TokenizerTraining)
    target = module.tokenizer.normalise(recipe.batch(Pass(0, 2))["features"])
    terms = reconstruction_terms(target, target, module.tokenizer.deviation, "paper-259")
    assert set(terms) | {"commit"} == set(vars(LossWeights()))
    bounds = {"speed": 30 * 2e-5, "acceleration": 900 * 2e-5}  # lengths are softened by 1e-5 m
    assert all(float(value) <= bounds.get(name, 2e-5) for name, value in terms.items())


def test_an_offset_of_one_joint_by_hand() -> None:
    """Joint 1 is 0.21 m off in every frame: 10 mm over the 21 joints that have columns, and no speed."""
    recipe = small_tokenizer_recipe()
    module = recipe.build()
    assert isinstance(module, TokenizerTraining)
    tokenizer = module.tokenizer
    features = recipe.batch(Pass(0, 2))["features"]
    column = layout_named("paper-259").block("joint_position").start
    moved = features.clone()
    moved[..., column] += 0.21
    terms = reconstruction_terms(
        tokenizer.normalise(moved), tokenizer.normalise(features), tokenizer.deviation, "paper-259"
    )
    assert float(terms["position"]) == pytest.approx(0.01, rel=1e-3)
    assert float(terms["speed"]) < 1e-2 and float(terms["rotation"]) == 0


def test_one_deviation_for_a_block() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 259)).astype(np.float32)
    rows[:, 100] *= 30
    mean, deviation = block_statistics([rows[:20], rows[20:]], "paper-259")
    torch.testing.assert_close(mean, torch.from_numpy(rows.mean(0)))
    positions = layout_named("paper-259").block("joint_position")
    assert len(set(deviation[positions].tolist())) == 1
    assert deviation[0] == pytest.approx(float(rows[:, 0].std()), rel=1e-5)


def test_figures_of_held_out_clips_by_hand() -> None:
    rows = [
        HeldOutClip("cmu", Reconstruction(np.full((10, 22), 40.0, np.float32), jerk=2.0, real_jerk=1.0)),
        HeldOutClip("g1", Reconstruction(np.full((30, 22), 20.0, np.float32), jerk=1.0, real_jerk=1.0)),
    ]
    expected = {"mpjpe_mm": 25.0, "jitter_ratio": 1.25, "mpjpe_mm_cmu": 40.0, "mpjpe_mm_g1": 20.0}
    assert summarise(rows) == pytest.approx(expected)


def test_an_index_of_another_tokenizer_is_refused(tiny_bundle: Path, tmp_path: Path, tokenizer: Tokenizer) -> None:
    index = tiny_index(tokenizer, load_model(tiny_bundle / "retriever.safetensors", Retriever))
    index.details["codebook_sha256"] = "0" * 64
    save_index(index, tmp_path / "index.safetensors")
    parts = Parts(
        tiny_bundle / "tokenizer.safetensors", tiny_bundle / "retriever.safetensors", tmp_path / "index.safetensors"
    )
    with pytest.raises(BadInput, match="the index holds codes of the codebook 000000000000…"):
        train_choreographer(CLIPS, ChoreographerRun(), tmp_path / "out", parts=parts)
