"""The one record that every stage reads and writes: a motion clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.skeleton import Skeleton

Attributes = Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class Dataset:
    """One array of a group that the toolkit does not know, kept with its attributes."""

    values: NDArray[Any]
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """A named group of arrays and groups; how clips carry what a stage does not know."""

    members: Mapping[str, Dataset | Group] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Body:
    """The body model: `model` (smplx, anny, none), `betas` (B,) shape and `expression` (T, E) coefficients."""

    model: str = "anny"
    betas: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    expression: NDArray[np.float32] | None = None
    gender: str = "neutral"


@dataclass(frozen=True)
class FootContacts:
    """Which foot joints stand on the floor: `planted` (T, F) bool, one column for each of the F joint `labels`."""

    planted: NDArray[np.bool_]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class MusicTrack:
    """The song of a clip. Times are seconds from the clip's first frame.

    `sha256` of the decoded source file, `path` as given; `beats` (B,), `downbeats` (D,) seconds; `tempo_bpm`;
    `features` (T', D) at `rate_hz` from the encoder called `encoder`.
    """

    sha256: str = ""
    path: str = ""
    beats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    downbeats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    tempo_bpm: float = 0.0
    features: NDArray[np.float16] | None = None
    rate_hz: float = 25.0
    encoder: str = ""


@dataclass(frozen=True)
class Labels:
    """`genre` that the motion has, and `genre_requested` where a user asked for another name."""

    genre: str = ""
    genre_requested: str = ""


@dataclass(frozen=True)
class Tokens:
    """Motion tokens: `codes` (S, Q) int16, one row per `stride_frames` frames, and the codebook's hash."""

    codes: NDArray[np.int16]
    stride_frames: int
    codebook_sha256: str


@dataclass(frozen=True)
class MotionClip:
    """Motion of one person, with all that is known of it.

    `root_position` (T, 3) float32, the first joint in the world, metres, y up, the rest pose faces +Z;
    `joint_rotation` (T, J, 4) float32 unit quaternions (w, x, y, z) local to the parent; `fps` frames a second.
    Optional sections are None when unknown; `extra` keeps the groups that this version does not know.
    `provenance` lists one mapping per stage that made the clip: stage, version, config, seed, input hash, licences.

    Raises BadInput on shapes that disagree, no frames, fps ≤ 0, or values that are not finite.
    """

    clip_id: str
    skeleton: Skeleton
    fps: float
    root_position: NDArray[np.float32]
    joint_rotation: NDArray[np.float32]
    body: Body | None = None
    contacts: FootContacts | None = None
    music: MusicTrack | None = None
    labels: Labels | None = None
    tokens: Tokens | None = None
    provenance: tuple[Mapping[str, Any], ...] = ()
    extra: Mapping[str, Group] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames, joints = len(self.root_position), self.skeleton.joint_count
        if self.root_position.shape != (frames, 3) or self.joint_rotation.shape != (frames, joints, 4):
            raise BadInput(
                f"clip {self.clip_id}: root_position {self.root_position.shape} and joint_rotation "
                f"{self.joint_rotation.shape} do not agree; expected (T, 3) and (T, {joints}, 4)"
            )
        if frames == 0:
            raise BadInput(f"clip {self.clip_id}: it has no frames")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise BadInput(f"clip {self.clip_id}: fps is {self.fps}; expected a positive number")
        for name in ("root_position", "joint_rotation"):
            finite = np.isfinite(getattr(self, name)).reshape(frames, -1).all(axis=1)
            if not finite.all():
                raise BadInput(f"clip {self.clip_id}: {name} is not finite at frame {int(np.argmin(finite))}")
        norms = np.linalg.norm(self.joint_rotation, axis=-1)
        if np.abs(norms - 1).max() > 1e-3:
            frame, joint = np.unravel_index(int(np.abs(norms - 1).argmax()), norms.shape)
            raise BadInput(
                f"clip {self.clip_id}: joint_rotation at frame {frame}, {self.skeleton.joint_names[joint]} "
                f"has length {norms[frame, joint]:.4g}; expected unit quaternions"
            )

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.root_position)

    @property
    def duration_s(self) -> float:
        """Length in seconds: T / fps."""
        return self.frames / self.fps

    def joint_positions(self) -> NDArray[np.float32]:
        """World joint positions (T, J, 3) in metres."""
        return forward_kinematics(self.skeleton, self.root_position, self.joint_rotation)[0].astype(np.float32)

    def with_provenance(self, stage: str, **details: object) -> MotionClip:
        """A copy with one more provenance record; `details` must be JSON-ready."""
        from infinitedance_cli import __version__

        record = {"stage": stage, "version": __version__, **details}
        return replace(self, provenance=(*self.provenance, record))
