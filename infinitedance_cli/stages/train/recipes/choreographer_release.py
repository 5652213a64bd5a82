"""The recipe of the released form of the choreographer: one position per code after a prefix of music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from infinitedance_cli.models.cadence_moe import MoEConfig
from infinitedance_cli.models.checkpoint import save_model
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer, ReleasedChoreographerConfig
from infinitedance_cli.models.conditioning import rank_weights
from infinitedance_cli.models.dance_index import DanceIndex, Hit
from infinitedance_cli.models.references import reference_codes
from infinitedance_cli.models.step_features import FPS
from infinitedance_cli.models.timeline import music_at_rate
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.genres import CLASSES, GENRES
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.pairs import cut
from infinitedance_cli.stages.train.recipes.choreographer import ChoreographerRecipeConfig, mean_figures
from infinitedance_cli.stages.train.windows import Window, Windows

_MUSIC_HZ = 25
_UNKNOWN_STYLE = CLASSES.index("popular")
"""What the release takes a dance of unknown style for."""


class ReleasedTraining(nn.Module):
    """Prefix and prediction in one forward call; the tokeniser, which is not trained, decodes the references."""

    def __init__(self, choreographer: ReleasedChoreographer, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.choreographer = choreographer
        self._tokenizers = (tokenizer,)  # in a tuple, so that it is no part of what is trained and saved

    def forward(
        self, codes: Tensor, valid: Tensor, music: Tensor, style: Tensor, references: Tensor
    ) -> dict[str, Tensor]:
        """Losses of windows: codes (B, S, Q), references as codes (B, K, S, Q) where -1 marks a window without any."""
        network, config = self.choreographer, self.choreographer.config
        prefix = network.condition(music, style, self._reference(references))
        loss, logits = network(codes, prefix, style, valid)
        places = torch.arange(config.codebooks, device=codes.device)
        first = config.code_offset + config.codebook_size * places
        right = (logits.detach().argmax(-1) == codes + first) & valid.unsqueeze(-1)
        return {"loss": loss, "accuracy": right[..., 0].sum() / valid.sum().clamp(min=1)}

    @torch.no_grad()
    def _reference(self, codes: Tensor) -> Tensor:
        """The z-scored features (B, T, D) of the references, summed with weights that fall with their rank."""
        tokenizer = self._tokenizers[0].to(codes.device)
        batch, count = codes.shape[:2]
        with torch.autocast(codes.device.type, enabled=False):
            features = tokenizer.normalise(tokenizer.decode(codes.clamp(min=0).flatten(0, 1)))
        weights = rank_weights(count).to(features)
        summed = torch.einsum("k,bktd->btd", weights, features.unflatten(0, (batch, count)))
        return torch.where(codes[:, 0, :1, :1] < 0, torch.zeros(()), summed)


class ReleasedRecipe:
    """Trains `models.choreographer_release.ReleasedChoreographer`; see `loop.Recipe`."""

    name = "choreographer"

    def __init__(
        self,
        windows: Windows,
        tokenizer: Tokenizer,
        index: DanceIndex,
        config: ChoreographerRecipeConfig,
        licences: tuple[str, ...] = (),
    ) -> None:
        self.windows, self.tokenizer, self.index, self.config, self.licences = (
            windows,
            tokenizer,
            index,
            config,
            licences,
        )
        self.key_figure = "loss" if config.keep == "best" else "step"
        sizes, network, rows = config.released, tokenizer.config.network, windows.first.rows
        assert rows is not None
        default = ReleasedChoreographerConfig
        self.model_config = ReleasedChoreographerConfig(
            backbone=sizes.backbone,
            moe=MoEConfig(sizes.bands, sizes.expert_heads, sizes.expert_state, attention_residual=False),
            music_dim=rows.shape[1],
            music_length=round(sizes.steps * tokenizer.stride / FPS * _MUSIC_HZ),
            reference_dim=network.features,
            reference_length=sizes.steps * tokenizer.stride,
            style_dim=sizes.style_dim,
            codebooks=network.codebooks,
            codebook_size=network.codebook_size,
            code_dim=network.code_dim,
            vocabulary=max(default.vocabulary, default.code_offset + network.codebooks * network.codebook_size),
            steps=sizes.steps,
            style_weight=sizes.style_weight,
        )

    def build(self) -> nn.Module:
        """The choreographer with its loss, on the tokeniser's codebooks."""
        network = ReleasedChoreographer(self.model_config)
        network.set_codebook(self.tokenizer.network.codebooks())
        return ReleasedTraining(network, self.tokenizer)

    def batch(self, where: Pass) -> dict[str, Tensor]:
        """Windows of codes with their music, style and references."""
        return self._collate(self.windows.windows(where))

    def _collate(self, windows: Sequence[Window]) -> dict[str, Tensor]:
        steps, rows = self.model_config.steps, [(window.pair, window.draw) for window in windows]
        families = [GENRES[pair.genre].family if pair.genre in GENRES else "" for pair, _ in rows]
        styles = [CLASSES.index(family) if family in CLASSES else _UNKNOWN_STYLE for family in families]
        codes = np.stack([cut(pair.codes, draw, steps) for pair, draw in rows])
        return {
            "codes": torch.from_numpy(codes.astype(np.int64)),
            "valid": torch.arange(steps) < torch.tensor([draw.steps for _, draw in rows])[:, None],
            "music": torch.from_numpy(np.stack([self._music(window) for window in windows])),
            "style": torch.tensor(styles),
            "references": torch.from_numpy(np.stack([self._references(window.hits) for window in windows])),
        }

    def _music(self, window: Window) -> NDArray[np.float32]:
        """The music's rows (music_length, M) from the window's first step on."""
        pair, rows = window.pair, window.pair.rows
        assert rows is not None
        first = int(window.draw.start * self.tokenizer.stride / FPS * _MUSIC_HZ + 1e-6)
        return music_at_rate(rows, pair.rate_hz, _MUSIC_HZ, first, self.model_config.music_length)

    def _references(self, hits: Sequence[Hit]) -> NDArray[np.int64]:
        """Codes (count, S, Q); all -1 where there are none."""
        if hits:
            return reference_codes(self.index, hits, self.model_config.steps)
        return np.full((max(1, self.config.references), self.model_config.steps, self.model_config.codebooks), -1)

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        """Mean loss, and accuracy of the first codes, over 192 held-out windows."""
        return mean_figures(module, self.windows, self._collate)

    def export(self, module: nn.Module, folder: Path, details: Mapping[str, Any]) -> Path:
        """Write choreographer.safetensors, with the genres and the licences of what it learned from."""
        assert isinstance(module, ReleasedTraining)
        heard = {"genres": list(self.windows.genres), "encoder": self.windows.first.encoder}
        provenance = {**details, **heard, "licences": list(self.licences)}
        return save_model(folder / "choreographer.safetensors", module.choreographer, provenance=provenance)
