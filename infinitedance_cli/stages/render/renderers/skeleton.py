"""A stick figure: a ball at each joint, a tapered bone to each child. It draws any skeleton."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.stages.render.figure import Figure, vertex_normals

DESCRIPTION = "a stick figure, for any skeleton"

LEFT, RIGHT, MIDDLE = (1.0, 0.52, 0.20, 0.0), (0.22, 0.55, 1.0, 0.0), (0.92, 0.92, 0.95, 0.0)
_FINE = ("index", "middle", "pinky", "ring", "thumb")
_HIDDEN = ("jaw", "eye")
_SIDES, _RINGS = 12, 8
_HEAD_RADIUS = 0.095

Floats = NDArray[np.float32]


def figure(clip: MotionClip, files: Path | None = None) -> Figure:
    """Balls and bones in the proportions of the clip's own skeleton."""
    skeleton = clip.skeleton
    rest = skeleton.rest_positions()
    parts = [part for joint in range(skeleton.joint_count) for part in _joint_parts(skeleton, rest, joint)]
    starts = np.cumsum([0, *(len(vertices) for vertices, *_ in parts)])
    vertices = np.concatenate([part[0] for part in parts]).astype(np.float32)
    faces = np.concatenate([part[1] + start for part, start in zip(parts, starts, strict=False)]).astype(np.int32)
    joints = np.concatenate([np.full(len(part[0]), part[2], np.uint8) for part in parts])
    colours = np.concatenate([np.tile(np.array(part[3], np.float32), (len(part[0]), 1)) for part in parts])
    weights = np.zeros((len(vertices), 4), np.float32)
    weights[:, 0] = 1
    return Figure(
        vertices=vertices,
        normals=vertex_normals(vertices, faces),
        faces=faces,
        joint_indices=np.repeat(joints[:, None], 4, axis=1),
        joint_weights=weights,
        rest_positions=rest,
        colours=colours,
    )


Part = tuple[Floats, NDArray[np.int32], int, tuple[float, float, float, float]]


def _joint_parts(skeleton: Skeleton, rest: Floats, joint: int) -> list[Part]:
    """The ball of a joint and the bone that leads to it, which its parent carries."""
    name, parent = skeleton.joint_names[joint].lower(), skeleton.parents[joint]
    if any(word in name for word in _HIDDEN):
        return []
    colour = LEFT if "left" in name else RIGHT if "right" in name else MIDDLE
    radius = 0.009 if any(word in name for word in _FINE) and skeleton.joint_count > 24 else 0.028
    centre = rest[joint]
    if name == "head":
        centre, radius = centre + np.array([0, 0.075, 0.015], np.float32), _HEAD_RADIUS
    vertices, faces = _ball()
    parts: list[Part] = [(vertices * radius + centre, faces, joint, colour)]
    length = float(np.linalg.norm(rest[joint] - rest[parent])) if parent >= 0 else 0.0
    if length > 1e-4:
        parts.append((_bone(rest[parent], rest[joint], min(radius, 0.028) * 0.8), _tube_faces(), parent, colour))
    return parts


def _ball() -> tuple[Floats, NDArray[np.int32]]:
    """A sphere of radius one about the origin: rings of points from the lower pole to the upper one."""
    heights = np.linspace(-np.pi / 2, np.pi / 2, _RINGS + 1)
    return _revolved(np.cos(heights), np.sin(heights)), _band_faces(_RINGS + 1)


def _bone(start: Floats, end: Floats, radius: float) -> Floats:
    """A tube from `start` to `end`, thickest at a third of its length."""
    along = np.array([0.0, 0.0, 0.33, 1.0, 1.0])
    width = np.array([0.0, 0.7, 1.0, 0.55, 0.0]) * radius
    tube = _revolved(width, along * float(np.linalg.norm(end - start)))
    turn = rotation.between(np.array([0.0, 1.0, 0.0]), rotation.normalize((end - start).astype(np.float64)))
    return (rotation.rotate(turn, tube) + start).astype(np.float32)


def _tube_faces() -> NDArray[np.int32]:
    return _band_faces(5)


def _revolved(radius: NDArray[np.floating], height: NDArray[np.floating]) -> Floats:
    """Points (len · sides, 3) of a surface of revolution about y."""
    angles = np.arange(_SIDES) * (2 * np.pi / _SIDES)
    ring = np.stack((np.sin(angles), np.zeros(_SIDES), np.cos(angles)), axis=-1)
    points = radius[:, None, None] * ring + height[:, None, None] * np.array([0.0, 1.0, 0.0])
    return points.reshape(-1, 3).astype(np.float32)


def _band_faces(rings: int) -> NDArray[np.int32]:
    lower = np.arange((rings - 1) * _SIDES)
    right = lower // _SIDES * _SIDES + (lower + 1) % _SIDES
    upper, across = lower + _SIDES, right + _SIDES
    return np.concatenate((np.stack((lower, right, across), 1), np.stack((lower, across, upper), 1))).astype(np.int32)
