"""The choreographer's recipe: predict the next codes from the dance so far, music, genre and retrieved references."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.checkpoint import save_model
from infinitedance_cli.models.choreographer import Choreographer, ChoreographerConfig
from infinitedance_cli.models.dance_index import DanceIndex, Hit
from infinitedance_cli.models.references import reference_codes, reference_vectors
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion import genres
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.pairs import cut
from infinitedance_cli.stages.train.windows import Window, Windows


@dataclass(frozen=True)
class ReleasedFormConfig:
    """Sizes of the released form of the network (`models.choreographer_release`), small by default; the others follow
    from tokeniser and music. `choreographer_1b.yaml` beside this module holds the published ones.
    """

    backbone: BackboneConfig = BackboneConfig()
    bands: int = 2
    expert_heads: int = 8
    expert_state: int = 16
    style_dim: int = 64
    style_weight: float = 0.15
    steps: int = 96


@dataclass(frozen=True)
class ChoreographerRecipeConfig:
    """The network, how many references a window gets, and from how many of the best they are drawn.

    `form` is the paper's, whose sizes are `model`, or the one that was released, whose sizes are `released`.
    `keep` says which weights are exported: those of the `last` evaluation, or those with the `best` held-out loss,
    which come so early that they hardly follow the beat yet.
    """

    model: ChoreographerConfig = field(default_factory=ChoreographerConfig)
    form: Literal["paper", "released"] = "paper"
    released: ReleasedFormConfig = field(default_factory=ReleasedFormConfig)
    references: int = 4
    reference_pool: int = 10
    keep: Literal["last", "best"] = "last"


class ChoreographerTraining(nn.Module):
    """Condition and prediction in one forward call."""

    def __init__(self, choreographer: Choreographer) -> None:
        super().__init__()
        self.choreographer = choreographer

    def forward(
        self, codes: Tensor, previous: Tensor, valid: Tensor, music: Tensor, genre: Tensor, references: Tensor
    ) -> dict[str, Tensor]:
        """Losses of windows: codes (B, S, Q), references as codes (B, K, S, Q) where -1 marks a window without any."""
        network = self.choreographer
        vectors = reference_vectors(network.codebook, references.clamp(min=0))
        vectors = torch.where((references[..., :1] < 0), torch.zeros(()), vectors)
        condition = network.condition(music, genre, vectors)
        output = network(codes, condition, previous, valid)
        levels = {f"loss_{level}": value for level, value in enumerate(output.level_losses)}
        return {"loss": output.loss, **levels, "accuracy": output.accuracy[0]}


class ChoreographerRecipe:
    """Trains `models.choreographer.Choreographer`; see `loop.Recipe`."""

    name = "choreographer"

    def __init__(
        self,
        windows: Windows,
        tokenizer: Tokenizer,
        index: DanceIndex,
        config: ChoreographerRecipeConfig,
        licences: tuple[str, ...] = (),
    ) -> None:
        self.windows, self.index, self.config, self.licences = windows, index, config, licences
        # No held-out figure is called "step": the loop then takes every evaluation for an improvement.
        self.key_figure = "loss" if config.keep == "best" else "step"
        network = tokenizer.config.network
        music_dim = windows.first.music.shape[1]
        condition = replace(
            config.model.condition,
            music_dim=music_dim,
            genres=len(genres.NUMBERS),
            reference_dim=network.code_dim if config.references else 0,
        )
        self.model_config = replace(
            config.model,
            condition=condition,
            codebooks=network.codebooks,
            codebook_size=network.codebook_size,
            code_dim=network.code_dim,
        )
        self.codebook = tokenizer.network.codebooks()

    def build(self) -> nn.Module:
        """The choreographer with its loss, on the tokeniser's codebooks."""
        network = Choreographer(self.model_config)
        network.set_codebook(self.codebook)
        return ChoreographerTraining(network)

    def batch(self, where: Pass) -> dict[str, Tensor]:
        """Windows of codes with their music, genre and references."""
        return self._collate(self.windows.windows(where))

    def _collate(self, windows: Sequence[Window]) -> dict[str, Tensor]:
        length, rows = self.model_config.steps, [(window.pair, window.draw) for window in windows]
        nothing = np.full(self.model_config.codebooks, -1)
        before = [pair.codes[draw.start - 1] if draw.start else nothing for pair, draw in rows]
        return {
            "codes": torch.from_numpy(
                np.stack([cut(pair.codes, draw, length) for pair, draw in rows]).astype(np.int64)
            ),
            "previous": torch.from_numpy(np.stack(before).astype(np.int64)),
            "valid": torch.arange(length) < torch.tensor([draw.steps for _, draw in rows])[:, None],
            "music": torch.from_numpy(
                np.stack([cut(pair.music, draw, length) for pair, draw in rows]).astype(np.float32)
            ),
            "genre": torch.tensor([genres.NUMBERS.get(pair.genre, -1) for pair, _ in rows]),
            "references": torch.from_numpy(np.stack([self._references(window.hits) for window in windows])),
        }

    def _references(self, hits: Sequence[Hit]) -> NDArray[np.int64]:
        """Codes (count, S, Q); all -1 where there are none."""
        if hits:
            return reference_codes(self.index, hits, self.model_config.steps)
        return np.full((max(1, self.config.references), self.model_config.steps, self.model_config.codebooks), -1)

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        """Mean losses and accuracy over 192 held-out windows."""
        return mean_figures(module, self.windows, self._collate)

    def export(self, module: nn.Module, folder: Path, details: Mapping[str, Any]) -> Path:
        """Write choreographer.safetensors, with the genres and the licences of what it learned from."""
        assert isinstance(module, ChoreographerTraining)
        heard = {"genres": list(self.windows.genres), "encoder": self.windows.first.encoder}
        provenance = {**details, **heard, "licences": list(self.licences)}
        return save_model(folder / "choreographer.safetensors", module.choreographer, provenance=provenance)


def mean_figures(
    module: nn.Module, windows: Windows, collate: Callable[[list[Window]], dict[str, Tensor]]
) -> dict[str, float]:
    """Means of what a module says of six batches of 32 held-out windows."""
    random, device = np.random.default_rng(0), next(module.parameters()).device
    totals: dict[str, float] = {}
    batches = 6
    for _ in range(batches):
        batch = {name: rows.to(device) for name, rows in collate(windows.measured(32, random)).items()}
        for name, value in module(**batch).items():
            totals[name] = totals.get(name, 0.0) + float(value) / batches
    return totals
