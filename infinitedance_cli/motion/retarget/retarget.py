"""From a foreign skeleton to ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics, local_rotations
from infinitedance_cli.motion.retarget.calibrate import Calibration, calibrate
from infinitedance_cli.motion.retarget.canonical import SIDES, RoleMotion, to_roles
from infinitedance_cli.motion.retarget.feet import (
    Foot,
    contacts,
    follow_feet,
    lower_to_reach,
    plant,
    reach,
    toe_offset,
    toe_turns,
)
from infinitedance_cli.motion.retarget.filters import (
    despike_positions,
    despike_rotations,
    limit_speed,
    low_pass,
    low_pass_rotations,
)
from infinitedance_cli.motion.retarget.hands import hand_rotations
from infinitedance_cli.motion.retarget.planted import floor_drift, standing_height
from infinitedance_cli.motion.retarget.solve import solve, stack, unstack
from infinitedance_cli.motion.retarget.source import SourceMotion
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, Skeleton, default_skeleton

Array = NDArray[np.floating]


@dataclass(frozen=True)
class RetargetOptions:
    """What retargeting does beside moving the pose.

    `fps` of the result; `speed_limit` rad/s for every joint; `cutoff_hz` of the low-pass filter (0 switches it off);
    `despike` repairs single bad frames; `plant_feet` levels soles and holds feet still while they stand;
    `face_forward` turns the clip so that the first frame faces +Z and stands over the origin.
    """

    fps: float = 30.0
    speed_limit: float = 20.0
    cutoff_hz: float = 8.0
    despike: bool = True
    plant_feet: bool = True
    face_forward: bool = True


def retarget(
    source: SourceMotion,
    options: RetargetOptions | None = None,
    calibration: Calibration | None = None,
    floor: float | None = None,
) -> MotionClip:
    """`source` on `default_skeleton()`: 30 fps, y up, the first frame facing +Z over the origin, feet on the floor.

    `calibration` and `floor` (the ankle's standing height, metres of our size) from other clips of the same rig and
    recording steady what one short clip cannot tell: see `calibrate_sources` and `floor_of`. Raises BadInput where
    the skeleton is no human body.
    """
    options = options or RetargetOptions()
    skeleton = default_skeleton()
    motion = to_roles(source, skeleton, options.fps)
    if calibration is None:
        calibration = calibrate([motion], skeleton)
    motion = grounded(motion, skeleton, floor)
    root, world = solve(motion, calibration, skeleton)
    root, local = _clean(root, local_rotations(skeleton.first(BODY_JOINT_COUNT), world), options)
    if options.plant_feet:
        feet = _feet(motion, root, local, _cleaned_turns(world, options), skeleton)
        root, local = _stand(root, local, feet, motion, skeleton)
        local = limit_speed(local, options.fps, options.speed_limit)
    if options.face_forward:
        root, local = face_forward(root, local)
    full = np.concatenate((local, _hands(motion, world, options, skeleton)), axis=1)
    return MotionClip(
        clip_id=source.clip_id,
        skeleton=skeleton,
        fps=options.fps,
        root_position=root.astype(np.float32),
        joint_rotation=rotation.normalize(full).astype(np.float32),
    )


def calibrate_sources(sources: Sequence[SourceMotion], fps: float = 30.0) -> Calibration:
    """One calibration for clips of the same rig; see `calibrate`."""
    skeleton = default_skeleton()
    return calibrate([to_roles(source, skeleton, fps) for source in sources], skeleton)


def floor_of(sources: Sequence[SourceMotion], fps: float = 30.0) -> float:
    """The ankle's standing height over clips that share a floor, for `retarget`'s `floor`."""
    skeleton = default_skeleton()
    points = [to_roles(source, skeleton, fps).motion.points for source in sources]
    joined = {role: np.concatenate([each[role] for each in points]) for role in ("left_ankle", "right_ankle")}
    return standing_height(joined, fps)


def grounded(motion: RoleMotion, skeleton: Skeleton, floor: float | None = None) -> RoleMotion:
    """The source moved up or down so that a standing foot's ankle is at our ankle's rest height.

    One constant for the clip; only where the whole body floats for longer than a jump lasts does the floor follow.
    """
    points = motion.motion.points
    height = standing_height(points, motion.fps) if floor is None else floor
    rest = float(skeleton.rest_positions()[skeleton.index("left_ankle"), 1])
    lift = rest - height - (floor_drift(points, motion.fps, height, rest) if floor is None else 0.0)
    up = np.zeros((motion.frames, 3))
    up[:, 1] = lift
    return replace(motion, motion=replace(motion.motion, points={role: p + up for role, p in points.items()}))


def _clean(root: Array, local: Array, options: RetargetOptions) -> tuple[Array, Array]:
    """Spikes out, noise above the cut-off out, within the speed limit: root (T, 3) and local rotations (T, J, 4)."""
    root = low_pass(despike_positions(root) if options.despike else root, options.cutoff_hz, options.fps)
    return root, limit_speed(_cleaned_turns(local, options), options.fps, options.speed_limit)


def _cleaned_turns(turns: Array, options: RetargetOptions) -> Array:
    """Rotations (T, J, 4) without spikes and noise."""
    turns = despike_rotations(turns) if options.despike else turns
    return low_pass_rotations(turns, options.cutoff_hz, options.fps)


def _feet(motion: RoleMotion, root: Array, local: Array, world: Array, skeleton: Skeleton) -> list[Foot]:
    """Our feet as the cleaned pose has them, with the contacts that the source's feet have.

    `world` (T, 22, 4) are the rotations before cleaning: a foot that stands still turns least in the world, so its
    rotation is cleaned there and not joint by joint down the leg.
    """
    positions = forward_kinematics(skeleton.first(BODY_JOINT_COUNT), root, local)[0]
    points, turns = motion.motion.points, unstack(world)
    ankles = {side: points[f"{side}_ankle"] for side in SIDES}
    toes = {side: _toe(points, side, turns[f"{side}_ankle"], motion.fps, skeleton) for side in SIDES}
    planted = contacts(ankles, toes, motion.fps)
    return [
        Foot(side, positions[:, skeleton.index(f"{side}_ankle")], turns[f"{side}_ankle"], *planted[side])
        for side in SIDES
    ]


def _toe(points: dict[str, Array], side: str, turn: Array, fps: float, skeleton: Skeleton) -> Array:
    """The source's toe joint (T, 3) with its standing height at ours; ours on the source's ankle where it has none."""
    if f"{side}_foot" not in points:
        return points[f"{side}_ankle"] + rotation.rotate(turn, toe_offset(side, skeleton))
    rest = skeleton.rest_positions()[:, 1]
    drop = float(rest[skeleton.index(f"{side}_ankle")] - rest[skeleton.index(f"{side}_foot")])
    # How far the source's toe joint is below its ankle in a standing foot, whatever the floor is.
    theirs = standing_height(points, fps) - standing_height(points, fps, "foot")
    return points[f"{side}_foot"] + np.array([0.0, theirs - drop, 0.0])


def _stand(root: Array, local: Array, feet: list[Foot], motion: RoleMotion, skeleton: Skeleton) -> tuple[Array, Array]:
    """Legs solved to the planted feet; feet and toes keep their rotation in the world."""
    body = skeleton.first(BODY_JOINT_COUNT)
    world = unstack(forward_kinematics(body, root, local)[1])
    before, feet = feet, [plant(foot, skeleton) for foot in feet]
    root = lower_to_reach(follow_feet(root, before, feet), world, feet, skeleton)
    for foot in feet:
        toes = rotation.multiply(rotation.inverse(world[f"{foot.side}_ankle"]), world[f"{foot.side}_foot"])
        world |= reach(root, foot.ankle, foot.side, world, skeleton)
        world[f"{foot.side}_ankle"] = foot.turn
        if f"{foot.side}_foot" in motion.motion.turns:
            world[f"{foot.side}_foot"] = rotation.multiply(foot.turn, toes)
        else:
            world[f"{foot.side}_foot"] = toe_turns(foot, skeleton)
    return root, local_rotations(body, stack(world))


def _hands(motion: RoleMotion, world: Array, options: RetargetOptions, skeleton: Skeleton) -> Array:
    """Face and fingers (T, 33, 4), cleaned as the body is; bends are taken against the wrists before cleaning."""
    turns = unstack(world)
    wrists = {side: turns[f"{side}_wrist"] for side in SIDES}
    hands = hand_rotations(motion.motion.points, wrists, motion.frames, skeleton)
    return limit_speed(_cleaned_turns(hands, options), options.fps, options.speed_limit)


def face_forward(root: Array, local: Array) -> tuple[Array, Array]:
    """The clip turned about y and moved so that its first frame faces +Z with the root over the origin."""
    turn = rotation.about_axis("y", -rotation.heading(local[0, 0]))
    root = rotation.rotate(turn, root - root[0] * np.array([1.0, 0.0, 1.0]))
    local = local.copy()
    local[:, 0] = rotation.multiply(np.broadcast_to(turn, local[:, 0].shape), local[:, 0])
    return root, local
