"""One clip, prepared for drawing: joint matrices, camera, contacts, beats."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli import plugins
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import FOOT_JOINTS, clip_contacts
from infinitedance_cli.motion.resample import resample_clip
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.stages.render.camera import CameraPath, camera_path
from infinitedance_cli.stages.render.config import AUTO_STYLE, RenderConfig
from infinitedance_cli.stages.render.figure import Figure, joint_matrices
from infinitedance_cli.stages.render.smplx_files import find_smplx

logger = logging.getLogger(__name__)

COLOURS = ((0.35, 0.49, 0.69), (0.82, 0.47, 0.39), (0.36, 0.59, 0.52), (0.65, 0.49, 0.68), (0.81, 0.64, 0.36))
"""Suits of the takes, in turn."""

BEAT_LINE_SHARE = 0.1
"""Share of the picture's height, at its foot, where the beats are shown."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Take:
    """A clip at the picture's frame rate with all that is needed to draw any of its frames.

    `matrices` (T, J, 3, 4) of the figure's joints; `joints` (T, J', 3) world positions; `path` the camera.
    """

    clip: MotionClip
    figure: Figure
    matrices: NDArray[np.float32]
    joints: NDArray[np.float32]
    path: CameraPath
    colour: tuple[float, float, float]

    @cached_property
    def planted(self) -> NDArray[np.bool_]:
        """Which of `FOOT_JOINTS` stand (T, 4): the clip's own contacts where it has them all, else detected."""
        contacts = self.clip.contacts
        names = [self.clip.skeleton.joint_names[joint] for joint in FOOT_JOINTS]
        if contacts is None or not set(names) <= set(contacts.labels):
            contacts = clip_contacts(self.clip)
            names = list(contacts.labels)
        return contacts.planted[:, [contacts.labels.index(name) for name in names]]

    @cached_property
    def floor_path(self) -> Floats:
        """The pelvis over the floor (T, 2), x and z, smoothed: what is drawn of it should not tremble."""
        from scipy.ndimage import gaussian_filter1d

        smooth: Floats = gaussian_filter1d(
            self.joints[:, 0][:, [0, 2]].astype(np.float64), 0.12 * self.clip.fps, axis=0, mode="nearest"
        )
        return smooth

    @property
    def beats(self) -> Floats:
        """Seconds (B,) of the music's beats; empty where they are unknown."""
        return self.clip.music.beats if self.clip.music is not None else np.zeros(0)

    @property
    def downbeats(self) -> Floats:
        """Seconds (D,) of the first beats of the bars."""
        return self.clip.music.downbeats if self.clip.music is not None else np.zeros(0)


def prepare(clip: MotionClip, config: RenderConfig, aspect: float, number: int = 0, fps: float | None = None) -> Take:
    """A clip, ready to be drawn in pictures of `aspect` width / height, as take `number`.

    `fps` overrides the configuration's. Raises BadInput when the style cannot draw the clip's skeleton or contacts are
    asked of joints that are not SMPL-X's; MissingResource and UsageError as `plugins.load`.
    """
    fps = fps or config.fps
    clip = resample_clip(clip, fps) if fps else clip
    if config.contacts and clip.skeleton.joint_count < BODY_JOINT_COUNT:
        raise BadInput(f"clip {clip.clip_id}: contacts need SMPL-X's feet; it has {clip.skeleton.joint_count} joints")
    if config.beats and (clip.music is None or not len(clip.music.beats)):
        logger.info("%s: its beats are unknown and not shown; --music FILE finds them", clip.clip_id)
    name = style_of(clip, config)
    figure: Figure = plugins.load("renderer", name).figure(clip, config.smplx)
    joints = clip.joint_positions()
    path = camera_path(clip, joints, aspect, config.view, BEAT_LINE_SHARE if config.beats else 0.0)
    return Take(clip, figure, joint_matrices(figure, clip), joints, path, COLOURS[number % len(COLOURS)])


def style_of(clip: MotionClip, config: RenderConfig) -> str:
    """The renderer for a clip: the one that was asked for, else by the clip's body."""
    if config.style != AUTO_STYLE:
        return config.style
    is_smplx = clip.body is not None and clip.body.model == "smplx"
    return "smplx" if is_smplx and _has_smplx(config.smplx) else "body"


def _has_smplx(files: Path | None) -> bool:
    return find_smplx(files) is not None


def at_one_scale(takes: Sequence[Take]) -> list[Take]:
    """The takes with the distances of whichever needs most room at each frame, so that they can be compared."""
    frames = max(take.clip.frames for take in takes)
    wanted = [np.pad(take.path.distances, (0, frames - take.clip.frames), mode="edge") for take in takes]
    common = np.max(wanted, axis=0)
    return [replace(take, path=replace(take.path, distances=common[: take.clip.frames])) for take in takes]
