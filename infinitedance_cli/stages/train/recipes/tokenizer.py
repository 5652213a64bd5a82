"""The tokeniser's recipe: reconstruct augmented motion through the residual quantiser (InfiniteDance section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infinitedance_cli.models.checkpoint import save_model
from infinitedance_cli.models.reconstruction import LossWeights, Reconstruction, compare, reconstruction_terms
from infinitedance_cli.models.tokenizer import Tokenizer, TokenizerConfig
from infinitedance_cli.motion.features import layout_named
from infinitedance_cli.stages.train.augment import AugmentConfig, Motion
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.library import FeaturePool, Library, to_features
from infinitedance_cli.stages.train.streamed import StreamedFeatures, StreamedLibrary


@dataclass(frozen=True)
class TokenizerRecipeConfig:
    """The network, windows of `window` frames, augmentation and loss.

    For the first `continuous_steps` the latents are not quantised; the codebooks then start from clusters of latents
    that already mean something, which saves thousands of steps.
    """

    model: TokenizerConfig = field(default_factory=TokenizerConfig)
    window: int = 64
    continuous_steps: int = 400
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossWeights = field(default_factory=LossWeights)


_CLUSTERED_PASSES = 16


class TokenizerTraining(nn.Module):
    """The tokeniser with its loss, so that one forward call does a training step's work on any number of processes."""

    passes: Tensor

    def __init__(self, tokenizer: Tokenizer, weights: LossWeights, continuous_steps: int) -> None:
        super().__init__()
        self.tokenizer, self.weights, self.continuous_steps = tokenizer, weights, continuous_steps
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))
        self._latents: list[Tensor] = []

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Losses of windows (B, T, D) of raw features."""
        target = self.tokenizer.normalise(features)
        self.passes += 1
        if int(self.passes) <= self.continuous_steps:
            return self._continuous(target)
        output = self.tokenizer(target)
        terms = self._terms(output.reconstruction, target)
        terms["commit"] = output.commit_loss
        return {**self._weighted(terms), "perplexity": output.perplexity[output.perplexity > 0].mean()}

    def _continuous(self, target: Tensor) -> dict[str, Tensor]:
        network = self.tokenizer.network
        latent = network.latent(target)
        left = self.continuous_steps - int(self.passes)
        if left < _CLUSTERED_PASSES:
            self._latents.append(latent.detach().float().flatten(0, 1))
        if left == 0:
            network.quantizer.initialise(torch.cat(self._latents), len(self._latents))
            self._latents.clear()
        return self._weighted(self._terms(network.decode_embedding(latent), target))

    def _terms(self, predicted: Tensor, target: Tensor) -> dict[str, Tensor]:
        return reconstruction_terms(predicted, target, self.tokenizer.deviation, self.tokenizer.config.layout)

    def _weighted(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"loss": self.weights.weighted(terms), **terms}


def block_statistics(sequences: list[np.ndarray], layout: str) -> tuple[Tensor, Tensor]:
    """Mean (D,) and deviation (D,) over frames; one deviation per block, so that millimetres weigh alike in it."""
    rows = np.concatenate(sequences)
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    named = layout_named(layout)
    for name in named.block_names:
        if named.block(name).stop - named.block(name).start > 4:
            deviation[named.block(name)] = deviation[named.block(name)].mean()
    return torch.from_numpy(mean), torch.from_numpy(np.maximum(deviation, 1e-4))


class TokenizerRecipe:
    """Trains `models.tokenizer.Tokenizer`; see `loop.Recipe`."""

    name = "tokenizer"
    key_figure = "mpjpe_mm"

    def __init__(self, library: Library | StreamedLibrary, config: TokenizerRecipeConfig, seed: int) -> None:
        self.config, self.measured = config, library.measured
        self.pool: FeaturePool | StreamedFeatures = library.features(
            config.model.layout, config.augment, seed, config.window
        )

    def build(self) -> nn.Module:
        """The tokeniser with its loss, normalised by the first augmented variants."""
        mean, deviation = block_statistics(self.pool.sequences(0), self.config.model.layout)
        tokenizer = Tokenizer(self.config.model)
        tokenizer.set_statistics(mean, deviation)
        return TokenizerTraining(tokenizer, self.config.loss, self.config.continuous_steps)

    def batch(self, where: Pass) -> dict[str, Tensor]:
        """Windows of raw features (own, window, D)."""
        return {"features": torch.from_numpy(self.pool.windows(where))}

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        """Joint error and jitter of the held-out clips; see `summarise`."""
        assert isinstance(module, TokenizerTraining)
        tokenizer = module.tokenizer
        return summarise([measure(tokenizer, motion) for motion in self.measured])

    def export(self, module: nn.Module, folder: Path, details: Mapping[str, Any]) -> Path:
        """Write tokenizer.safetensors."""
        assert isinstance(module, TokenizerTraining)
        return save_model(folder / "tokenizer.safetensors", module.tokenizer, provenance=dict(details))


@dataclass(frozen=True)
class HeldOutClip:
    """How one held-out clip was reconstructed, and the source that it belongs to."""

    source: str
    reconstruction: Reconstruction


def measure(tokenizer: Tokenizer, motion: Motion) -> HeldOutClip:
    """Encode and decode one motion."""
    layout = tokenizer.config.layout
    features = torch.from_numpy(to_features(motion, layout))[None]
    decoded = tokenizer.decode(tokenizer.encode(features.to(tokenizer.mean.device)))[0].cpu().numpy()
    real = features[0, : len(decoded)].numpy()
    return HeldOutClip(motion.clip.split("__")[0].split("_")[0], compare(decoded, real, layout))


def summarise(rows: list[HeldOutClip]) -> dict[str, float]:
    """Mean joint error over all frames and by source, mm, and jitter over the real jitter, weighted by frames."""
    errors = [row.reconstruction.errors_mm for row in rows]
    frames = np.array([len(part) for part in errors])
    jerk, real_jerk = (frames @ [getattr(row.reconstruction, name) for row in rows] for name in ("jerk", "real_jerk"))
    figures = {"mpjpe_mm": float(np.concatenate(errors).mean()), "jitter_ratio": float(jerk / max(real_jerk, 1e-12))}
    for source in sorted({row.source for row in rows}):
        of_source = [part for part, row in zip(errors, rows, strict=True) if row.source == source]
        figures[f"mpjpe_mm_{source}"] = float(np.concatenate(of_source).mean())
    return figures
