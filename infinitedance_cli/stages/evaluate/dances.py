"""Dances to measure, from clip streams and from the files of other programs, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import aistpp, bailando, edge, lodge
from infinitedance_cli.formats._npy import read_floats
from infinitedance_cli.formats._peers import PeerMotion, from_positions, from_rotations
from infinitedance_cli.formats._safe_pickle import load_arrays
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import foot_rest_heights
from infinitedance_cli.motion.features import PAPER_259, RELEASE_264, FeatureLayout, features_to_joints
from infinitedance_cli.motion.kinematics import resample_times, sample_positions
from infinitedance_cli.motion.resample import require_smplx_joints, resample_clip
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.remote import is_remote
from infinitedance_cli.stages.evaluate.metrics.quality import Stance, estimated_stance
from infinitedance_cli.stages.evaluate.metrics.spaces import JointSet
from infinitedance_cli.stream.dispatch import format_for_reading, readable_extensions
from infinitedance_cli.stream.ports import PIPE, check_inputs, read_clips, read_file
from infinitedance_cli.stream.shards import is_shard_folder

FloatArray = NDArray[np.floating]

FROM_CLIP = "clip"
_MIDDLE_FINGERS = (28, 43)
"""First joints of the middle fingers in SMPL-X order: where SMPL has its hands."""


@dataclass(frozen=True, eq=False)
class Dance:
    """One dance to measure: a `clip`, or the `motion` of another program's file at `path`."""

    name: str
    clip: MotionClip | None = None
    motion: PeerMotion | None = None
    path: Path | None = None
    _resampled: dict[tuple[float, JointSet], FloatArray] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        """The rate that the dance came at."""
        return self.clip.fps if self.clip is not None else self._peer.fps

    @property
    def frames(self) -> int:
        """Frames at that rate."""
        return self.clip.frames if self.clip is not None else len(self._peer.positions)

    @property
    def joints_from(self) -> str:
        """Where joint positions come from."""
        return FROM_CLIP if self.clip is not None else self._peer.joints_from

    @property
    def _peer(self) -> PeerMotion:
        assert self.motion is not None
        return self.motion

    def positions(self, fps: float, joints: JointSet = "body") -> FloatArray:
        """Joint positions (T, 22 or 24, 3) at `fps`, float64 metres, y up; 22 where the dance has no others."""
        if (fps, joints) not in self._resampled:
            self._resampled[fps, joints] = self._positions_at(fps, joints)
        return self._resampled[fps, joints]

    def _positions_at(self, fps: float, joints: JointSet) -> FloatArray:
        if self.clip is not None:
            used = _columns(self.clip.skeleton.joint_count, joints)
            return resample_clip(_bare(self.clip, max(used) + 1), fps).joint_positions()[:, used].astype(np.float64)
        positions = self._peer.positions
        positions = positions[:, _columns(positions.shape[1], joints)]
        if self._peer.fps == fps:
            return positions
        return sample_positions(positions, resample_times(len(positions), self._peer.fps, fps))

    @cached_property
    def rest(self) -> Stance:
        """The stance of the rest pose over y = 0: of the clip's skeleton, of the default one for files."""
        heights = foot_rest_heights(None if self.clip is None else self.clip.skeleton.rest_positions())
        return Stance(toe=float(heights[1]), ankle=float(heights[0]))

    @cached_property
    def stance(self) -> Stance:
        """Where its feet stand: as in the rest pose for clips, estimated for files of other programs."""
        return self.rest if self.clip is not None else estimated_stance(self._peer.positions)

    def as_clips(self) -> Iterator[MotionClip]:
        """The dance as clips, for the next command of a pipe; files of other programs are retargeted."""
        if self.clip is not None:
            yield self.clip
            return
        assert self.path is not None
        for clip in read_file(self.path):
            yield replace(clip, clip_id=self.name)


def read_dances(
    inputs: Sequence[str], *, rest_joints: FloatArray | None = None, fps: float | None = None
) -> Iterator[Dance]:
    """The dances of motion files, folders of these or of shards, and `-`, in order (folders: by name).

    Checked at the call, read as they are asked for. `fps` is the rate of other programs' files, which never tell it.
    Raises as `check_inputs`, and BadInput when a folder holds no motion or a file is not what it claims to be.
    """
    names = expanded(inputs)
    check_inputs(names)
    return _read_each(names, rest_joints, fps)


