"""How well a tokeniser's codebooks are used, and how near decoded motion comes to the real one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.reconstruction import Reconstruction, compare
from infinitedance_cli.models.step_features import decode_codes, encode_features, for_networks, tokens_that_fit
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.tokenize.config import TokenizeConfig
from infinitedance_cli.stages.tokenize.stage import covering_features, tokens_of


@dataclass(frozen=True)
class LayerUse:
    """One codebook layer, from 1: codes `used` at least once, `dead` ones, and the effective number, `perplexity`."""

    layer: int
    used: int
    dead: int
    perplexity: float


@dataclass(frozen=True)
class ClipFigures:
    """Reconstruction of one clip, or of all: root-aligned joint error, and jerk over the real jerk (None: no jerk)."""

    clip_id: str
    frames: int
    mpjpe_mm: float
    jitter_ratio: float | None


@dataclass(frozen=True)
class Statistics:
    """Use of the codebook over all clips, and reconstruction of each clip and in all (weighted by frames)."""

    codebook_sha256: str
    codebook_size: int
    steps: int
    layers: tuple[LayerUse, ...]
    clips: tuple[ClipFigures, ...]
    total: ClipFigures


def measure(clips: Iterable[MotionClip], tokenizer: Tokenizer, config: TokenizeConfig) -> Statistics:
    """Statistics over all clips, one in memory at a time; tokens that a clip brings along are taken if they fit.

    Raises BadInput as `tokenize`, and when there is no clip.
    """
    network, sha256 = tokenizer.config.network, tokenizer.codebook_sha256
    tally = _Tally(np.zeros((network.codebooks, network.codebook_size), np.int64))
    for clip in map(for_networks, clips):
        real = covering_features(clip, tokenizer)
        if tokens_that_fit(clip, sha256) is None:
            codes = encode_features(real, tokenizer, config.refine, config.window_steps)
        else:
            codes = tokens_of(clip, tokenizer, sha256)
        decoded = decode_codes(codes, tokenizer, config.window_steps)[: clip.frames]
        tally.add(clip.clip_id, codes, compare(decoded, real[: len(decoded)], tokenizer.config.layout))
    if not tally.clips:
        raise BadInput("there are no clips to measure")
    return Statistics(
        codebook_sha256=sha256,
        codebook_size=network.codebook_size,
        steps=int(tally.counts[0].sum()),
        layers=tuple(layer_use(number, count) for number, count in enumerate(tally.counts, start=1)),
        clips=tuple(tally.clips),
        total=tally.total(),
    )


@dataclass
class _Tally:
    """Sums over the clips so far; `counts` (Q, K) of every code."""

    counts: NDArray[np.int64]
    clips: list[ClipFigures] = field(default_factory=list)
    jerk: float = 0.0
    real_jerk: float = 0.0

    def add(self, clip_id: str, codes: NDArray[np.int16], found: Reconstruction) -> None:
        """Count one clip."""
        for layer, count in enumerate(self.counts):
            count += np.bincount(codes[:, layer], minlength=len(count))
        frames = len(found.errors_mm)
        self.jerk, self.real_jerk = self.jerk + frames * found.jerk, self.real_jerk + frames * found.real_jerk
        self.clips.append(ClipFigures(clip_id, frames, found.mpjpe_mm, found.jitter_ratio))

    def total(self) -> ClipFigures:
        """All clips as one."""
        frames = sum(clip.frames for clip in self.clips)
        error = sum(clip.frames * clip.mpjpe_mm for clip in self.clips) / frames
        return ClipFigures("all", frames, error, self.jerk / self.real_jerk if self.real_jerk > 0 else None)


def layer_use(layer: int, counts: NDArray[np.int64]) -> LayerUse:
    """Use of one layer from the counts (K,) of its codes; perplexity is exp of the entropy of their shares."""
    used = counts[counts > 0]
    shares = used / max(1, counts.sum())
    perplexity = math.exp(-float(np.sum(shares * np.log(shares)))) if len(used) else 0.0
    return LayerUse(layer, len(used), len(counts) - len(used), perplexity)


def as_table(statistics: Statistics) -> str:
    """The statistics for people, two tables."""
    size = statistics.codebook_size
    lines = [f"codebook {statistics.codebook_sha256[:12]}, {size} codes a layer, {statistics.steps} steps", ""]
    lines.append(f"{'layer':>5} {'used':>6} {'share':>7} {'dead':>6} {'perplexity':>11}")
    for use in statistics.layers:
        share = f"{100 * use.used / size:.1f} %"
        lines.append(f"{use.layer:>5} {use.used:>6} {share:>7} {use.dead:>6} {use.perplexity:>11.1f}")
    width = max(len(row.clip_id) for row in (*statistics.clips, statistics.total))
    lines += ["", f"{'clip':<{width}} {'frames':>8} {'MPJPE mm':>9} {'jitter':>7}"]
    for row in (*statistics.clips, statistics.total):
        jitter = "–" if row.jitter_ratio is None else f"{row.jitter_ratio:.2f}"
        lines.append(f"{row.clip_id:<{width}} {row.frames:>8} {row.mpjpe_mm:>9.1f} {jitter:>7}")
    return "\n".join(lines)


def as_json(statistics: Statistics) -> dict[str, Any]:
    """The statistics as plain values; `all` is the sum over the clips."""
    return {
        "codebook_sha256": statistics.codebook_sha256,
        "codebook_size": statistics.codebook_size,
        "steps": statistics.steps,
        "layers": [vars(use) for use in statistics.layers],
        "clips": [vars(row) for row in statistics.clips],
        "all": {name: value for name, value in vars(statistics.total).items() if name != "clip_id"},
    }
