"""`accelerate launch -m infinitedance_cli train …`: the curve of one process, also after a kill, on any number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.tokenizer import TokenizerConfig
from infinitedance_cli.stages.train.augment import AugmentConfig
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stages.train.recipes.choreographer import ChoreographerRecipeConfig
from infinitedance_cli.stages.train.recipes.tokenizer import TokenizerRecipeConfig
from infinitedance_cli.stages.train.shards import ShardClips
from infinitedance_cli.stages.train.stage import (
    ChoreographerRun,
    Parts,
    TokenizerRun,
    train_choreographer,
    train_tokenizer,
)
from tests.models.tiny_bundle import tiny_choreographer, tiny_tokenizer
from tests.stages.train.launched import kill_all, launched, losses, settings_file, wait_for, write_shards

LOOP = LoopConfig(
    steps=12,
    batch_size=4,
    warmup_steps=2,
    learning_rate=1e-3,
    final_share=1.0,
    evaluate_every=1,
    save_every=3,
    threads=1,
)
TOLERANCE = 1e-3
"""Sums over windows are added up in another order; what is measured is up to 2e-5."""


def tokenizer_run() -> TokenizerRun:
    network = RVQConfig(width=16, code_dim=8, codebook_size=16, depth=1, quantize_dropout=0.3, sample_temperature=0.0)
    plain = AugmentConfig(tempo_range=0, recombine=0, amplitude=0, bend=0, tilt=0)
    recipe = TokenizerRecipeConfig(TokenizerConfig(network=network), window=32, continuous_steps=3, augment=plain)
    return TokenizerRun(LOOP, recipe)


def choreographer_run() -> ChoreographerRun:
    """Nothing that is drawn at random but the windows and their references."""
    model = tiny_choreographer(tiny_tokenizer()).config
    condition = replace(model.condition, drop_music=0.0, drop_genre=0.0, drop_references=0.0, drop_all=0.0)
    backbone = replace(model.backbone, attention_dropout=0.0)
    quiet = replace(model, condition=condition, backbone=backbone, dropout=0, history_dropout=0, history_noise=0)
    return ChoreographerRun(replace(LOOP, steps=6), ChoreographerRecipeConfig(quiet, references=2, reference_pool=4))


def assert_same_curve(found: Path, expected: Path, last: int) -> None:
    one, other = losses(found), losses(expected)
    assert list(one) == list(range(1, last + 1))
    for step in one:
        assert one[step] == pytest.approx(other[step], rel=TOLERANCE), f"step {step}"


def test_two_processes_are_killed_and_one_goes_on(tmp_path: Path) -> None:
    """Two processes, each with a loader, are killed in the middle; one goes on in the folder that they left."""
    shards, run = write_shards(tmp_path / "shards"), tokenizer_run()
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train_tokenizer(ShardClips([shards]), run, whole)
    settings = settings_file(tmp_path / "run.yaml", run)
    arguments = ("train", "tokenizer", shards, "-o", cut, "--config", settings, "--set", "loop.loaders=1")
    with launched(*arguments) as process:
        wait_for(process, cut / "state.safetensors")
        kill_all(process)
    reached = max(losses(cut))
    assert 3 <= reached < LOOP.steps
    (cut / ".state.safetensors.77").write_bytes(b"half a state")  # as a kill in the middle of saving leaves it
    train_tokenizer(ShardClips([shards]), run, cut)
    assert_same_curve(cut, whole, LOOP.steps)
    assert sorted(path.name for path in cut.iterdir()) == sorted(path.name for path in whole.iterdir())


def test_one_process_is_stopped_and_two_go_on(tmp_path: Path, tiny_bundle: Path) -> None:
    shards, run = write_shards(tmp_path / "shards", frames=150), choreographer_run()
    names = ("tokenizer", "retriever", "index")
    parts = Parts(*(tiny_bundle / f"{name}.safetensors" for name in names))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train_choreographer(ShardClips([shards]), run, whole, parts=parts)
    train_choreographer(ShardClips([shards]), replace(run, loop=replace(run.loop, steps=3)), cut, parts=parts)
    options = [text for name in names for text in (f"--{name}", str(tiny_bundle / f"{name}.safetensors"))]
    settings = settings_file(tmp_path / "run.yaml", run)
    with launched("train", "choreographer", shards, "-o", cut, "--config", settings, *options) as process:
        output = process.communicate(timeout=300)[0].decode()
    assert process.returncode == 0, output
    assert output.count("resuming at step 3 of 6") == 1
    one, other = losses(cut), losses(whole)
    assert {step: one[step] for step in range(4, 7)} == {
        step: pytest.approx(other[step], rel=TOLERANCE) for step in range(4, 7)
    }
