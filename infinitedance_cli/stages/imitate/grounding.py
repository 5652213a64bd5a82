"""Ground the reference: smooth it, stand it on the floor, rest its planted feet, keep its soles out of the floor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import ROBUST
from infinitedance_cli.motion.footlock import FootLock, lock_feet
from infinitedance_cli.motion.ground import GroundConfig, ground
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.leg_ik import LEFT_LEG, RIGHT_LEG, solve_leg
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.stages.imitate.body import Shape, SimulatedBody

FloatArray = NDArray[np.floating]

_TOES = (10, 11)
_MOST_BEND = 1.0
"""Radians that toes are bent up at most to stay out of the floor."""
_SWING_SPEED = (0.4, 1.2)
"""Speeds in m/s over the floor at which a foot begins to be lifted, and at which it has its full clearance."""
_HOVER_M = (0.03, 0.06)
"""Heights of a resting foot over the floor up to which it is put down, and from which it is left hanging."""
_LEAD_FRAMES, _JUMP_ACCELERATION = 3, 100.0
"""Frames among which a pose of calibration is looked for, and the acceleration, m/s², that tells it."""
_NOISE_ACCELERATION = 60.0
"""Mean size of a joint's second difference, m/s², above which a clip counts as noisy."""


@dataclass(frozen=True)
class GroundingConfig:
    """`smoothing_frames` σ of a Gaussian over clean motion, `noisy_smoothing_frames` over motion that shivers; `floor`
    whether the clip dances on the floor y = 0: without, it is only smoothed; `ease_frames` σ of height corrections;
    `path_s` σ over which the path, which resting feet change, is led back to the clip's own; `clearance_m` over the
    floor that a foot keeps where it moves fast: scuffing makes a body stumble."""

    smoothing_frames: float = 0.6
    noisy_smoothing_frames: float = 1.5
    floor: bool = True
    ease_frames: float = 1.5
    path_s: float = 0.4
    clearance_m: float = 0.035


def ground_reference(clip: MotionClip, body: SimulatedBody, config: GroundingConfig) -> MotionClip:
    """The clip's 22 body joints as a reference to imitate: smooth, planted feet at rest, no sole in the floor."""
    from scipy.ndimage import gaussian_filter1d

    clip = without_calibration(clip)
    sigma = config.noisy_smoothing_frames if shivers(clip) else config.smoothing_frames
    turns = rotation.continuous(clip.joint_rotation[:, :BODY_JOINT_COUNT].astype(np.float64))
    turns = rotation.normalize(gaussian_filter1d(turns, sigma, axis=0, mode="nearest"))
    root = gaussian_filter1d(clip.root_position.astype(np.float64), sigma, axis=0, mode="nearest")
    smooth = replace(
        clip,
        skeleton=clip.skeleton.first(BODY_JOINT_COUNT),
        root_position=root.astype(np.float32),
        joint_rotation=turns.astype(np.float32),
        body=None,
        contacts=None,
        tokens=None,
        extra={},
    )
    if not config.floor:
        return smooth
    standing = _on_its_path(lock_feet(ground(smooth, GroundConfig()), config=FootLock(rule=ROBUST)), smooth, config)
    bent = _bend_hands(_bend_toes(_settle(standing, body), body, config), body, config)
    return _clear_the_floor(_raise_out_of_floor(bent, body, config), body, config)


def without_calibration(clip: MotionClip) -> MotionClip:
    """The clip without the pose of calibration that some recordings begin with: frames from which no body could get to
    the next are led back from the motion that follows."""
    if clip.frames < _LEAD_FRAMES + 4:
        return clip
    positions = clip.joint_positions()[: _LEAD_FRAMES + 4, :BODY_JOINT_COUNT].astype(np.float64)
    bends = np.linalg.norm(np.diff(positions, n=2, axis=0), axis=-1).max(axis=1) * clip.fps**2
    jumps = np.flatnonzero(bends[:_LEAD_FRAMES] > max(_JUMP_ACCELERATION, 4 * float(bends[_LEAD_FRAMES:].max())))
    if not len(jumps):
        return clip
    first = int(jumps[-1]) + 2
    root, joints = clip.root_position.copy(), clip.joint_rotation.copy()
    back = np.arange(first, 0, -1, dtype=np.float32)[:, None]
    root[:first] = root[first] - back * (root[first + 1] - root[first])
    spin = rotation.to_axis_angle(rotation.multiply(rotation.inverse(joints[first]), joints[first + 1]))
    joints[:first] = rotation.multiply(joints[first][None], rotation.from_axis_angle(-back[..., None] * spin))
    return replace(clip, root_position=root, joint_rotation=joints)


