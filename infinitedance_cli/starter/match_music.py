"""Music for dances that were recorded without any: songs stretched onto the beats that the motion itself shows.

A steady beat grid is laid where the dancer nearly stops, the motion is pulled onto it by a bounded change of timing,
and a song's features are stretched onto the same grid, louder where the dance is livelier. The pair teaches what a
beat is to a body; it is no recording, and the model card says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.beats import beat_alignment, joint_speed, kinematic_beats, offbeats
from infinitedance_cli.motion.clip import Labels, MotionClip
from infinitedance_cli.motion.mirror import change_tempo, mirror
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.motion.warp import BeatWarp, beat_warp, warp_times
from infinitedance_cli.starter.song_bank import SongBank

ARMS = tuple(
    index
    for index, name in enumerate(SMPLX_JOINT_NAMES[:22])
    if any(part in name for part in ("collar", "shoulder", "elbow", "wrist"))
)
UPPER_BODY = (*ARMS, *(SMPLX_JOINT_NAMES.index(name) for name in ("spine1", "spine2", "spine3", "neck", "head")))


@dataclass(frozen=True)
class MatchConfig:
    """`variants` of each clip: mirrored or not, at tempi within `tempo_range` (natural logarithm), on a beat grid of
    `slowest` to `fastest` BPM, each with its own song. A share `borrow` has the arms or the upper body of another
    dance that was pulled onto the same grid. Clips lose the standing about at their ends: see `without_idling`.
    """

    variants: int = 10
    tempo_range: float = 0.18
    borrow: float = 0.35
    idle_speed: float = 0.12
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


def without_idling(clip: MotionClip, speed: float) -> MotionClip:
    """The clip from the first to the last moment at which its mean joint speed over a second exceeds `speed` m/s."""
    lively = np.flatnonzero(joint_speed(clip.joint_positions()[:, :22], sigma=clip.fps / 2) * clip.fps > speed)
    if len(lively) < clip.fps:
        return clip
    first, last = int(lively[0]), int(lively[-1]) + 1
    music = clip.music and replace(clip.music, beats=clip.music.beats - first / clip.fps)
    return replace(
        clip,
        root_position=clip.root_position[first:last],
        joint_rotation=clip.joint_rotation[first:last],
        contacts=None,
        music=music,
    )


def with_matched_music(
    clip: MotionClip, others: Sequence[MotionClip], bank: SongBank, config: MatchConfig, random: np.random.Generator
) -> MotionClip:
    """A variant of `clip` on a beat grid, with the features of a song on the same grid.

    A clip whose beats are known (`clip.music.beats`) keeps its timing; any other is pulled onto its grid. Arms may be
    borrowed from one of the `others`.
    """
    known = clip.music.beats if clip.music is not None and len(clip.music.beats) > 1 else None
    factor = float(np.exp(random.uniform(-1, 1) * config.tempo_range))
    clip = _varied(clip, factor, random)
    if known is not None:
        beats = _extended(known / factor, clip.duration_s) * clip.fps
    else:
        motion_beats = kinematic_beats(clip.joint_positions()[:, :22])
        beats = best_grid(motion_beats, clip.frames, clip.fps, config, random)
        clip = warp_times(clip, beat_warp(clip.frames, motion_beats, beats, config.warp))
    if random.random() < config.borrow:
        clip = _with_borrowed_arms(clip, others[int(random.integers(len(others)))], beats, config, random)
    level = _liveliness(clip, bank.rate_hz)
    return replace(clip, music=bank.on_grid(beats / clip.fps, clip.duration_s, level, random))


def _varied(clip: MotionClip, factor: float, random: np.random.Generator) -> MotionClip:
    """`clip` at `factor` times its tempo, mirrored or not; it keeps what the toolkit does not know of it."""
    varied = replace(clip, music=None, contacts=None, tokens=None)
    if random.random() < 0.5:
        varied = mirror(varied)
    return replace(change_tempo(varied, factor), extra=clip.extra)


def _with_borrowed_arms(
    clip: MotionClip, other: MotionClip, beats: NDArray[np.float64], config: MatchConfig, random: np.random.Generator
) -> MotionClip:
    """`clip` with the arms, and sometimes the spine, of `other` on the same beats (B,) in frames."""
    other = _varied(other, float(np.exp(random.uniform(-1, 1) * config.tempo_range)), random)
    if other.frames < clip.frames:
        return clip
    first = int(random.integers(other.frames - clip.frames + 1))
    part = slice(first, first + clip.frames)
    other = replace(
        other, root_position=other.root_position[part], joint_rotation=other.joint_rotation[part], music=None
    )
    motion_beats = kinematic_beats(other.joint_positions()[:, :22])
    other = warp_times(other, beat_warp(other.frames, motion_beats, beats, config.warp))
    joints = list(UPPER_BODY if random.random() < 0.4 else ARMS)
    rotations = clip.joint_rotation.copy()
    rotations[:, joints] = other.joint_rotation[:, joints]
    return replace(clip, joint_rotation=rotations)


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
    """`config.variants` of every clip, each with its own song; a pure function of the clips, the bank and the seed.

    Held-out clips borrow nothing and nothing is borrowed from them.
    """
    trimmed = [without_idling(clip, config.idle_speed) for clip in clips]
    lenders = [clip for clip in trimmed if _is_training(clip)]
    for clip in trimmed:
        own = config if _is_training(clip) else replace(config, borrow=0.0)
        for number in range(config.variants):
            random = np.random.default_rng((config.seed, zlib.crc32(clip.clip_id.encode()), number))
            variant = with_matched_music(clip, lenders, bank, own, random)
            yield replace(variant, clip_id=f"{clip.clip_id}#{number}", labels=clip.labels or Labels())


def _is_training(clip: MotionClip) -> bool:
    group = clip.extra.get("dataset")
    return group is None or group.attributes.get("split", "train") == "train"
