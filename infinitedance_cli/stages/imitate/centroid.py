"""Dynamics of a clip as a whole: centre of mass, angular momentum, and the points by which a floor can push."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.stages.imitate.body import SimulatedBody, inertia

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Centroid:
    """Of T frames: `centre` of mass (T, 3) metres; `acceleration` (T, 3) of it, m/s²; `turning` (T, 3) the rate of
    change of the angular momentum about it, N·m; `inertia` (T, 3, 3) about it, kg·m². The first and the last frame,
    which have no neighbours, take the values of the frames beside them. `points` (T, P, 3) of the body that can touch
    the floor, metres, each the lowest of a shape's end; `owner` (P,) is the joint that each moves with."""

    centre: FloatArray
    acceleration: FloatArray
    turning: FloatArray
    inertia: FloatArray
    points: FloatArray
    owner: NDArray[np.intp]


def centroid(clip: MotionClip, body: SimulatedBody) -> Centroid:
    """Dynamics of a clip of 22 joints (T ≥ 3 frames) danced by a body, by central differences."""
    positions, turns = forward_kinematics(
        clip.skeleton, clip.root_position.astype(np.float64), clip.joint_rotation.astype(np.float64)
    )
    joints = np.array([index if part.jointed else part.parent for index, part in enumerate(body.parts)])
    shifts = np.array([np.zeros(3) if part.jointed else part.offset for part in body.parts])
    masses = np.array([part.mass for part in body.parts])
    described = [inertia(part) for part in body.parts]
    middles = shifts + np.array([middle for middle, _ in described])
    places = positions[:, joints] + rotation.rotate(turns[:, joints], middles)
    centre = np.einsum("b,tbk->tk", masses / masses.sum(), places)
    arms = places - centre[:, None]
    matrices = rotation.to_matrix(turns[:, joints])
    own = np.stack([_symmetric(six) for _, six in described])
    about = matrices @ own @ np.swapaxes(matrices, -1, -2)
    momentum = _momentum(arms, about, turns[:, joints], masses, clip.fps)
    points, owner = _points(body, positions, turns)
    return Centroid(
        centre,
        _with_ends(np.diff(centre, n=2, axis=0) * clip.fps**2),
        _with_ends(np.diff(momentum, axis=0) * clip.fps),
        about.sum(axis=1) + _point_inertia(arms, masses),
        points,
        owner,
    )


def _momentum(arms: FloatArray, about: FloatArray, turns: FloatArray, masses: FloatArray, fps: float) -> FloatArray:
    """Angular momentum (T−1, 3) about the centre of mass, half-way between the frames."""
    spin = rotation.to_axis_angle(rotation.multiply(turns[1:], rotation.inverse(turns[:-1]))) * fps
    middle, speed = (arms[1:] + arms[:-1]) / 2, np.diff(arms, axis=0) * fps
    own = np.einsum("tbij,tbj->ti", (about[1:] + about[:-1]) / 2, spin)
    total: FloatArray = own + np.einsum("b,tbk->tk", masses, np.cross(middle, speed))
    return total


def _point_inertia(arms: FloatArray, masses: FloatArray) -> FloatArray:
    square = np.einsum("b,tbk,tbk->t", masses, arms, arms)
    product: FloatArray = square[:, None, None] * np.eye(3) - np.einsum("b,tbi,tbj->tij", masses, arms, arms)
    return product


def _symmetric(six: FloatArray) -> FloatArray:
    xx, yy, zz, xy, xz, yz = six
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def _points(body: SimulatedBody, positions: FloatArray, turns: FloatArray) -> tuple[FloatArray, NDArray[np.intp]]:
    points, owner = [], []
    for index, part in enumerate(body.parts):
        joint, shift = (index, np.zeros(3)) if part.jointed else (part.parent, part.offset)
        for shape in part.shapes:
            if shape.touches == "self":
                continue
            ends = [shape.start] if np.array_equal(shape.start, shape.end) else [shape.start, shape.end]
            for end in ends:
                points.append(
                    positions[:, joint] + rotation.rotate(turns[:, joint], shift + end) - [0, shape.radius, 0]
                )
                owner.append(joint)
    return np.stack(points, axis=1), np.array(owner)


def _with_ends(inner: FloatArray) -> FloatArray:
    return np.concatenate((inner[:1], inner, inner[-1:]))
