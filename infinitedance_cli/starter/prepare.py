"""The training clips of the starter model: every recorded dance on our skeleton, labelled, credited and split.

python -m infinitedance_cli.starter.prepare DATA OUTPUT
"""

from __future__ import annotations

import argparse
import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import aistpp, bvh, g1
from infinitedance_cli.motion.clip import Group, Labels, MotionClip, MusicTrack
from infinitedance_cli.motion.retarget import SourceMotion, calibrate_sources, retarget
from infinitedance_cli.starter.sources import CREDITS, OTHER, describe

logger = logging.getLogger(__name__)
_BVH_FOLDERS = ("cmu_mocap", "perfume", "animated_drawings")
# Tempo of the music of the published AIST++ clip, which the file does not carry.
_AISTPP_BPM = {"mBR0": 80.0}


def prepare(data_directory: Path, output_directory: Path) -> list[dict[str, object]]:
    """Writes one .npz per clip into `output_directory`, and index.json; returns the index.

    Keys of each: root_position (T, 3), joint_rotation (T, 55, 4), fps, genre, source, split, licence, credit, and
    beats (B,) seconds with tempo_bpm where the music's tempo is known. Raises BadInput when no recording is found.
    """
    output_directory.mkdir(parents=True, exist_ok=True)
    index = []
    for clip in prepared_clips(data_directory):
        values = _arrays(clip)
        np.savez_compressed(output_directory / f"{clip.clip_id}.npz", **values)
        index.append({"clip": clip.clip_id, "frames": clip.frames, **_facts(clip)})
        logger.info("%s: %s, %s, %.1f s", clip.clip_id, index[-1]["genre"], index[-1]["split"], clip.duration_s)
    if not index:
        raise BadInput(f"{data_directory}: no recording in it; expected the folders {', '.join(CREDITS)}")
    (output_directory / "index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
    return index


def prepared_clips(data_directory: Path) -> Iterator[MotionClip]:
    """Every recording of `data_directory` on our skeleton, with genre and `/dataset`: split, licence, credit."""
    for folder in _BVH_FOLDERS:
        yield from _bvh_clips(data_directory / folder)
    sources = [g1.read_source(path) for path in sorted((data_directory / "g1_moves").glob("*__*.npz"))]
    for source in sources:
        yield _labelled(retarget(source), "g1_moves")
    for path in sorted((data_directory / "aistpp").glob("g*.pkl")):
        for clip in aistpp.read(path):
            yield _labelled(_with_beats(clip, _AISTPP_BPM.get(clip.clip_id.split("_")[4], 0.0), 0.0), "aistpp")
    for path in sorted((data_directory / "aistpp").glob("*segments.npz")):
        for clip, tempo, start in aistpp.read_segments(path):
            yield _labelled(_with_beats(clip, tempo, start), "aistpp")


def _bvh_clips(folder: Path) -> Iterator[MotionClip]:
    """The BVH files of a folder; those of one rig are calibrated together."""
    for sources in by_rig([bvh.read_source(path) for path in sorted(folder.glob("*.bvh"))]):
        calibration = calibrate_sources(sources)
        for source in sources:
            yield _labelled(trim_t_pose(retarget(source, calibration=calibration)), folder.name)


def by_rig(sources: Sequence[SourceMotion]) -> list[list[SourceMotion]]:
    """Sources grouped by joint names and rest pose.

    The same names do not make the same rig: some files take their own first frame for the rest pose.
    """
    rigs: dict[tuple[object, ...], list[SourceMotion]] = defaultdict(list)
    for source in sources:
        rest = np.round(source.offsets[1:], 3).tobytes()
        rigs[(source.joint_names, rest)].append(source)
    return list(rigs.values())


def trim_t_pose(clip: MotionClip) -> MotionClip:
    """The clip without the T-pose that many recordings begin or end with, and the way in and out of it.

    A T-pose is: both upper arms within 25° of the T-pose's, and both elbows straight. Only a pose at the very first or
    last frame counts; cut are the frames up to the last such one in the first (from the first such one in the last)
    four seconds, and half a second more.
    """
    arms = [clip.skeleton.index(name) for name in ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow")]
    positions = clip.joint_positions()
    ends = [clip.skeleton.index(name) for name in ("left_elbow", "right_elbow", "left_wrist", "right_wrist")]
    bones = positions[:, ends] - positions[:, arms]
    bones = bones / np.linalg.norm(bones, axis=-1, keepdims=True)
    flat = np.abs(bones[..., 1]).max(axis=1) < np.sin(np.radians(25))
    apart = np.sum(bones[:, 0] * bones[:, 1], axis=-1) < -np.cos(np.radians(25))
    straight = np.sum(bones[:, :2] * bones[:, 2:], axis=-1).min(axis=1) > np.cos(np.radians(20))
    pose = flat & apart & straight
    reach, margin = int(4 * clip.fps), int(0.5 * clip.fps)
    start, end = 0, clip.frames
    if pose[0]:
        start = int(np.flatnonzero(pose[:reach])[-1]) + margin
    if pose[-1]:
        end = clip.frames - min(reach, clip.frames) + int(np.flatnonzero(pose[-reach:])[0]) - margin
    if end - start < clip.fps:
        return clip
    kept = replace(clip, root_position=clip.root_position[start:end], joint_rotation=clip.joint_rotation[start:end])
    return kept


def _with_beats(clip: MotionClip, tempo_bpm: float, start_s: float) -> MotionClip:
    """`clip` with the beats of music whose first beat is at 0, the clip starting at `start_s` of it."""
    if tempo_bpm <= 0:
        return clip
    beats = beat_times(tempo_bpm, start_s, clip.duration_s)
    return replace(clip, music=MusicTrack(beats=beats, tempo_bpm=tempo_bpm))


def beat_times(tempo_bpm: float, start_s: float, duration_s: float) -> NDArray[np.float64]:
    """Beats (B,) in seconds of the clip, for music with beats at 0, 60/bpm, 120/bpm … read from `start_s` on."""
    period = 60.0 / tempo_bpm
    first = int(np.ceil(start_s / period - 1e-9))
    last = int(np.floor((start_s + duration_s) / period - 1e-9))
    return np.arange(first, last + 1, dtype=np.float64) * period - start_s


def _labelled(clip: MotionClip, folder: str) -> MotionClip:
    recording, credit = describe(folder, clip.clip_id), CREDITS[folder]
    split = "held_out" if recording.held_out else "train"
    facts = {"source": folder, "split": split, "licence": credit.licence, "credit": credit.credit}
    return replace(clip, labels=Labels(genre=recording.genre), extra={**clip.extra, "dataset": Group(attributes=facts)})


def _facts(clip: MotionClip) -> dict[str, object]:
    facts: dict[str, object] = {"genre": clip.labels.genre if clip.labels else OTHER, "fps": clip.fps}
    facts |= dict(clip.extra["dataset"].attributes)
    if clip.music is not None:
        facts["tempo_bpm"] = clip.music.tempo_bpm
    return facts


def _arrays(clip: MotionClip) -> dict[str, Any]:
    values: dict[str, Any] = {"root_position": clip.root_position, "joint_rotation": clip.joint_rotation}
    values |= _facts(clip)
    if clip.music is not None:
        values["beats"] = clip.music.beats
    return values


def main() -> None:
    """Command line: data folder in, clips out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare(arguments.data, arguments.output)


if __name__ == "__main__":
    main()
