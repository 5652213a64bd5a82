"""The released form of the choreographer, trained on our own clips, and its settings at the published size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file

from infinitedance_cli.config import resolve
from infinitedance_cli.models.checkpoint import load_model
from infinitedance_cli.models.choreographer_release import STYLES, ReleasedChoreographer, ReleasedChoreographerConfig
from infinitedance_cli.models.dance_index import Hit
from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.tokenizer import Tokenizer, TokenizerConfig
from infinitedance_cli.stages.train import recipes
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.pairs import Pair
from infinitedance_cli.stages.train.recipes.choreographer_release import ReleasedRecipe, ReleasedTraining
from infinitedance_cli.stages.train.stage import ChoreographerRun
from infinitedance_cli.stages.train.windows import Window
from tests.stages.train.two_processes import STEPS, pair_recipes

SETTINGS = Path(recipes.__file__).parent


@pytest.fixture(scope="module")
def recipe() -> ReleasedRecipe:
    made = pair_recipes()["released"]
    assert isinstance(made, ReleasedRecipe)
    return made


def test_windows_hear_their_own_music_at_25_hz(recipe: ReleasedRecipe) -> None:
    """Music whose only feature is its row at 50 Hz: step 6 begins after 0.8 s, at row 40."""
    rows = np.arange(400, dtype=np.float32)[:, None]
    pair = replace(recipe.windows.first, rows=rows, rate_hz=50.0, genre="rumba")
    window = next(iter(recipe.windows.windows(Pass(0, 4))))
    music = recipe._music(Window(pair, replace(window.draw, start=6)))
    np.testing.assert_allclose(music[:, 0], 40 + 2 * np.arange(round(STEPS * 4 / 30 * 25)), atol=1e-4)
    batch = recipe._collate([replace(window, pair=replace(pair, rows=window.pair.rows)), window])
    assert [STYLES[style] for style in batch["style"].tolist()] == ["Latin", "Popular"]


def test_references_are_decoded_and_weighted_by_rank(recipe: ReleasedRecipe) -> None:
    module = recipe.build().eval()
    assert isinstance(module, ReleasedTraining)
    hits = [Hit(0.9, 0, 4), Hit(0.5, 3, 8)]
    codes = torch.from_numpy(np.stack([recipe._references(hits), recipe._references([])]))
    decoded = recipe.tokenizer.normalise(recipe.tokenizer.decode(codes[0])).detach()
    found = module._reference(codes)
    torch.testing.assert_close(found[0], decoded[0] * 2 / 3 + decoded[1] / 3)
    assert not found[1].any() and found.shape == (2, 4 * STEPS, 259)


def test_steps_beyond_the_end_of_a_clip_do_not_count(recipe: ReleasedRecipe) -> None:
    module = recipe.build().eval()
    batch = recipe.batch(Pass(0, 8))
    short = int((~batch["valid"]).sum(1).argmax())
    row = {name: values[short : short + 1] for name, values in batch.items()}
    assert 0 < int(row["valid"].sum()) < STEPS
    changed = torch.where(row["valid"].unsqueeze(-1), row["codes"], (row["codes"] + 1) % 32)
    module.choreographer.config = replace(module.choreographer.config, style_weight=0.0)  # type: ignore[union-attr]
    with torch.no_grad():
        one, other = module(**row)["loss"], module(**{**row, "codes": changed})["loss"]
    torch.testing.assert_close(one, other)


def test_it_learns_and_is_loaded_as_the_released_one(recipe: ReleasedRecipe, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = recipe.build()
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    batch, losses = recipe.batch(Pass(0, 4)), []
    for _ in range(40):
        loss = module(**batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    path = recipe.export(module, tmp_path, {"step": 40})
    loaded = load_model(path, ReleasedChoreographer)
    assert torch.equal(loaded.llama.lm_head.weight, module.choreographer.llama.lm_head.weight)  # type: ignore[union-attr]


class Published:
    """Windows of music as MuQ hears it."""

    genres = ("salsa",)
    first = Pair("a", "a", "salsa", *np.zeros((3, 1, 1), np.int16), "muq", np.zeros((1, 1024), np.float16), 25.0)


def test_settings_of_the_published_size(recipe: ReleasedRecipe) -> None:
    run = resolve(ChoreographerRun, file=SETTINGS / "choreographer_1b.yaml")
    with torch.device("meta"):
        tokenizer = Tokenizer(TokenizerConfig("release-264", RVQConfig.release(2)))
    made = ReleasedRecipe(Published(), tokenizer, recipe.index, run.recipe)  # type: ignore[arg-type]
    assert made.model_config == ReleasedChoreographerConfig()
    assert run.loop.ema_decay == 0 and run.loop.precision == "bf16"
    run.loop.check_processes(8)


def test_settings_of_accelerate(recipe: ReleasedRecipe) -> None:
    """Accelerate reads the file, and the layers that it names are layers of the network."""
    path = SETTINGS / "fsdp_8_gpus.yaml"
    config = load_config_from_file(str(path))
    assert config.num_processes == 8 and config.fsdp_config["fsdp_version"] == 2
    wrapped = yaml.safe_load(path.read_text())["fsdp_config"]["fsdp_transformer_layer_cls_to_wrap"].split(",")
    assert set(wrapped) <= {type(module).__name__ for module in recipe.build().modules()}
