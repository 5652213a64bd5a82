"""What a captured clip carries beside its motion: the group `/capture`, its sound and its labels.

::

    /capture             @fps @first_frame @shot @person @backend @source @source_sha256 @video_sha256 @license
                         @width @height @keypoints, and the figures of `quality`
       keypoints2d       [T,K,3] f4 @units="px": x, y and score; NaN where not seen
       bbox              [T,4]   f4 @units="px": left, top, right, bottom
       confidence        [T,J]   f4 @units="1": 0–1 for each joint of the skeleton, 0 where it was filled in
       camera            @focal_px @centre_x @centre_y
          rotation       [N,3,3] f4 @units="1": from the world's axes to the camera's (x right, y down, z away);
          translation    [N,3]   f4 @units="m": camera = rotation · world + translation; N is T, or 1 for all frames

Pixels are those of the upright picture as stored, from its top left corner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import Attributes, Dataset, Group, MotionClip
from infinitedance_cli.stages.capture.backend import CAPTURE, FPS
from infinitedance_cli.stages.capture.track import PersonTrack

FloatArray = NDArray[np.floating[Any]]

KEYPOINTS = "blazepose-33 left-hand-21 right-hand-21"


@dataclass(frozen=True, eq=False)
class CameraPose:
    """A pinhole camera: `focal_px`, `centre` (2,) pixels, `rotation` (N, 3, 3) and `translation` (N, 3) metres from
    the world to the camera's axes (x right, y down, z away); N is the number of frames, or 1 for all of them."""

    focal_px: float
    centre: FloatArray
    rotation: FloatArray
    translation: FloatArray

    def project(self, points: FloatArray) -> FloatArray:
        """Pixels (T, J, 2) of world `points` (T, J, 3) metres; NaN behind the camera."""
        local = points @ np.swapaxes(self.rotation, 1, 2) + self.translation[:, None]
        depth = np.where(local[..., 2:] > 1e-3, local[..., 2:], np.nan)
        pixels: FloatArray = self.centre + self.focal_px * local[..., :2] / depth
        return pixels


def keypoints(track: PersonTrack) -> FloatArray:
    """(T, 75, 3) pixels and score of the 33 landmarks of the body and the 21 of each hand."""
    hands = track.hand_image.reshape(len(track.box), -1, 2)
    points = np.concatenate((track.body_image, hands), axis=1)
    scores = np.concatenate((track.body_visibility, np.repeat(track.hand_score, 21, axis=1)), axis=1)
    scores = np.where(np.isfinite(points).all(axis=-1), scores, 0)
    return np.concatenate((points, scores[..., None]), axis=-1)


def capture_group(
    *,
    first_frame: int,
    keypoints2d: FloatArray | None = None,
    bbox: FloatArray | None = None,
    confidence: FloatArray | None = None,
    camera: CameraPose | None = None,
    **attributes: str | int | float | bool,
) -> Group:
    """The group `/capture` of a clip from what a backend knows; the stage adds the rest."""
    members: dict[str, Dataset | Group] = {}
    for name, values, units in (
        ("keypoints2d", keypoints2d, "px"),
        ("bbox", bbox, "px"),
        ("confidence", confidence, "1"),
    ):
        if values is not None:
            members[name] = Dataset(np.asarray(values, np.float32), {"units": units})
    if camera is not None:
        members["camera"] = _camera_group(camera)
    return Group(members, {"fps": FPS, "first_frame": first_frame, **attributes})


def _camera_group(camera: CameraPose) -> Group:
    members = {
        "rotation": Dataset(np.asarray(camera.rotation, np.float32), {"units": "1"}),
        "translation": Dataset(np.asarray(camera.translation, np.float32), {"units": "m"}),
    }
    attributes = {
        "focal_px": float(camera.focal_px),
        "centre_x": float(camera.centre[0]),
        "centre_y": float(camera.centre[1]),
    }
    return Group(members, attributes)


def camera_of(clip: MotionClip) -> CameraPose | None:
    """The camera that a clip was captured with, where that is known."""
    group = clip.extra.get(CAPTURE)
    camera = group.members.get("camera") if group is not None else None
    if not isinstance(camera, Group):
        return None
    rotation, translation = camera.members["rotation"], camera.members["translation"]
    assert isinstance(rotation, Dataset) and isinstance(translation, Dataset)
    values = camera.attributes
    centre = np.array([float(values["centre_x"]), float(values["centre_y"])])
    return CameraPose(float(values["focal_px"]), centre, rotation.values, translation.values)


def captured(clip: MotionClip) -> Group:
    """The group `/capture` of a clip; an empty one where it has none."""
    return clip.extra.get(CAPTURE) or Group({}, {})


def array_of(group: Group, name: str) -> FloatArray | None:
    """One array of the group, where it is there."""
    member = group.members.get(name)
    return member.values if isinstance(member, Dataset) else None


def with_attributes(clip: MotionClip, attributes: Attributes) -> MotionClip:
    """The clip with more attributes in `/capture`; those that are there already are replaced."""
    group = captured(clip)
    added = Group(group.members, {"fps": clip.fps, "first_frame": 0, **group.attributes, **attributes})
    return replace(clip, extra={**clip.extra, CAPTURE: added})


def scaled(group: Group, scale: float, first_frame: int) -> Group:
    """The group of a backend that saw pictures `scale` as wide, from `first_frame` of the video on, in the video's own
    pixels and frames."""
    members = dict(group.members)
    for name in ("keypoints2d", "bbox"):
        values = array_of(group, name)
        if values is not None:
            factors = np.array([1 / scale, 1 / scale, 1.0]) if name == "keypoints2d" else 1 / scale
            members[name] = Dataset((values * factors).astype(np.float32), {"units": "px"})
    camera = members.get("camera")
    if isinstance(camera, Group):
        pixels = {name: float(value) / scale for name, value in camera.attributes.items()}
        members["camera"] = Group(camera.members, pixels)
    first = int(group.attributes.get("first_frame", 0)) + first_frame
    return Group(members, {"fps": FPS, **group.attributes, "first_frame": first})
