"""Balance the reference: the smallest change of its path with which the floor alone can explain how it moves.

Captured motion asks for forces that no floor gives: a jump whose height is no parabola, a turn whose weight is beside
its foot. Pelvis and upper body are shifted and turned by some centimetres and degrees, planted feet stay, so that
Newton's and Euler's equations of the whole body hold with forces in their friction cones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.leg_ik import LEFT_LEG, RIGHT_LEG, solve_leg
from infinitedance_cli.stages.imitate.body import GRAVITY, SimulatedBody
from infinitedance_cli.stages.imitate.centroid import Centroid, centroid
from infinitedance_cli.stages.imitate.floor_forces import FloorProblem, FloorSolution, solve_floor_problem

FloatArray = NDArray[np.floating]

_POINTS = 16
_FRICTION = 0.8
_EDGES = np.array([[_FRICTION, 1, 0], [-_FRICTION, 1, 0], [0, 1, _FRICTION], [0, 1, -_FRICTION]])
_FEET = (7, 8, 10, 11)


@dataclass(frozen=True)
class BalanceConfig:
    """Sizes that cost the same: a `residual` of force (body weights) or of torque (body weights × 1 m), a `shift_m`, a
    `turn` (radians), a `jolt` of the shift (m/s²). `price` of a load of one body weight on one point, which grows with
    its height over `far_m` and its speed over `fast_m_s`. `rounds` of linearisation."""

    residual: float = 0.01
    shift_m: float = 0.04
    turn: float = 0.08
    jolt: float = 8.0
    price: float = 1e-4
    far_m: float = 0.005
    fast_m_s: float = 0.4
    rounds: int = 3


def balance_reference(clip: MotionClip, body: SimulatedBody, config: BalanceConfig) -> MotionClip:
    """The grounded clip (22 joints) with a path that a floor can explain as far as small changes go."""
    if clip.frames < 5:
        return clip
    result = clip
    change: FloatArray = np.zeros((clip.frames, 6))
    force: FloatArray | None = None
    first = centroid(clip, body)
    planted = planted_feet(first, clip.fps)
    for number in range(config.rounds):
        found = centroid(result, body) if number else first
        solution, edges = _solved(found, change, force, planted, clip.fps, body, config)
        change = solution.change
        force = (edges @ solution.loads[..., None])[:, :3, 0]
        result = changed_path(clip, first.centre, change, planted)
    return result


def planted_feet(found: Centroid, fps: float) -> FloatArray:
    """How much each foot rests on the floor, 0–1, (T, 2): low and slow."""
    from scipy.ndimage import gaussian_filter1d

    speed = np.linalg.norm(np.gradient(found.points, axis=0), axis=-1) * fps
    columns = []
    for foot in ((7, 10), (8, 11)):
        mine = np.isin(found.owner, foot)
        height = found.points[:, mine, 1].min(axis=1)
        low = 1 - np.clip((height - 0.01) / 0.03, 0, 1)
        slow = 1 - np.clip((speed[:, mine].min(axis=1) - 0.5) / 0.7, 0, 1)
        columns.append(gaussian_filter1d(low * slow, 1.0, mode="nearest"))
    return np.stack(columns, axis=1)


def _solved(
    found: Centroid,
    change: FloatArray,
    force: FloatArray | None,
    planted: FloatArray,
    fps: float,
    body: SimulatedBody,
    config: BalanceConfig,
) -> tuple[FloorSolution, FloatArray]:
    weight, frames, dt = body.weight_n, len(found.centre), 1 / fps
    needed = found.acceleration + [0, GRAVITY, 0]
    bias = np.concatenate((needed / GRAVITY, found.turning / weight), axis=1)
    edges, price = _generators(found, fps, config)
    if force is None:
        force = needed / GRAVITY * [1, 1, 1]
    share = 1 - 0.2 * planted.max(axis=1)
    mass, stiffness = np.zeros((frames, 6, 6)), np.zeros((frames, 6, 6))
    mass[:, range(3), range(3)] = share[:, None] / GRAVITY
    mass[:, 3:, 3:] = found.inertia * (1 - 0.3 * planted.max(axis=1))[:, None, None] / weight
    stiffness[:, 3:, :3] = -share[:, None, None] * _cross(force)
    problem = FloorProblem(
        bias,
        mass,
        stiffness,
        edges,
        price,
        np.full((frames, 6), config.residual**-2.0),
        np.tile([config.shift_m**-2.0] * 3 + [config.turn**-2.0] * 3, (frames, 1)),
        np.array([config.jolt**-2.0] * 3 + [(4 * config.jolt) ** -2.0] * 3),
        dt,
    )
    # The dynamics found are those of the changed path: the linear model is about it.
    bias -= problem.moved(change)
    return solve_floor_problem(problem), edges


def _generators(found: Centroid, fps: float, config: BalanceConfig) -> tuple[FloatArray, FloatArray]:
    """Wrenches (T, 6, N) about the centre of mass of unit loads along edges of friction cones, and prices (T, N)."""
    speed = np.linalg.norm(np.gradient(found.points, axis=0), axis=-1) * fps
    far = np.maximum(found.points[..., 1], 0) / config.far_m
    cost = config.price * config.residual**-2.0 * (1 + far**4 + (speed / config.fast_m_s) ** 2)
    best = np.argsort(cost, axis=1)[:, :_POINTS]
    points = np.take_along_axis(found.points, best[..., None], axis=1) * [1, 0, 1]
    arms = points - found.centre[:, None]
    forces = np.broadcast_to(_EDGES, (*arms.shape[:2], 4, 3))
    wrenches = np.concatenate((forces, np.cross(arms[:, :, None], forces)), axis=-1)
    price = np.repeat(np.take_along_axis(cost, best, axis=1), 4, axis=1)
    return np.swapaxes(wrenches.reshape(len(points), -1, 6), 1, 2), price


def _cross(vectors: FloatArray) -> FloatArray:
    """Matrices (T, 3, 3) of v ×."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([np.stack(row, -1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))], axis=1)