def shivers(clip: MotionClip) -> bool:
    """Whether the joints of a clip shake as those of raw captures do: by their mean acceleration."""
    if clip.frames < 3:
        return False
    positions = clip.joint_positions()[:, :BODY_JOINT_COUNT].astype(np.float64)
    second = np.linalg.norm(np.diff(positions, n=2, axis=0), axis=-1) * clip.fps**2
    return bool(np.median(second) > _NOISE_ACCELERATION)


def lowest_points(clip: MotionClip, body: SimulatedBody) -> FloatArray:
    """Heights (T, 22) of the lowest point that moves with each joint, hands with the wrists; inf where none does."""
    positions, turns = forward_kinematics(
        clip.skeleton, clip.root_position.astype(np.float64), clip.joint_rotation.astype(np.float64)
    )
    lowest = np.full((clip.frames, BODY_JOINT_COUNT), np.inf)
    for index, part in enumerate(body.parts):
        joint, shift = (index, np.zeros(3)) if part.jointed else (part.parent, part.offset)
        for shape in part.shapes:
            if shape.touches != "self":
                height = _lowest(shape, shift, positions[:, joint], turns[:, joint])
                lowest[:, joint] = np.minimum(lowest[:, joint], height)
    return lowest


def _lowest(shape: Shape, shift: FloatArray, position: FloatArray, turn: FloatArray) -> FloatArray:
    ends = [position[:, 1] + rotation.rotate(turn, shift + end)[:, 1] for end in (shape.start, shape.end)]
    height: FloatArray = np.minimum(*ends) - shape.radius
    return height


def _on_its_path(standing: MotionClip, original: MotionClip, config: GroundingConfig) -> MotionClip:
    """The clip with resting feet without the drift of its path that their rest has summed up."""
    from scipy.ndimage import gaussian_filter1d

    sideways = [0, 2]
    drift = (standing.root_position - original.root_position)[:, sideways]
    root = standing.root_position.copy()
    root[:, sideways] -= gaussian_filter1d(drift, config.path_s * standing.fps, axis=0, mode="nearest")
    return replace(standing, root_position=root)


def _settle(clip: MotionClip, body: SimulatedBody) -> MotionClip:
    """The clip let down where no part of the body reaches the floor for longer than a jump: who lies, lies on it."""
    from scipy.ndimage import gaussian_filter1d, grey_opening

    rule = GroundConfig()
    size = max(1, round(rule.longest_flight_s * clip.fps)) | 1
    hover = np.maximum(lowest_points(clip, body).min(axis=1), 0.0)
    sustained = grey_opening(np.pad(hover, size, mode="edge"), size=size)
    root = clip.root_position.copy()
    root[:, 1] -= gaussian_filter1d(sustained, rule.smoothing_s * clip.fps)[size:-size].astype(np.float32)
    return replace(clip, root_position=root)


def _bend_hands(clip: MotionClip, body: SimulatedBody, config: GroundingConfig) -> MotionClip:
    """Hands that point into the floor are laid flat on it, as far as their wrists are above it."""
    from scipy.ndimage import gaussian_filter1d

    positions, world = forward_kinematics(
        clip.skeleton, clip.root_position.astype(np.float64), clip.joint_rotation.astype(np.float64)
    )
    joints = clip.joint_rotation.astype(np.float64)
    for hand in body.parts[BODY_JOINT_COUNT:]:
        wrist, elbow, shape = hand.parent, clip.skeleton.parents[hand.parent], hand.shapes[0]
        reach = hand.offset + shape.end
        along = rotation.rotate(world[:, wrist], reach)
        least = np.clip(shape.radius - positions[:, wrist, 1], -0.95 * np.linalg.norm(reach), 0.0)
        flat = along.copy()
        flat[:, 1] = np.maximum(along[:, 1], least)
        angle = rotation.to_axis_angle(rotation.between(along, flat))
        turn = rotation.from_axis_angle(gaussian_filter1d(angle, config.ease_frames, axis=0))
        turned = rotation.multiply(turn, world[:, wrist])
        joints[:, wrist] = rotation.multiply(rotation.inverse(world[:, elbow]), turned)
    return replace(clip, joint_rotation=rotation.continuous(joints).astype(np.float32))


