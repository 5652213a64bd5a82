"""Rotations as arrays: unit quaternions (w, x, y, z), axis-angle, matrices and the 6-D form.

Every function works on any leading shape, in the floating type of its input, and returns new arrays.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

_TINY = 1e-12


def identity(*shape: int) -> FloatArray:
    """Identity quaternions of shape (*shape, 4), float32."""
    quaternions = np.zeros((*shape, 4), dtype=np.float32)
    quaternions[..., 0] = 1.0
    return quaternions


def normalize(vectors: FloatArray) -> FloatArray:
    """Vectors (..., N) scaled to unit length; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, _TINY)


def multiply(left: FloatArray, right: FloatArray) -> FloatArray:
    """Hamilton product (..., 4): the rotation `right` followed by `left`."""
    lw, lx, ly, lz = np.moveaxis(left, -1, 0)
    rw, rx, ry, rz = np.moveaxis(right, -1, 0)
    return np.stack(
        (
            lw * rw - lx * rx - ly * ry - lz * rz,
            lw * rx + lx * rw + ly * rz - lz * ry,
            lw * ry - lx * rz + ly * rw + lz * rx,
            lw * rz + lx * ry - ly * rx + lz * rw,
        ),
        axis=-1,
    )


def inverse(quaternions: FloatArray) -> FloatArray:
    """Inverse of unit quaternions (..., 4)."""
    return quaternions * np.array([1, -1, -1, -1], dtype=quaternions.dtype)


def rotate(quaternions: FloatArray, vectors: FloatArray) -> FloatArray:
    """Vectors (..., 3) turned by unit quaternions (..., 4); leading shapes broadcast."""
    axis = quaternions[..., 1:]
    twice_cross = 2.0 * np.cross(axis, vectors)
    return vectors + quaternions[..., :1] * twice_cross + np.cross(axis, twice_cross)


