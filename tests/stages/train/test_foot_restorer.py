from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from infinitedance_cli.models.checkpoint import load_model, read_description
from infinitedance_cli.models.foot_restorer import FootRestorer, FootRestorerConfig
from infinitedance_cli.models.foot_restorer_damage import DamageRange
from infinitedance_cli.models.foot_restorer_features import OWNED
from infinitedance_cli.motion.features import PAPER_259
from infinitedance_cli.stages.train.augment import AugmentConfig
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.library import load_library
from infinitedance_cli.stages.train.recipes.foot_restorer import (
    FootRestorerRecipe,
    FootRestorerRecipeConfig,
    FootRestorerTraining,
)
from infinitedance_cli.stream.codec import encode
from tests.conftest import RunIdance
from tests.models.tiny_bundle import danced_clip
from tests.motion.samples import crouch, standing_clip

CLIPS = [danced_clip(150, seed, split="held_out" if seed == 2 else "train") for seed in range(3)]
CONFIG = FootRestorerRecipeConfig(
    model=FootRestorerConfig(width=32, layers=1, heads=2, feedforward=32, window=40), short_window=20
)


def recipe(config: FootRestorerRecipeConfig = CONFIG) -> FootRestorerRecipe:
    return FootRestorerRecipe(load_library(CLIPS, 20), config, seed=0)


def test_batches_are_a_function_of_step_and_stream() -> None:
    one, other = recipe(), recipe()
    first, again = one.batch(Pass(5, 6)), other.batch(Pass(5, 6))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["clean"], one.batch(Pass(5, 6, 1))["clean"])
    lengths = {one.batch(Pass(step, 6))["clean"].shape[:2] for step in range(12)}
    assert lengths == {(6, 40), (12, 20)}


def test_damage_reaches_the_owned_columns_only() -> None:
    batch = recipe(replace(CONFIG, damage=DamageRange(clean=0.5, chance=1.0))).batch(Pass(0, 24))
    fixed = np.setdiff1d(np.arange(259), OWNED)
    apart = (batch["observed"] - batch["clean"]).abs()
    assert apart[..., fixed].max() < 1e-5
    worst = apart[..., PAPER_259.block("root_height")].amax(dim=(1, 2))
    damaged = batch["damaged"] > 0
    assert 0 < int(damaged[:, 1].sum()) < 24
    assert worst[damaged[:, 1]].min() > 5e-3 and worst[~damaged.any(dim=1)].max() < 1e-3  # shaking is taken out of all
    slides = batch["shift"].abs().amax(dim=(1, 2))
    assert slides[damaged[:, 0]].min() > 5e-3 and slides[~damaged.any(dim=1)].max() < 1e-3


def test_a_tiny_network_learns_how_high_one_dance_is() -> None:
    """A clip that floats or sinks by 5 cm, or does not: after some steps more than half of the error is gone."""
    dancer = crouch(standing_clip(150), 0.35 - 0.25 * np.cos(np.arange(150) / 6))
    ranges = DamageRange(clean=0.3, chance=1.0, skating=(1e-6, 2e-6), jitter=(1e-6, 2e-6), height=(0.05, 0.051))
    config = replace(
        CONFIG, damage=ranges, blind=0.0, short_share=0.0, augment=AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0, 0)
    )
    made = FootRestorerRecipe(load_library([dancer], 20), config, seed=0)
    torch.manual_seed(0)
    module = made.build()
    assert isinstance(module, FootRestorerTraining)
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    for step in range(100):
        loss = module(**made.batch(Pass(step, 16)))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        figures = made.evaluate(module.eval())
    assert figures["height_mm_damaged"] > 25
    assert figures["height_mm"] < 0.5 * figures["height_mm_damaged"]


def test_exported_weights_restore_the_same(tmp_path: Path) -> None:
    made = recipe()
    module = made.build()
    path = made.export(module, tmp_path, {"step": 3})
    assert read_description(path).provenance == {"step": 3, "licences": []}
    loaded = load_model(path, FootRestorer)
    assert loaded.config == CONFIG.model
    torch.testing.assert_close(loaded.mean, module.restorer.mean)  # type: ignore[union-attr]


def test_smoke(tmp_path: Path, run_idance: RunIdance) -> None:
    (tmp_path / "clips.h5").write_bytes(encode(danced_clip(150, 0)))
    result = run_idance("train", "foot-restorer", tmp_path / "clips.h5", "-o", tmp_path / "out", "--smoke")
    assert (result.returncode, result.stdout) == (0, b""), result.stderr.decode()
    assert read_description(tmp_path / "out" / "foot_restorer.safetensors").kind == "FootRestorer"
    figures = (tmp_path / "out" / "figures.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in figures] == [6, 12]