def _bend_toes(clip: MotionClip, body: SimulatedBody, config: GroundingConfig) -> MotionClip:
    """Toes that point into the floor are bent up."""
    from scipy.ndimage import gaussian_filter1d

    joints = clip.joint_rotation.copy()
    depth = -lowest_points(clip, body)[:, _TOES]
    for column, toe in enumerate(_TOES):
        reach = max(float(body.parts[toe].shapes[0].start[2]), 0.02)
        angle = np.arcsin(np.clip(depth[:, column] / reach, 0.0, np.sin(_MOST_BEND)))
        eased = np.maximum(gaussian_filter1d(angle, config.ease_frames), angle * 0.5)
        bend = rotation.about_axis("x", -eased)
        joints[:, toe] = rotation.multiply(joints[:, toe].astype(np.float64), bend)
    return replace(clip, joint_rotation=joints)


def _raise_out_of_floor(clip: MotionClip, body: SimulatedBody, config: GroundingConfig) -> MotionClip:
    """The whole body is raised, smoothly, where a part of it is still in the floor."""
    from scipy.ndimage import gaussian_filter1d, maximum_filter1d

    depth = np.maximum(-lowest_points(clip, body).min(axis=1), 0.0)
    size = int(2 * round(config.ease_frames) + 1)
    lift = gaussian_filter1d(maximum_filter1d(depth, size), config.ease_frames)
    root = clip.root_position.copy()
    root[:, 1] += lift.astype(np.float32)
    return replace(clip, root_position=root)


def _clear_the_floor(clip: MotionClip, body: SimulatedBody, config: GroundingConfig) -> MotionClip:
    """Feet that move over the floor as a whole are lifted, resting ones are put down, as far as legs reach."""
    positions, world = forward_kinematics(
        clip.skeleton, clip.root_position.astype(np.float64), clip.joint_rotation.astype(np.float64)
    )
    lowest, joints = lowest_points(clip, body), clip.joint_rotation.copy()
    for leg in (LEFT_LEG, RIGHT_LEG):
        feet = [leg.ankle, leg.toe]
        lift = _foot_lift(positions[:, feet], lowest[:, feet].min(axis=1), clip.fps, config)
        if not lift.any():
            continue
        ankle = positions[:, leg.ankle] + lift[:, None] * np.array([0.0, 1.0, 0.0])
        turns = solve_leg(positions, world, leg, ankle, positions[:, leg.toe] - positions[:, leg.ankle])
        parents = (world[:, 0], *turns[:2])
        for joint, parent, turn in zip((leg.hip, leg.knee, leg.ankle), parents, turns, strict=True):
            local = rotation.normalize(rotation.multiply(rotation.inverse(parent), turn))
            joints[:, joint] = np.where(lift[:, None] != 0, local, joints[:, joint])
    return replace(clip, joint_rotation=rotation.continuous(joints))


def _foot_lift(feet: FloatArray, lowest: FloatArray, fps: float, config: GroundingConfig) -> FloatArray:
    """Metres (T,) by which a foot is lifted; `feet` (T, 2, 3) are its ankle and toe, `lowest` (T,) its lowest point.

    A fast foot is lifted to its clearance; a resting one that hovers within `_HOVER_M` is put down.
    """
    from scipy.ndimage import gaussian_filter1d

    speed = np.linalg.norm(np.gradient(feet, axis=0)[..., [0, 2]], axis=-1).min(axis=1) * fps
    slow, fast = _SWING_SPEED
    swings = np.clip((speed - slow) / (fast - slow), 0, 1)
    up = np.maximum(config.clearance_m * swings - lowest, 0.0)
    near, hanging = _HOVER_M
    rests = np.clip((slow - speed) / (0.5 * slow), 0, 1) * np.clip((hanging - lowest) / (hanging - near), 0, 1)
    lift: FloatArray = gaussian_filter1d(np.where(up > 0, up, -rests * np.maximum(lowest, 0)), config.ease_frames)
    return np.where(np.abs(lift) > 1e-4, lift, 0.0)
