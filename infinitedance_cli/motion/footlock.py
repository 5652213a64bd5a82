"""Lock planted feet to the floor: the last step of `generate`.

Decide when heel and toe are planted; move the root gently so that they drift less; smooth the remaining foot paths to
a standstill where they are planted; bring the legs there by two-bone inverse kinematics. All but the root's position
and the rotations of hips, knees and ankles stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import FootContacts, MotionClip
from infinitedance_cli.motion.contact import (
    FOOT_JOINTS,
    FOOT_LABELS,
    GENERATED,
    ContactRule,
    detect_contacts,
    foot_rest_heights,
    hold_contacts,
)
from infinitedance_cli.motion.features.heading import turn, wrap
from infinitedance_cli.motion.foot_memory import FootMemory
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.leg_ik import LEFT_LEG, RIGHT_LEG, LegChain, solve_leg
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.motion.trajectory_fit import PathFit

FloatArray = NDArray[np.floating]

ANKLES, TOES = (0, 2), (1, 3)
"""Columns of the ankles and of the toes among `FOOT_JOINTS`."""
_HOLD = 4.0
"""Weight of standing still against a smooth path."""


@dataclass(frozen=True)
class FootLock:
    """How feet are locked.

    `rule` finds contacts where no probabilities are given; `probability` is the least one that begins a contact, half
    of it keeps it. `root_smoothing` frames: the root follows the planted feet no faster than this. `ease` frames over
    which a foot comes to rest and leaves. `reach`: leg extension, share of its length, beyond which the body is lowered
    instead; `softness`: how softly full extension is approached. `clearance`: metres that a foot in the air may be
    below its standing height. Without `moves_body` only the legs follow the feet: the body stays where it is, unless
    it has to be lowered for a leg to reach.
    """

    rule: ContactRule = GENERATED
    probability: float = 0.5
    root_smoothing: float = 4.0
    ease: float = 2.0
    reach: float = 0.995
    softness: float = 0.002
    clearance: float = 0.01
    moves_body: bool = True


def lock_feet(
    clip: MotionClip,
    contact_probability: FloatArray | None = None,
    config: FootLock | None = None,
    memory: FootMemory | None = None,
) -> MotionClip:
    """The clip with planted feet at rest on the floor y = 0, and its `contacts` set to what was planted.

    `memory` goes on from a window that begins earlier, and remembers this one.
    `contact_probability` (T, 4) in [0, 1] for `FOOT_LABELS` decides what is planted instead of the motion itself.
    Raises BadInput when its shape is wrong or the skeleton has no SMPL-X legs.
    """
    config = FootLock() if config is None else config
    if clip.skeleton.joint_count < BODY_JOINT_COUNT or clip.skeleton.joint_names[7] != FOOT_LABELS[0]:
        raise BadInput(f"clip {clip.clip_id}: feet can only be locked on a skeleton in SMPL-X joint order")
    if contact_probability is not None and contact_probability.shape != (clip.frames, len(FOOT_LABELS)):
        shape = contact_probability.shape
        raise BadInput(f"clip {clip.clip_id}: contact probabilities {shape}; expected ({clip.frames}, 4)")
    body = clip.skeleton.first(BODY_JOINT_COUNT)
    local = clip.joint_rotation[:, :BODY_JOINT_COUNT].astype(np.float64)
    positions, world = forward_kinematics(body, clip.root_position.astype(np.float64), local)
    rest = foot_rest_heights(clip.skeleton.rest_positions())
    for _ in range(3 if contact_probability is None else 1):
        planted = _planted(positions, clip.fps, rest, contact_probability, config)
        if not config.moves_body:
            break
        positions = positions + root_correction(positions, planted, rest, config)[:, None]
    targets = foot_targets(positions[:, FOOT_JOINTS], planted, rest, config, memory)
    positions = positions + _reach_correction(positions, targets, config)[:, None]
    joints = clip.joint_rotation.copy()
    for leg, column in ((LEFT_LEG, 0), (RIGHT_LEG, 2)):
        stands = planted[:, column] | planted[:, column + 1]
        shift = _comfortable(positions, leg, targets[:, column], stands, config) - targets[:, column]
        ankle, toe = targets[:, column] + shift, targets[:, column + 1] + shift
        write_leg(joints, local, positions, world, leg, ankle, toe - ankle)
    return replace(
        clip,
        root_position=positions[:, 0].astype(np.float32),
        joint_rotation=joints,
        contacts=FootContacts(planted, FOOT_LABELS),
    )


def _planted(
    positions: FloatArray, fps: float, rest: FloatArray, probability: FloatArray | None, config: FootLock
) -> NDArray[np.bool_]:
    """Which of the four foot joints are planted, (T, 4)."""
    if probability is None:
        return detect_contacts(positions, fps, config.rule, rest).planted
    begins, lasts = probability >= config.probability, probability >= 0.5 * config.probability
    return hold_contacts(begins, lasts, config.rule.shortest)


def root_correction(
    positions: FloatArray, planted: NDArray[np.bool_], rest: FloatArray, config: FootLock
) -> FloatArray:
    """Offset (T, 3) of the whole body that takes out the common drift and height error of planted feet, smoothly.

    Horizontally the drift of the planted joints (T, 4) is removed as a velocity and stays removed: the path changes.
    """
    frames = len(positions)
    feet = positions[:, FOOT_JOINTS]
    both = planted[1:] & planted[:-1]
    count = both.sum(axis=1).astype(np.float64)
    drift = np.sum(np.diff(feet, axis=0)[..., [0, 2]] * both[..., None], axis=1) / np.maximum(count, 1)[:, None]
    velocity = PathFit(frames - 1, 2)
    velocity.add(0, count, -drift)
    velocity.add(0, 0.02)
    velocity.add(2, config.root_smoothing**4)
    height = PathFit(frames, 1)
    toes = planted[:, TOES]
    weight = toes.sum(axis=1).astype(np.float64)
    error = np.sum((rest - feet[..., 1])[:, TOES] * toes, axis=1) / np.maximum(weight, 1)
    height.add(0, weight, error[:, None])
    height.add(0, 0.02)
    height.add(3, (2 * config.root_smoothing) ** 6)
    offset = np.zeros((frames, 3))
    offset[1:, [0, 2]] = np.cumsum(velocity.solve(), axis=0)
    offset[:, 1:2] = height.solve()
    return offset


def foot_targets(
    feet: FloatArray,
    planted: NDArray[np.bool_],
    rest: FloatArray,
    config: FootLock,
    memory: FootMemory | None = None,
) -> FloatArray:
    """Paths (T, 4, 3) of the foot joints that rest while planted and stay above the floor; feet keep their length.

    A foot is moved as a rigid piece: its pitch follows from the heights of ankle and toe, it stops turning while both
    are planted, and it is shifted so that whichever is planted rests.
    """
    paths = np.empty_like(feet)
    memory = FootMemory() if memory is None else memory
    for ankle, toe in zip(ANKLES, TOES, strict=True):
        low = _standing_height(feet[:, ankle, 1], planted[:, ankle], rest[ankle], config, keeps_tiptoe=True)
        high = _standing_height(feet[:, toe, 1], planted[:, toe], rest[toe], config, keeps_tiptoe=False)
        flat = planted[:, ankle] & planted[:, toe]
        turned = memory.solve(f"turn {ankle}", _yaw_fit(feet[:, toe] - feet[:, ankle], flat))
        bone = _foot_bone(feet[:, toe] - feet[:, ankle], high - low, turned[:, 0])
        start = feet[:, ankle].copy()
        start[:, 1] = low
        shift = PathFit(len(feet), 2)
        for joint, path in ((ankle, start), (toe, start + bone)):
            shift.add(1, _HOLD * _held(planted[:, joint]), -np.diff(path[:, [0, 2]], axis=0))
        shift.add(2, 1.0)
        shift.add(0, (4 * config.ease) ** -4)
        start[:, [0, 2]] += memory.solve(f"shift {ankle}", shift)
        paths[:, ankle], paths[:, toe] = start, start + bone
    return paths


def _held(planted: NDArray[np.bool_]) -> FloatArray:
    """1 for the steps (T-1,) between two planted frames of `planted` (T,), else 0."""
    held: FloatArray = (planted[1:] & planted[:-1]).astype(np.float64)
    return held


def _yaw_fit(bone: FloatArray, flat: NDArray[np.bool_]) -> PathFit:
    """By what angle (T, 1) bones (T, 3) ankle → toe are turned so that they do not turn while `flat` (T,)."""
    yaw = PathFit(len(bone), 1)
    yaw.add(1, _HOLD * _held(flat), -wrap(np.diff(np.arctan2(bone[:, 0], bone[:, 2])))[:, None])
    yaw.add(2, 1.0)
    yaw.add(0, 1e-3)
    return yaw


def _foot_bone(bone: FloatArray, rise: FloatArray, turned: FloatArray) -> FloatArray:
    """The bones (T, 3) ankle → toe at their old length, with `rise` (T,) metres, `turned` (T,) radians about +y."""
    length = np.linalg.norm(bone, axis=-1)
    rise = np.clip(rise, -0.999 * length, 0.999 * length)
    ahead = np.maximum(np.linalg.norm(bone[:, [0, 2]], axis=-1), 0.01)
    scale = np.sqrt(length**2 - rise**2) / ahead
    level = np.stack((bone[:, 0] * scale, np.zeros_like(rise), bone[:, 2] * scale), axis=-1)
    level = turn(level, turned)
    # Where a foot points straight down there is little to scale: its length is kept all the same.
    level[:, 1] = rise
    return rotation.normalize(level) * length[:, None]


def _standing_height(
    path: FloatArray, planted: NDArray[np.bool_], height: float, config: FootLock, *, keeps_tiptoe: bool
) -> FloatArray:
    """Heights (T,) of one joint, smoothly at `height` while planted and never far below it.

    With `keeps_tiptoe` a joint that stands clearly higher stays as high as it is.
    """
    above = path - height
    tiptoe = above * np.clip((above - 0.015) / 0.025, 0, 1) if keeps_tiptoe else 0.0
    lowest = height - config.clearance
    wanted = np.where(planted, height + tiptoe, lowest) - path
    below = np.zeros(len(path), dtype=bool)
    for _ in range(3):
        fit = PathFit(len(path), 1)
        fit.add(0, (planted | below).astype(np.float64), wanted[:, None])
        fit.add(2, config.ease**4)
        fit.add(0, 0.01)
        result = path + fit.solve()[:, 0]
        under = (result < lowest - 1e-3) & ~planted & ~below
        if not under.any():
            break
        below |= under
    return np.maximum(result, lowest)


def _reach_correction(positions: FloatArray, targets: FloatArray, config: FootLock) -> FloatArray:
    """Offset (T, 3) that lowers the body, smoothly, where a leg would have to stretch beyond `config.reach`."""
    excess = np.zeros(len(positions))
    for leg, column in ((LEFT_LEG, 0), (RIGHT_LEG, 2)):
        thigh = np.linalg.norm(positions[:, leg.knee] - positions[:, leg.hip], axis=-1)
        shin = np.linalg.norm(positions[:, leg.ankle] - positions[:, leg.knee], axis=-1)
        before = np.linalg.norm(positions[:, leg.ankle] - positions[:, leg.hip], axis=-1)
        limit = np.maximum(config.reach * (thigh + shin), before)
        line = targets[:, column] - positions[:, leg.hip]
        flat = np.sum(line[:, [0, 2]] ** 2, axis=-1)
        lowest_hip = np.sqrt(np.maximum(limit**2 - flat, 0.0))
        over = (np.linalg.norm(line, axis=-1) > limit) & (line[:, 1] < 0)
        excess = np.maximum(excess, np.where(over, -line[:, 1] - lowest_hip, 0.0))
    offset = np.zeros((len(positions), 3))
    if not excess.any():
        return offset
    needed = np.zeros(len(positions), dtype=bool)
    for _ in range(3):
        needed |= excess + offset[:, 1] > 1e-4
        fit = PathFit(len(positions), 1)
        fit.add(0, np.where(needed, 1.0, 0.0), -excess[:, None])
        fit.add(0, 0.01)
        fit.add(3, config.root_smoothing**6)
        offset[:, 1] = np.minimum(fit.solve()[:, 0], 0.0)
    return offset


def _comfortable(
    positions: FloatArray, leg: LegChain, ankle: FloatArray, stands: NDArray[np.bool_], config: FootLock
) -> FloatArray:
    """The wanted `ankle` (T, 3) moved along the leg so that the knee neither snaps straight nor locks.

    Near full extension the knee's angle changes without bound with the leg's length. So a leg approaches its full
    length softly, and one that does not stand (T,) is not stretched further than it was.
    """
    hip = positions[:, leg.hip]
    full = np.linalg.norm(positions[:, leg.knee] - hip, axis=-1)
    full = full + np.linalg.norm(positions[:, leg.ankle] - positions[:, leg.knee], axis=-1)
    before = np.linalg.norm(positions[:, leg.ankle] - hip, axis=-1) / full
    line = ankle - hip
    wanted = np.linalg.norm(line, axis=-1) / full
    weight = PathFit(len(hip), 1)
    weight.add(0, 1.0, stands.astype(np.float64)[:, None])
    weight.add(2, (2 * config.ease) ** 4)
    standing = np.clip(weight.solve()[:, 0], 0, 1)
    near_limit = np.clip((np.maximum(before, wanted) - 0.9) / 0.08, 0, 1)
    extension = wanted - np.maximum(wanted - before, 0) * near_limit * (1 - standing)
    extension = 1 - config.softness * np.logaddexp(0, (1 - extension) / config.softness)
    moved: FloatArray = hip + rotation.normalize(line) * (extension * full)[:, None]
    return moved


def write_leg(
    joints: FloatArray,
    local: FloatArray,
    positions: FloatArray,
    world: FloatArray,
    leg: LegChain,
    ankle: FloatArray,
    foot: FloatArray,
) -> None:
    """Solve one leg and write its local rotations into `joints` (T, J, 4)."""
    hip_world, knee_world, ankle_world = solve_leg(positions, world, leg, ankle, foot)
    turned = (world[:, 0], hip_world, knee_world, ankle_world)
    for joint, parent, own in zip((leg.hip, leg.knee, leg.ankle), turned, turned[1:], strict=False):
        rotations = rotation.normalize(rotation.multiply(rotation.inverse(parent), own))
        same_side = np.sum(rotations * local[:, joint], axis=-1, keepdims=True) >= 0
        joints[:, joint] = np.where(same_side, rotations, -rotations)
