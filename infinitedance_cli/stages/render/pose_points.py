"""The key points of pose detectors, from our joints: OpenPose's 18 of the body and 21 of each hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.render.camera import View
from infinitedance_cli.stages.render.figure import Figure

Floats = NDArray[np.floating]

BODY_POINTS = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist"),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
)
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_HEAD = SMPLX_JOINT_NAMES.index("head")
_EYES = {"left_eye": "left_eye_smplhf", "right_eye": "right_eye_smplhf"}
_FACE_TURN, _EAR_TURN = 0.05, -0.45
"""Cosines of the angle to the camera beyond which a detector no longer sees eyes and nose, or an ear."""


@dataclass(frozen=True)
class PosePoints:
    """World positions in metres: `body` (18, 3) and `seen` (18,) in the order of `BODY_POINTS`, `hands` (2, 21, 3)."""

    body: Floats
    seen: NDArray[np.bool_]
    hands: Floats


class PoseFinder:
    """Finds the points of a figure of a body with the 55 SMPL-X joints at rest, then of any pose."""

    def __init__(self, figure: Figure) -> None:
        self._rest = figure.rest_positions
        carrier = figure.joint_indices[np.arange(len(figure.vertices)), figure.joint_weights.argmax(axis=1)]
        self._face = _face_points(figure.vertices[carrier == _HEAD], self._rest)
        self._tips = {
            (side, finger): _finger_tip(
                figure.vertices[carrier == _joint(f"{side}_{finger}3")], self._rest, side, finger
            )
            for side in ("left", "right")
            for finger in _FINGERS
        }

    def find(self, matrices: NDArray[np.floating], view: View) -> PosePoints:
        """The points of a frame with joint `matrices` (55, 3, 4), and which of the body's a camera would see."""
        joints = np.einsum("jab,jb->ja", matrices[:, :, :3], self._rest) + matrices[:, :, 3]
        body = np.stack([self._body_point(name, joints, matrices) for name in BODY_POINTS])
        hands = np.stack([self._hand(side, joints, matrices) for side in ("left", "right")])
        return PosePoints(body, self._seen(matrices[_HEAD], body, view), hands)

    def _body_point(self, name: str, joints: Floats, matrices: NDArray[np.floating]) -> Floats:
        if name in self._face:
            return _carried(matrices[_HEAD], self._face[name])
        if name == "neck":
            middle: Floats = 0.5 * (joints[_joint("left_shoulder")] + joints[_joint("right_shoulder")])
            return middle
        return joints[_joint(_EYES.get(name, name))]

    def _hand(self, side: str, joints: Floats, matrices: NDArray[np.floating]) -> Floats:
        points = [joints[_joint(f"{side}_wrist")]]
        for finger in _FINGERS:
            points += [joints[_joint(f"{side}_{finger}{number}")] for number in (1, 2, 3)]
            points.append(_carried(matrices[_joint(f"{side}_{finger}3")], self._tips[side, finger]))
        return np.stack(points)

    def _seen(self, head: Floats, body: Floats, view: View) -> NDArray[np.bool_]:
        to_eye = view.eye - body[BODY_POINTS.index("nose")]
        to_eye = to_eye / np.linalg.norm(to_eye)
        front, left = head[:, 2] @ to_eye, head[:, 0] @ to_eye
        hidden = {
            "nose": front < _FACE_TURN,
            "left_eye": front < _FACE_TURN or left < -0.85,
            "right_eye": front < _FACE_TURN or left > 0.85,
            "left_ear": left < _EAR_TURN,
            "right_ear": left > -_EAR_TURN,
        }
        return np.array([not hidden.get(name, False) for name in BODY_POINTS])


def _joint(name: str) -> int:
    return SMPLX_JOINT_NAMES.index(name)


def _carried(matrix: Floats, point: Floats) -> Floats:
    carried: Floats = matrix[:, :3] @ point + matrix[:, 3]
    return carried


def _face_points(head: Floats, rest: Floats) -> dict[str, Floats]:
    """Tip of the nose and the ears in the rest pose, from the skin that the head carries."""
    level = 0.5 * (rest[_joint("left_eye_smplhf")] + rest[_joint("right_eye_smplhf")])[1]
    near = head[np.abs(head[:, 1] - level) < 0.06]
    return {
        "nose": near[near[:, 2].argmax()],
        "left_ear": near[near[:, 0].argmax()],
        "right_ear": near[near[:, 0].argmin()],
    }


def _finger_tip(skin: Floats, rest: Floats, side: str, finger: str) -> Floats:
    """The farthest skin of the last phalanx along it; half a centimetre short of that, as detectors place it."""
    start, end = rest[_joint(f"{side}_{finger}2")], rest[_joint(f"{side}_{finger}3")]
    along = (end - start) / np.linalg.norm(end - start)
    reach = float(((skin - end) @ along).max()) if len(skin) else float(np.linalg.norm(end - start))
    return end + along * max(reach - 0.005, 0.005)
