"""The normal equations of the evidence: blocks of each frame, bordered by what is the same in all frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.stages.capture.fitting.camera import Pinhole
from infinitedance_cli.stages.capture.fitting.evidence import Evidence
from infinitedance_cli.stages.capture.fitting.floor import Floor, Standing
from infinitedance_cli.stages.capture.fitting.points import SEGMENTS, point_model
from infinitedance_cli.stages.capture.fitting.pose_model import POSE_SIZE, Jacobian, Person, Pose, rest_lengths

FloatArray = NDArray[np.floating]

SCALES = slice(0, len(SEGMENTS))
FOCAL = len(SEGMENTS)
FLOOR = slice(FOCAL + 1, FOCAL + 4)
SHARED = FOCAL + 4
"""Unknowns of the whole shot: lengths (10), the focal length's logarithm, the floor's two tilts and its height."""

_TAIL = 2.0
"""Residuals beyond this many standard deviations count as outliers more and more (Cauchy's weight)."""
_CHUNK = 128


@dataclass
class Normal:
    """Matrices of one step: `frames` (T, P, P), `border` (T, P, S), `shared` (S, S), and the gradients (T, P), (S,)."""

    frames: FloatArray
    border: FloatArray
    shared: FloatArray
    frame_gradient: FloatArray
    shared_gradient: FloatArray


def assemble(
    person: Person, camera: Pinhole, evidence: Evidence, jacobian: Jacobian, floor: Floor, standing: Standing | None
) -> Normal:
    """The normal equations at the present step; a piece of the shot at a time, to spare memory."""
    count = len(person.root)
    total = Normal(
        np.empty((count, POSE_SIZE, POSE_SIZE)),
        np.empty((count, POSE_SIZE, SHARED)),
        np.zeros((SHARED, SHARED)),
        np.empty((count, POSE_SIZE)),
        np.zeros(SHARED),
    )
    for start in range(0, count, _CHUNK):
        part = slice(start, min(start + _CHUNK, count))
        piece = Person(person.scales, person.root[part], person.local[part], person.points)
        pose = piece.pose()
        moves = np.concatenate((jacobian.by_pose(pose), jacobian.by_scales(pose)), axis=-1)
        rows = [
            _image_rows(pose, moves, camera.part(part), evidence.part(part)),
            _vector_rows(pose, moves, evidence.part(part)),
        ]
        if standing is not None:
            rows.append(_floor_rows(pose, moves, floor, standing.part(part)))
        derivative, residual, weight = (np.concatenate(kind, axis=1) for kind in zip(*rows, strict=True))
        weighted = derivative * weight[..., None]
        square = np.swapaxes(weighted, 1, 2) @ derivative
        gradient = (np.swapaxes(weighted, 1, 2) @ residual[..., None])[..., 0]
        total.frames[part], total.border[part] = square[:, :POSE_SIZE, :POSE_SIZE], square[:, :POSE_SIZE, POSE_SIZE:]
        total.frame_gradient[part] = gradient[:, :POSE_SIZE]
        total.shared += square[:, POSE_SIZE:, POSE_SIZE:].sum(axis=0)
        total.shared_gradient += gradient[:, POSE_SIZE:].sum(axis=0)
    return total


Rows = tuple[FloatArray, FloatArray, FloatArray]
"""Derivatives (T, R, P + S) by a frame's and the shared unknowns, residuals (T, R), weights (T, R)."""


def _with_shared(moves: FloatArray) -> FloatArray:
    """Derivatives (T, R, P + 10) with columns of zeros for focal length and floor."""
    wide = np.zeros((*moves.shape[:2], POSE_SIZE + SHARED))
    wide[..., : moves.shape[-1]] = moves
    return wide


def _image_rows(pose: Pose, moves: FloatArray, camera: Pinhole, evidence: Evidence) -> Rows:
    frames = len(moves)
    seen = camera.project(pose.seen)
    error = seen - evidence.image
    derivative = _with_shared((camera.derivative(pose.seen) @ moves).reshape(frames, -1, moves.shape[-1]))
    derivative[..., POSE_SIZE + FOCAL] = (seen - camera.centre).reshape(frames, -1)
    weight = evidence.image_weight
    off = np.sum(error**2, axis=-1) * weight
    weight = weight / (1 + off / _TAIL**2)
    return derivative, error.reshape(frames, -1), np.repeat(weight, 2, axis=1)


def _vector_rows(pose: Pose, moves: FloatArray, evidence: Evidence) -> Rows:
    """The model's vectors along those that were seen. Only directions count, so that lengths are the person's own.

    The error of a direction is told in metres at the vector's length on the default body: a person does not fit better
    by being smaller.
    """
    frames, table = len(moves), point_model().vectors
    model = table @ pose.seen
    size = np.maximum(np.linalg.norm(model, axis=-1, keepdims=True), 1e-3)
    unit = model / size
    change = (table @ moves.reshape(frames, moves.shape[1], -1)).reshape(frames, len(table), 3, -1)
    change = change - unit[..., None] * (unit[:, :, None, :] @ change)
    into_ray = np.swapaxes(evidence.ray, 1, 2)[:, None] * rest_lengths()[:, None, None]
    expected = unit + rotation.rotate(pose.world[:, point_model().bias_joint], point_model().bias)
    error = (into_ray @ expected[..., None])[..., 0] - evidence.vectors * rest_lengths()[:, None]
    weight = evidence.vector_weight
    off = np.sum(error**2 * weight, axis=-1, keepdims=True)
    weight = weight / (1 + off / _TAIL**2)
    derivative = _with_shared(((into_ray / size[..., None]) @ change).reshape(frames, -1, moves.shape[-1]))
    return derivative, error.reshape(frames, -1), weight.reshape(frames, -1)


def _floor_rows(pose: Pose, moves: FloatArray, floor: Floor, standing: Standing) -> Rows:
    """Standing points of the feet: at their height over the floor, and where they stood before."""
    frames = len(moves)
    points, change = pose.seen[:, standing.points], moves[:, standing.points]
    height = points @ floor.up - floor.height - standing.rest
    derivative = _with_shared(np.einsum("a,tlan->tln", floor.up, change))
    derivative[..., POSE_SIZE + FLOOR.start] = points @ floor.tilts[0]
    derivative[..., POSE_SIZE + FLOOR.start + 1] = points @ floor.tilts[1]
    derivative[..., POSE_SIZE + FLOOR.start + 2] = -1.0
    apart = points - standing.anchors
    away = _with_shared(change.reshape(frames, -1, moves.shape[-1]))
    upright = standing.weight / standing.spread**2
    still = np.repeat(standing.weight, 3, axis=1) / standing.slip**2
    return (
        np.concatenate((derivative, away), axis=1),
        np.concatenate((height, apart.reshape(frames, -1)), axis=1),
        np.concatenate((upright, still), axis=1),
    )