def _read_each(names: Sequence[str], rest_joints: FloatArray | None, fps: float | None) -> Iterator[Dance]:
    for name in names:
        own = name == PIPE or is_shard_folder(name)
        dance = None if own else read_peer(name, rest_joints, fps)
        if dance is not None:
            yield dance
        else:
            yield from (as_dance(clip) for clip in read_clips([name]))


def read_peer(name: str, rest_joints: FloatArray | None, fps: float | None) -> Dance | None:
    """The dance of another program's file, as it is in the file; None where the file is to be read as clips.

    Raises as `read_dances`.
    """
    if is_remote(name):
        return None
    path = Path(name)
    reader = _PEERS.get(format_for_reading(path).name)
    if reader is None:
        return None
    motion = reader(path, rest_joints)
    if fps is not None:
        motion = replace(motion, fps=fps)
    return Dance(_stem(path), motion=motion, path=path)


def as_dance(clip: MotionClip) -> Dance:
    """A clip to measure. Raises BadInput when its joints are not SMPL-X's."""
    require_smplx_joints(clip)
    return Dance(clip.clip_id, clip=clip)


def expanded(inputs: Sequence[str]) -> list[str]:
    """Inputs with each folder replaced by the motion files in it; folders of shards stay."""
    names: list[str] = []
    for name in inputs:
        if name == PIPE or is_remote(name) or not Path(name).is_dir() or is_shard_folder(name):
            names.append(name)
            continue
        endings = readable_extensions()
        files = sorted(path for path in Path(name).iterdir() if path.is_file() and path.name.lower().endswith(endings))
        if not files:
            raise BadInput(f"{name}: no motion file in this folder; known endings: {', '.join(endings)}")
        names += [str(path) for path in files]
    return names


def _stem(path: Path) -> str:
    """File name without its endings: `gBR_01.pkl.npy` → `gBR_01`, `take.264.npy` → `take`; other dots stay."""
    name = path.name
    for ending in sorted((*readable_extensions(), ".json.pkl.npy", ".pkl.npy"), key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return path.stem


def _columns(count: int, joints: JointSet) -> list[int]:
    """Which of `count` joints (22, 24 of SMPL, 55 of SMPL-X) make the set; the body alone where it lacks the others."""
    body = list(range(BODY_JOINT_COUNT))
    if joints == "body" or count == BODY_JOINT_COUNT:
        return body
    if joints == "smpl" and count > BODY_JOINT_COUNT + 2:
        return [*body, *_MIDDLE_FINGERS]
    return list(range(BODY_JOINT_COUNT + 2))


def _bare(clip: MotionClip, used: int) -> MotionClip:
    """Motion alone, of the first `used` joints: the rest would be work, and the log would say what it drops."""
    return MotionClip(
        clip.clip_id, clip.skeleton.first(used), clip.fps, clip.root_position, clip.joint_rotation[:, :used]
    )


def _read_joints(path: Path, rest_joints: FloatArray | None) -> PeerMotion:
    return from_positions(str(path), 30.0, read_floats(path, "joint positions (T, 22, 24 or 55, 3)"))


def _feature_reader(layout: FeatureLayout) -> Callable[[Path, FloatArray | None], PeerMotion]:
    def read(path: Path, rest_joints: FloatArray | None) -> PeerMotion:
        features = read_floats(path, f"{layout.name} features (T, {layout.size})")
        if features.ndim != 2 or not len(features):
            raise BadInput(f"{path}: has shape {features.shape}; expected {layout.name} features (T, {layout.size})")
        return from_positions(str(path), 30.0, features_to_joints(features, layout))

    return read


def _read_aistpp(path: Path, rest_joints: FloatArray | None) -> PeerMotion:
    translation, rotations = aistpp.smpl_motion(load_arrays(path, str(path)), str(path))
    pelvis = translation if rest_joints is None else translation + rest_joints[0]
    return from_rotations(str(path), aistpp.AISTPP_FPS, pelvis, rotations, rest_joints)


PeerReader = Callable[[Path, FloatArray | None], PeerMotion]

_PEERS: Mapping[str, PeerReader] = {
    "edge": edge.read_positions,
    "lodge": lodge.read_positions,
    "bailando": bailando.read_positions,
    "aistpp": _read_aistpp,
    "joints": _read_joints,
    "release264": _feature_reader(RELEASE_264),
    "paper259": _feature_reader(PAPER_259),
}
"""Formats whose positions are measured as they are in the file, instead of retargeted to our skeleton."""