def from_axis_angle(vectors: FloatArray) -> FloatArray:
    """Axis-angle vectors (..., 3) in radians to unit quaternions (..., 4)."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    # sin(a/2)/a tends to 1/2: np.sinc avoids the division by zero.
    scale = 0.5 * np.sinc(angle / (2.0 * np.pi))
    return np.concatenate((np.cos(0.5 * angle), vectors * scale), axis=-1).astype(vectors.dtype)


def to_axis_angle(quaternions: FloatArray) -> FloatArray:
    """Unit quaternions (..., 4) to axis-angle (..., 3), angle in [0, π]."""
    positive = np.where(quaternions[..., :1] < 0, -quaternions, quaternions)
    sine = np.linalg.norm(positive[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, positive[..., :1])
    # angle/sin(angle/2) tends to 2 for small angles.
    scale = np.where(sine > 1e-7, angle / np.maximum(sine, 1e-7), 2.0)
    return (positive[..., 1:] * scale).astype(quaternions.dtype)


def about_axis(axis: Literal["x", "y", "z"], angle: FloatArray) -> FloatArray:
    """Quaternions (..., 4) that turn by `angle` (...) radians about a coordinate axis."""
    angle = np.asarray(angle, dtype=np.result_type(angle, np.float32))
    quaternions = np.zeros((*angle.shape, 4), dtype=angle.dtype)
    quaternions[..., 0] = np.cos(0.5 * angle)
    quaternions[..., 1 + "xyz".index(axis)] = np.sin(0.5 * angle)
    return quaternions


def to_matrix(quaternions: FloatArray) -> FloatArray:
    """Unit quaternions (..., 4) to rotation matrices (..., 3, 3) that act on column vectors."""
    w, x, y, z = np.moveaxis(quaternions, -1, 0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(matrices: FloatArray) -> FloatArray:
    """Rotation matrices (..., 3, 3) to unit quaternions (..., 4) with w ≥ 0 (the largest-component method)."""
    m = matrices
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    squares = np.stack([trace, m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], axis=-1)
    squares = 1.0 + 2.0 * squares - trace[..., None]
    squares[..., 0] = 1.0 + trace
    off = [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]]
    add = [m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]]
    candidates = np.stack(
        [
            np.stack([squares[..., 0], off[0], off[1], off[2]], axis=-1),
            np.stack([off[0], squares[..., 1], add[0], add[1]], axis=-1),
            np.stack([off[1], add[0], squares[..., 2], add[2]], axis=-1),
            np.stack([off[2], add[1], add[2], squares[..., 3]], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(squares, axis=-1)[..., None, None]
    quaternions = normalize(np.take_along_axis(candidates, best, axis=-2)[..., 0, :])
    return np.where(quaternions[..., :1] < 0, -quaternions, quaternions).astype(matrices.dtype)


def to_6d(quaternions: FloatArray, layout: Literal["columns", "rows"] = "columns") -> FloatArray:
    """Unit quaternions (..., 4) to the 6-D form (..., 6): the first two columns (HumanML3D) or rows (pytorch3d)."""
    matrix = to_matrix(quaternions)
    if layout == "columns":
        matrix = np.swapaxes(matrix, -1, -2)
    return matrix[..., :2, :].reshape(*matrix.shape[:-2], 6)


def from_6d(values: FloatArray, layout: Literal["columns", "rows"] = "columns") -> FloatArray:
    """The 6-D form (..., 6) to unit quaternions (..., 4) by Gram–Schmidt; see `to_6d`."""
    first = normalize(values[..., :3])
    second = values[..., 3:] - np.sum(first * values[..., 3:], axis=-1, keepdims=True) * first
    second = normalize(second)
    matrix = np.stack((first, second, np.cross(first, second)), axis=-2)
    if layout == "columns":
        matrix = np.swapaxes(matrix, -1, -2)
    return from_matrix(matrix)


def between(source: FloatArray, target: FloatArray) -> FloatArray:
    """Smallest rotations (..., 4) that take directions `source` (..., 3) to `target` (..., 3).

    Opposite directions turn by π about an arbitrary perpendicular axis.
    """
    source, target = np.broadcast_arrays(normalize(source), normalize(target))
    real = 1.0 + np.sum(source * target, axis=-1, keepdims=True)
    imaginary = np.cross(source, target)
    least = np.eye(3, dtype=source.dtype)[np.argmin(np.abs(source), axis=-1)]
    fallback = np.cross(source, least)
    opposite = real < 1e-7
    return normalize(np.concatenate((np.where(opposite, 0, real), np.where(opposite, fallback, imaginary)), axis=-1))


def twist_about(quaternions: FloatArray, axis: FloatArray) -> FloatArray:
    """The part (..., 4) of each rotation that turns about the unit `axis` (..., 3): rotation = swing ∘ twist."""
    along = np.sum(quaternions[..., 1:] * axis, axis=-1, keepdims=True)
    twist = np.concatenate((quaternions[..., :1], along * axis), axis=-1)
    degenerate = np.linalg.norm(twist, axis=-1, keepdims=True) < 1e-7
    unit = np.zeros_like(twist)
    unit[..., 0] = 1.0
    return np.where(degenerate, unit, normalize(twist))


def heading(quaternions: FloatArray) -> FloatArray:
    """Yaw (...,) in radians of +Z after the rotation: 0 faces +Z, π/2 faces +X (y up)."""
    forward = rotate(quaternions, np.array([0, 0, 1], dtype=quaternions.dtype))
    return np.arctan2(forward[..., 0], forward[..., 2])


def continuous(quaternions: FloatArray) -> FloatArray:
    """Quaternions (T, ..., 4) with signs chosen so that neighbours in time never lie on opposite hemispheres."""
    dots = np.sum(quaternions[1:] * quaternions[:-1], axis=-1, keepdims=True)
    signs = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    return np.concatenate((quaternions[:1], quaternions[1:] * signs), axis=0).astype(quaternions.dtype)


def slerp(start: FloatArray, end: FloatArray, fraction: FloatArray) -> FloatArray:
    """Shortest-path spherical interpolation (..., 4); `fraction` (...) in [0, 1]."""
    dot = np.sum(start * end, axis=-1, keepdims=True)
    end = np.where(dot < 0, -end, end)
    angle = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    part = np.asarray(fraction, dtype=start.dtype)[..., None]
    sine = np.sin(angle)
    near = sine < 1e-6
    safe = np.where(near, 1.0, sine)
    first = np.where(near, 1.0 - part, np.sin((1.0 - part) * angle) / safe)
    second = np.where(near, part, np.sin(part * angle) / safe)
    return normalize(first * start + second * end)


def angular_velocity(quaternions: FloatArray, fps: float) -> FloatArray:
    """Angular velocity (T-1, ..., 3) in rad/s between successive rotations (T, ..., 4), in the parent's frame."""
    return to_axis_angle(multiply(quaternions[1:], inverse(quaternions[:-1]))) * fps
