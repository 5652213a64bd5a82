"""Joint rotations from positions and a hint of the rotations: swing from the one, twist from the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import forward_kinematics, local_rotations
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, Skeleton

FloatArray = NDArray[np.floating]

PELVIS, SPINE3 = 0, 9
_PELVIS_POINTS = (1, 2, 3, 4, 5, 6, 9, 12)
"""Hips, spine and knees fix the pelvis: with the rotations known, the knees and the neck are long, steady levers."""
_SPINE3_CHILDREN, _SPINE3_GRANDCHILDREN = (12, 13, 14), (16, 17)
_AIMED = {1: 4, 2: 5, 3: 6, 4: 7, 5: 8, 6: 9, 7: 10, 8: 11, 12: 15, 13: 16, 14: 17, 16: 18, 17: 19, 18: 20, 19: 21}
"""Joints with one child, and that child: the joint is turned until the bone points at the child's position."""


def fit_rotation(rest: FloatArray, observed: FloatArray) -> FloatArray:
    """Rotations (T, 4) about the origin that best take `rest` (T or 1, N, 3) onto `observed` (T, N, 3) (Kabsch)."""
    covariance = np.einsum("tni,tnj->tij", observed, np.broadcast_to(rest, observed.shape))
    left, _, right = np.linalg.svd(covariance)
    left[..., -1] *= np.sign(np.linalg.det(left @ right))[:, None]
    return rotation.from_matrix(left @ right)


def pose_from_positions(
    skeleton: Skeleton, positions: FloatArray, hint: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Local rotations (T, 22, 4) whose forward kinematics follow `positions` (T, 22, 3) at the skeleton's bone lengths.

    `hint` (T, 22, 4) holds local rotations whose twist is kept (joint 0 is not read: the pelvis is fitted to the
    positions); without it every joint turns the shortest way from its parent. Joints without children take the hint.
    Every bone is aimed from where its joint came to lie, so errors of bone length do not add up along a limb.
    Returns the rotations and the joint positions (T, 22, 3) that they give.
    """
    frames = len(positions)
    body = skeleton.first(BODY_JOINT_COUNT)
    offsets = body.offsets.astype(np.float64)
    points = positions.astype(np.float64)
    local = rotation.identity(frames, BODY_JOINT_COUNT).astype(np.float64) if hint is None else hint.astype(np.float64)
    world, placed = np.empty((frames, BODY_JOINT_COUNT, 4)), np.empty((frames, BODY_JOINT_COUNT, 3))
    placed[:, PELVIS] = points[:, PELVIS]
    world[:, PELVIS] = _fit_pelvis(body, points, None if hint is None else local)
    for joint in range(BODY_JOINT_COUNT):
        if joint != PELVIS:
            parent = body.parents[joint]
            placed[:, joint] = placed[:, parent] + rotation.rotate(world[:, parent], offsets[joint])
            world[:, joint] = rotation.multiply(world[:, parent], local[:, joint])
        if joint in _AIMED:
            child = _AIMED[joint]
            bone = rotation.rotate(world[:, joint], offsets[child])
            swing = rotation.between(bone, points[:, child] - placed[:, joint])
            world[:, joint] = rotation.multiply(swing, world[:, joint])
        elif joint == SPINE3:
            world[:, joint] = _fit_spine3(offsets, points - placed[:, joint, None], world[:, joint], local)
    return local_rotations(body, world), placed


def _fit_pelvis(body: Skeleton, points: FloatArray, local: FloatArray | None) -> FloatArray:
    """World rotation (T, 4) of the pelvis; with known rotations the whole trunk and the thighs are fitted at once."""
    observed = points[:, 1:] - points[:, :1]
    if local is None:
        near = [0, 1, 2]
        return fit_rotation(body.offsets[None, 1:4].astype(np.float64), observed[:, near])
    upright = local.copy()
    upright[:, PELVIS] = [1.0, 0.0, 0.0, 0.0]
    rest, _ = forward_kinematics(body.first(13), np.zeros((len(points), 3)), upright[:, :13])
    chosen = list(_PELVIS_POINTS)
    return fit_rotation(rest[:, chosen], observed[:, [joint - 1 for joint in chosen]])


def _fit_spine3(offsets: FloatArray, relative: FloatArray, start: FloatArray, local: FloatArray) -> FloatArray:
    """World rotation (T, 4) of the upper chest from neck, collars and shoulders `relative` to it, near `start`."""
    rest = np.broadcast_to(offsets[list(_SPINE3_CHILDREN)], (len(relative), 3, 3))
    shoulders = [
        offsets[collar] + rotation.rotate(local[:, collar], offsets[shoulder])
        for collar, shoulder in zip(_SPINE3_CHILDREN[1:], _SPINE3_GRANDCHILDREN, strict=True)
    ]
    rest = np.concatenate((rest, np.stack(shoulders, axis=1)), axis=1)
    fitted = fit_rotation(rest, relative[:, [*_SPINE3_CHILDREN, *_SPINE3_GRANDCHILDREN]])
    return np.where(np.sum(fitted * start, axis=-1, keepdims=True) < 0, -fitted, fitted)
