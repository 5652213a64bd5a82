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
from infinitedance_cli.stages.evaluate.metrics.quality import estimated_toe_floor
from infinitedance_cli.stream.dispatch import format_for_reading, readable_extensions
from infinitedance_cli.stream.ports import PIPE, check_inputs, read_clips, read_file

FloatArray = NDArray[np.floating]

FROM_CLIP = "clip"


@dataclass(frozen=True, eq=False)
class Dance:
    """One dance to measure: a `clip`, or the `motion` of another program's file at `path`.

    `toe_floor` is the height of a standing foot's toe joint in metres: that of the skeleton over y = 0 for clips,
    estimated for others.
    """

    name: str
    clip: MotionClip | None = None
    motion: PeerMotion | None = None
    path: Path | None = None
    _resampled: dict[float, FloatArray] = field(default_factory=dict)

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

    def positions(self, fps: float) -> FloatArray:
        """Joint positions (T, J, 3) at `fps`, float64 metres, y up."""
        if fps not in self._resampled:
            self._resampled[fps] = self._positions_at(fps)
        return self._resampled[fps]

    def _positions_at(self, fps: float) -> FloatArray:
        if self.clip is not None:
            return resample_clip(_bare(self.clip), fps).joint_positions().astype(np.float64)
        positions = self._peer.positions
        if self._peer.fps == fps:
            return positions
        return sample_positions(positions, resample_times(len(positions), self._peer.fps, fps))

    @cached_property
    def rest_toe(self) -> float:
        """Height of the toe joint in the rest pose of the skeleton, metres; the default skeleton's for files."""
        rest = None if self.clip is None else self.clip.skeleton.rest_positions()
        return float(foot_rest_heights(rest)[1])

    @cached_property
    def toe_floor(self) -> float:
        """Height of a standing foot's toe joint, metres."""
        return self.rest_toe if self.clip is not None else estimated_toe_floor(self._peer.positions)

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
    """The dances of motion files, folders of these and `-`, in order (folders: by name).

    Checked at the call, read as they are asked for. `fps` is the rate of other programs' files, which never tell it.
    Raises as `check_inputs`, and BadInput when a folder holds no motion or a file is not what it claims to be.
    """
    names = _expanded(inputs)
    check_inputs(names)
    return _read_each(names, rest_joints, fps)


def _read_each(names: Sequence[str], rest_joints: FloatArray | None, fps: float | None) -> Iterator[Dance]:
    for name in names:
        reader = None if name == PIPE else _PEERS.get(format_for_reading(Path(name)).name)
        if reader is None:
            for clip in read_clips([name]):
                require_smplx_joints(clip)
                yield Dance(clip.clip_id, clip=clip)
            continue
        path = Path(name)
        motion = reader(path, rest_joints)
        if fps is not None:
            motion = replace(motion, fps=fps)
        yield Dance(_stem(path), motion=motion, path=path)


def _expanded(inputs: Sequence[str]) -> list[str]:
    """Inputs with each folder replaced by the motion files in it."""
    names: list[str] = []
    for name in inputs:
        if name == PIPE or not Path(name).is_dir():
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
    for ending in sorted((*readable_extensions(), ".pkl.npy", ".json.npy"), key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return path.stem


def _bare(clip: MotionClip) -> MotionClip:
    """Motion alone: resampling the rest would be work, and the log would say what it drops."""
    return MotionClip(clip.clip_id, clip.skeleton, clip.fps, clip.root_position, clip.joint_rotation)


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