def changed_path(clip: MotionClip, centre: FloatArray, change: FloatArray, planted: FloatArray) -> MotionClip:
    """The clip with its root shifted and turned by `change` (T, 6) about the `centre` of mass (T, 3).

    Feet stay where they are as far as they are `planted` (T, 2).
    """
    root = clip.root_position.astype(np.float64)
    joints = clip.joint_rotation.astype(np.float64).copy()
    old_places, old_world = forward_kinematics(clip.skeleton, root, joints)
    turn = rotation.from_axis_angle(change[:, 3:])
    root = centre + rotation.rotate(turn, root - centre) + change[:, :3]
    joints[:, 0] = rotation.multiply(turn, joints[:, 0])
    places, world = forward_kinematics(clip.skeleton, root, joints)
    for column, leg in enumerate((LEFT_LEG, RIGHT_LEG)):
        stay = planted[:, column, None]
        ankle = places[:, leg.ankle] + stay * (old_places[:, leg.ankle] - places[:, leg.ankle])
        old_foot = old_places[:, leg.toe] - old_places[:, leg.ankle]
        foot = places[:, leg.toe] - places[:, leg.ankle]
        turns = solve_leg(places, world, leg, ankle, foot + stay * (old_foot - foot))
        upright = rotation.slerp(turns[2], old_world[:, leg.ankle], planted[:, column])
        parents = (world[:, 0], *turns[:2])
        for joint, parent, turn_ in zip((leg.hip, leg.knee, leg.ankle), parents, (*turns[:2], upright), strict=True):
            joints[:, joint] = rotation.normalize(rotation.multiply(rotation.inverse(parent), turn_))
    return replace(
        clip,
        root_position=root.astype(np.float32),
        joint_rotation=rotation.continuous(joints).astype(np.float32),
    )
