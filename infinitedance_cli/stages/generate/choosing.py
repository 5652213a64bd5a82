"""Which of several continuations goes on: the one that meets the beat, at a pace that dances of its genre have.

A model that continues a dance step by step knows the music, but small errors of timing add up. Every few seconds the
candidates are decoded, and how they move is compared with where the beats are.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from infinitedance_cli.models.generation import Selection
from infinitedance_cli.motion.beats import beat_alignment, kinematic_beats, offbeats
from infinitedance_cli.motion.features import features_to_joints, layout_named
from infinitedance_cli.stages.generate.brief import Commission
from infinitedance_cli.stages.generate.config import ChoiceConfig
from infinitedance_cli.stages.generate.finish import FPS

_LEAST_BEATS = 3


def selection(brief: Commission) -> Selection:
    """How the candidates of a dance are chosen from."""
    config = brief.config.choice
    return Selection(Chooser(brief), config.span, config.context)


class Chooser:
    """Names the best of the candidates; see `ChoiceConfig`."""

    def __init__(self, brief: Commission) -> None:
        self.config: ChoiceConfig = brief.config.choice
        self.tokenizer = brief.bundle.tokenizer
        self.music = brief.music
        self.pace = brief.bundle.index.pace(brief.genre.danced)

    def __call__(self, codes: Tensor, drawn: int, stop: int) -> int:
        """The row of codes (rows, n, Q) whose last `drawn` steps are danced best; they end before step `stop`."""
        stride, rows = self.tokenizer.stride, len(codes)
        layout = layout_named(self.tokenizer.config.layout)
        features = self.tokenizer.decode(codes.to(self.tokenizer.mean.device)).cpu().numpy()
        first, last = (stop - codes.shape[1]) * stride, stop * stride
        beats = self.music.beats * FPS
        beats = beats[(beats >= last - drawn * stride) & (beats < last)] - first
        new = slice((codes.shape[1] - drawn) * stride, None)
        return max(range(rows), key=lambda row: self.score(features_to_joints(features[row], layout), beats, new))

    def score(self, joints: NDArray[np.float32], beats: NDArray[np.float64], new: slice) -> float:
        """Beat gap on the `beats` (B,), frames of `joints` (T, 22, 3), less what its pace in the `new` frames costs."""
        return self._beat_gap(joints, beats) - self.config.pace_weight * self._strangeness(joints[new])

    def _beat_gap(self, joints: NDArray[np.float32], beats: NDArray[np.float64]) -> float:
        if len(beats) < _LEAST_BEATS:
            return 0.0
        motion = kinematic_beats(joints)
        return beat_alignment(beats, motion) - beat_alignment(offbeats(beats), motion)

    def _strangeness(self, joints: NDArray[np.float32]) -> float:
        """By how much (natural logarithm) the mean joint speed leaves the band that is usual in the genre."""
        if not self.pace or len(joints) < 2:
            return 0.0
        speed = float(np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean()) * FPS
        return max(0.0, abs(math.log(max(speed, 1e-6) / self.pace)) - self.config.pace_band)
