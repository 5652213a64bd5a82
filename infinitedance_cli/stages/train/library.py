"""The motion that training draws from: clips in memory, and a pool of augmented variants as feature sequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.step_features import FPS, for_networks
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import clip_to_features, layout_named
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, default_skeleton
from infinitedance_cli.stages.train.augment import AugmentConfig, Motion, augment
from infinitedance_cli.stages.train.batches import Pass


@dataclass(frozen=True)
class Library:
    """Motions by split: `train` is drawn from, `held_out` only measured. `held_out` may be empty in a smoke run."""

    train: tuple[Motion, ...]
    held_out: tuple[Motion, ...]

    @property
    def measured(self) -> tuple[Motion, ...]:
        """What is measured: the held-out motions, otherwise the first one."""
        return self.held_out or self.train[:1]

    def features(self, layout: str, config: AugmentConfig, seed: int, window: int) -> FeaturePool:
        """Windows of features of augmented training motions."""
        return FeaturePool(self.train, layout, config, seed=seed, window=window)

    @property
    def genres(self) -> tuple[str, ...]:
        """Genres of the training motions, sorted."""
        return tuple(sorted({motion.genre for motion in self.train if motion.genre}))


def to_motion(clip: MotionClip) -> Motion:
    """The body of a clip, as `for_networks`; raises BadInput when its joints are not SMPL-X's."""
    clip = for_networks(clip)
    genre = clip.labels.genre if clip.labels else ""
    return Motion(clip.clip_id, genre, clip.root_position, clip.joint_rotation[:, :BODY_JOINT_COUNT])


def load_library(clips: Iterable[MotionClip], minimum_frames: int) -> Library:
    """Sort clips into splits by their `/dataset` group's `split` attribute (train where it has none).

    Raises BadInput when no training clip of at least `minimum_frames` is left.
    """
    train: list[Motion] = []
    held_out: list[Motion] = []
    for clip in clips:
        group = clip.extra.get("dataset")
        split = group.attributes.get("split", "train") if group else "train"
        (train if split == "train" else held_out).append(to_motion(clip))
    usable = tuple(motion for motion in train if motion.frames >= minimum_frames)
    if not usable:
        raise BadInput(f"{len(train)} training clips, none of {minimum_frames} frames or more; nothing to train on")
    return Library(usable, tuple(held_out))


def to_features(motion: Motion, layout: str) -> NDArray[np.float32]:
    """Feature rows (T-1, D) of a motion."""
    clip = MotionClip(motion.clip, default_skeleton(BODY_JOINT_COUNT), FPS, motion.root_position, motion.joint_rotation)
    return clip_to_features(clip, layout_named(layout))


class FeaturePool:
    """Feature sequences of augmented variants, renewed little by little.

    The variants in use at a step are a pure function of (seed, step), so that a resumed run sees the same data:
    `generations` whole passes over the motions are alive at a time, and every `renew_every` steps the oldest goes.
    """

    def __init__(
        self,
        motions: Sequence[Motion],
        layout: str,
        config: AugmentConfig,
        *,
        seed: int,
        window: int,
        generations: int = 3,
        renew_every: int = 120,
    ) -> None:
        self.motions, self.layout, self.config, self.seed, self.window = tuple(motions), layout, config, seed, window
        self.generations, self.renew_every = generations, renew_every
        self._made: dict[int, list[NDArray[np.float32]]] = {}

    def _generation(self, number: int) -> list[NDArray[np.float32]]:
        if number not in self._made:
            random = np.random.default_rng((self.seed, 1, number))
            variants = (augment(motion, self.motions, self.config, random) for motion in self.motions)
            # One frame more than the window: features describe steps between frames.
            self._made[number] = [to_features(v, self.layout) for v in variants if v.frames > self.window + 1]
        return self._made[number]

    def sequences(self, step: int) -> list[NDArray[np.float32]]:
        """The feature sequences in use at a step."""
        newest = step // self.renew_every + self.generations - 1
        alive = range(newest - self.generations + 1, newest + 1)
        result = [sequence for number in alive for sequence in self._generation(number)]
        for number in set(self._made) - set(alive):
            del self._made[number]
        return result

    def windows(self, where: Pass) -> NDArray[np.float32]:
        """Random windows (own, window, D) of a pass."""
        random = np.random.default_rng((self.seed, 2, where.step, where.index))
        sequences = self.sequences(where.step)
        starts = np.array([len(sequence) - self.window + 1 for sequence in sequences])
        chosen = random.choice(len(sequences), size=where.size, p=starts / starts.sum())
        first = (random.random(where.size) * starts[chosen]).astype(int)
        drawn = zip(chosen[where.own], first[where.own], strict=True)
        return np.stack([sequences[c][f : f + self.window] for c, f in drawn])
