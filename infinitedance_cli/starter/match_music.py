"""Music for dances that were recorded without any: songs stretched onto the beats that the motion itself shows.

A steady beat grid is laid where the dancer nearly stops, the motion is pulled onto it by a bounded change of timing,
and a song's features are stretched onto the same grid, louder where the dance is livelier. The pair teaches what a
beat is to a body; it is no recording, and the model card says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.beats import beat_alignment, joint_speed, kinematic_beats, offbeats
from infinitedance_cli.motion.clip import Labels, MotionClip
from infinitedance_cli.motion.mirror import change_tempo, mirror
from infinitedance_cli.motion.warp import BeatWarp, beat_warp, warp_times
from infinitedance_cli.starter.song_bank import SongBank


@dataclass(frozen=True)
class MatchConfig:
    """`variants` of each clip: mirrored or not, at tempi within `tempo_range` (natural logarithm), on a beat grid of
    `slowest` to `fastest` BPM, each with its own song."""

    variants: int = 6
    tempo_range: float = 0.18
    slowest: float = 84.0
    fastest: float = 136.0
    warp: BeatWarp = field(default_factory=lambda: BeatWarp(max_rate=1.25, effort=0.1))
    seed: int = 0


def grid(bpm: float, first: float, frames: int, fps: float) -> NDArray[np.float64]:
    """Beats (B,) in frames at a steady tempo, one of them at frame `first`, from the clip's start to its end."""
    period = 60.0 / bpm * fps
    return np.arange(first % period, frames, period)


def best_grid(
    motion_beats: NDArray[np.int64], frames: int, fps: float, config: MatchConfig, random: np.random.Generator
) -> NDArray[np.float64]:
    """A beat grid on which the motion's beats fall more often than between; drawn among the better ones."""
    grids, scores = [], []
    for bpm in np.arange(config.slowest, config.fastest + 1, 2.0):
        for first in np.linspace(0, 60.0 / bpm * fps, 8, endpoint=False):
            beats = grid(bpm, float(first), frames, fps)
            grids.append(beats)
            scores.append(_gap(beats, motion_beats))
    best = np.argsort(scores)[-12:]
    weights = np.exp((np.array(scores)[best] - np.max(scores)) / 0.05)
    return grids[int(random.choice(best, p=weights / weights.sum()))]


def _gap(beats: NDArray[np.float64], motion_beats: NDArray[np.int64]) -> float:
    if len(beats) < 3 or len(motion_beats) == 0:
        return 0.0
    return beat_alignment(beats, motion_beats) - beat_alignment(offbeats(beats), motion_beats)


def with_matched_music(
    clip: MotionClip, bank: SongBank, config: MatchConfig, random: np.random.Generator
) -> MotionClip:
    """A variant of `clip` on a beat grid, with the features of a song on the same grid.

    A clip whose beats are known (`clip.music.beats`) keeps its timing; any other is pulled onto its grid.
    """
    known = clip.music.beats if clip.music is not None and len(clip.music.beats) else None
    clip = replace(clip, music=None, contacts=None, tokens=None)
    extra = clip.extra
    if random.random() < 0.5:
        clip = mirror(clip)
    factor = float(np.exp(random.uniform(-1, 1) * config.tempo_range))
    clip = replace(change_tempo(clip, factor), extra=extra)
    if known is not None:
        beats = _extended(known / factor, clip.duration_s) * clip.fps
    else:
        motion_beats = kinematic_beats(clip.joint_positions()[:, :22])
        beats = best_grid(motion_beats, clip.frames, clip.fps, config, random)
        clip = warp_times(clip, beat_warp(clip.frames, motion_beats, beats, config.warp))
    level = _liveliness(clip, bank.rate_hz)
    return replace(clip, music=bank.on_grid(beats / clip.fps, clip.duration_s, level, random))


def _extended(beats: NDArray[np.float64], duration_s: float) -> NDArray[np.float64]:
    """Known beats (B ≥ 2,) continued at their own tempo over the whole clip, seconds."""
    period = float(np.median(np.diff(beats)))
    before = np.arange(beats[0] - period, -1e-9, -period)[::-1]
    after = np.arange(beats[-1] + period, duration_s, period)
    together = np.concatenate((before, beats, after))
    return together[(together >= 0) & (together < duration_s)]


def _liveliness(clip: MotionClip, rate_hz: float) -> NDArray[np.float32]:
    """Speed of the dance over two seconds, 0.25 to 1 of its lively moments, (T',) at `rate_hz`."""
    speed = joint_speed(clip.joint_positions()[:, :22], sigma=clip.fps)
    level = np.clip(speed / max(float(np.percentile(speed, 95)), 1e-6), 0.25, 1.0)
    times = np.arange(int(np.ceil(clip.duration_s * rate_hz - 1e-6))) / rate_hz * clip.fps
    return np.interp(times, np.arange(len(level)), level).astype(np.float32)


def match_music(clips: Iterable[MotionClip], bank: SongBank, config: MatchConfig) -> Iterator[MotionClip]:
    """`config.variants` of every clip, each with its own song; a pure function of clip ids, bank and seed."""
    for clip in clips:
        for number in range(config.variants):
            random = np.random.default_rng((config.seed, zlib.crc32(clip.clip_id.encode()), number))
            variant = with_matched_music(clip, bank, config, random)
            labels = clip.labels or Labels()
            yield replace(variant, clip_id=f"{clip.clip_id}#{number}", labels=labels)
