"""Feet on the floor: soles level and still while they stand, nothing under the floor, legs solved to reach them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.contact import ContactRule, detect_contacts, intervals
from infinitedance_cli.motion.retarget.filters import gaussian
from infinitedance_cli.motion.retarget.geometry import Points, yaw_only
from infinitedance_cli.motion.retarget.limbs import two_bones
from infinitedance_cli.motion.skeleton import Skeleton

Array = NDArray[np.floating]
_BLEND_FRAMES = 9
_GREATEST_LIFT_M = 0.06
_SLIDE_M = 0.08
"""A stance that wanders farther than this is a slide that the dancer means: it is not held."""

_STANDING = ContactRule(
    ankle_height=0.03, toe_height=0.03, speed=0.25, horizontal=True, above_rest=True, release_factor=1.3, shortest=3
)
"""Tighter at its end than the general rule: a foot that is about to step must not be held back."""


@dataclass(frozen=True)
class Foot:
    """One foot over time: ankle positions (T, 3) metres, world rotations (T, 4), and which joints stand (T,)."""

    side: str
    ankle: Array
    turn: Array
    ankle_planted: NDArray[np.bool_]
    toe_planted: NDArray[np.bool_]

    @property
    def planted(self) -> NDArray[np.bool_]:
        """Frames (T,) in which any part of the foot stands."""
        return self.ankle_planted | self.toe_planted


def toe_offset(side: str, skeleton: Skeleton) -> Array:
    """The toe joint (3,) in the foot's frame, metres from the ankle."""
    return skeleton.offsets[skeleton.index(f"{side}_foot")].astype(float)


def contacts(ankles: Points, toes: Points, fps: float) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Which ankles and toe joints stand, (T,) each, by side, from their positions (T, 3)."""
    joints = np.zeros((len(ankles["left"]), 12, 3))
    for side, (ankle, toe) in {"left": (7, 10), "right": (8, 11)}.items():
        joints[:, ankle], joints[:, toe] = ankles[side], toes[side]
    planted = detect_contacts(joints, fps, _STANDING).planted
    return {"left": (planted[:, 0], planted[:, 1]), "right": (planted[:, 2], planted[:, 3])}


def flatten(foot: Foot) -> Foot:
    """The foot with its sole level while both its joints stand; eased over two frames before and after."""
    level = (foot.ankle_planted & foot.toe_planted).astype(float)
    weight = np.clip(gaussian(level, 1.0) * 1.6, 0.0, 1.0)
    # Feet that point down or lie on their side are no soles.
    upright = rotation.rotate(foot.turn, np.array([0.0, 1.0, 0.0]))[:, 1]
    weight = weight * np.clip((upright - 0.8) / 0.1, 0.0, 1.0)
    return replace(foot, turn=rotation.slerp(foot.turn, yaw_only(foot.turn), weight))


def hold(foot: Foot, skeleton: Skeleton) -> Foot:
    """The foot held still, at standing height, while it stands; the correction fades in the air."""
    offset = toe_offset(foot.side, skeleton)
    rest = skeleton.rest_positions()
    toe = foot.ankle + rotation.rotate(foot.turn, offset)
    heights = (rest[skeleton.index(f"{foot.side}_ankle"), 1], rest[skeleton.index(f"{foot.side}_foot"), 1])
    known = np.full(len(toe), False)
    correction = np.zeros_like(toe)
    for start, end in intervals(foot.planted):
        on_toe = foot.toe_planted[start:end]
        step_toe, step_ankle = (np.diff(points[start:end], axis=0) for points in (toe, foot.ankle))
        step = np.where((on_toe[1:] & on_toe[:-1])[:, None], step_toe, step_ankle)
        moved = np.concatenate((np.zeros((1, 3)), -np.cumsum(step, axis=0)))
        moved[:, 1] = 0.0
        if np.linalg.norm(np.ptp(moved, axis=0)) > _SLIDE_M:
            moved[:] = 0.0
        lift = np.where(on_toe, heights[1] - toe[start:end, 1], heights[0] - foot.ankle[start:end, 1])
        correction[start:end] = moved - moved.mean(axis=0)
        correction[start:end, 1] = np.clip(lift, -_GREATEST_LIFT_M, _GREATEST_LIFT_M)
        known[start:end] = True
    return replace(foot, ankle=foot.ankle + _faded(correction, known))


def _faded(correction: Array, known: NDArray[np.bool_]) -> Array:
    """Corrections (T, 3) between the known frames: lines, rounded at both ends, that reach zero in 0.3 s."""
    if not known.any():
        return np.zeros_like(correction)
    frames = np.arange(len(known))
    places = np.flatnonzero(known)
    nearest = np.abs(frames[:, None] - places[np.clip(_neighbours(places, frames), 0, len(places) - 1)]).min(axis=1)
    fixed = known | (nearest >= _BLEND_FRAMES)
    values = np.where(known[:, None], correction, 0.0)
    columns = [np.interp(frames, frames[fixed], values[fixed, axis]) for axis in range(3)]
    return gaussian(np.stack(columns, axis=-1), 1.0)


def _neighbours(places: NDArray[np.intp], frames: NDArray[np.intp]) -> NDArray[np.intp]:
    after = np.searchsorted(places, frames)
    return np.stack((after - 1, after), axis=-1)


def above_floor(foot: Foot, skeleton: Skeleton) -> Foot:
    """The foot lifted where its toe joint or ankle would sink under the floor."""
    rest = skeleton.rest_positions()
    least_toe = rest[skeleton.index(f"{foot.side}_foot"), 1]
    least_ankle = 0.6 * rest[skeleton.index(f"{foot.side}_ankle"), 1]
    toe = rotation.rotate(foot.turn, toe_offset(foot.side, skeleton))[:, 1]
    height = foot.ankle[:, 1].copy()
    for _ in range(3):  # easing takes a little off a sharp peak; what is left is lifted again
        height += _eased(np.maximum(0.0, np.maximum(least_toe - toe - height, least_ankle - height)))
    return replace(foot, ankle=np.stack((foot.ankle[:, 0], height, foot.ankle[:, 2]), axis=-1))


def _eased(values: Array) -> Array:
    """Values (T,) spread over two frames to both sides and smoothed: never much less than they were, no corners."""
    padded = np.pad(values, 2, mode="edge")
    widest = np.max([padded[shift : shift + len(values)] for shift in range(5)], axis=0)
    return gaussian(widest, 1.5)


def toe_turns(foot: Foot, skeleton: Skeleton) -> Array:
    """World rotations (T, 4) of toes that the source does not tell: level on the floor, along the foot in the air."""
    toe = foot.ankle + rotation.rotate(foot.turn, toe_offset(foot.side, skeleton))
    above = toe[:, 1] - skeleton.rest_positions()[skeleton.index(f"{foot.side}_foot"), 1]
    forward = rotation.rotate(foot.turn, np.array([0.0, 0.0, 1.0]))
    # Toes bend up only, and not beyond 60 degrees.
    down = np.clip(-forward[:, 1], 0.0, 1.0)
    bend = np.where(np.arcsin(down) > np.radians(60), np.radians(60) / np.arcsin(np.maximum(down, 1e-6)), 1.0)
    weight = np.clip(1.0 - (above - 0.02) / 0.05, 0.0, 1.0) * bend * (down > 0)
    return rotation.slerp(foot.turn, yaw_only(foot.turn), weight)


def follow_feet(root: Array, before: list[Foot], after: list[Foot]) -> Array:
    """The root (T, 3) raised or sunk as its standing feet were, smoothly, so that knees need not make up for it."""
    shifts = np.stack([new.ankle[:, 1] - old.ankle[:, 1] for old, new in zip(before, after, strict=True)])
    weights = np.stack([foot.planted.astype(float) for foot in after])
    mean = (shifts * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1.0)
    return root + gaussian(mean, 3.0)[:, None] * np.array([0.0, 1.0, 0.0])


def lower_to_reach(root: Array, world: Points, feet: list[Foot], skeleton: Skeleton) -> Array:
    """The root (T, 3) sunk, gently, where a standing foot lies out of the leg's reach."""
    length = sum(float(np.linalg.norm(skeleton.offsets[skeleton.index(n)])) for n in ("left_knee", "left_ankle"))
    drop = np.zeros(len(root))
    for foot in feet:
        hip = root + rotation.rotate(
            world["pelvis"], skeleton.offsets[skeleton.index(f"{foot.side}_hip")].astype(float)
        )
        across = np.linalg.norm((foot.ankle - hip)[:, [0, 2]], axis=-1)
        height = np.sqrt(np.maximum((0.9985 * length) ** 2 - across**2, 0.0))
        short = np.maximum((hip - foot.ankle)[:, 1] - height, 0.0)
        drop = np.maximum(drop, np.where(foot.planted, np.minimum(short, 0.05), 0.0))
    return root - _eased(drop)[:, None] * np.array([0.0, 1.0, 0.0])


def reach(root: Array, target: Array, side: str, world: Points, skeleton: Skeleton) -> Points:
    """Thigh and shank (T, 4) that bring the ankle to `target` (T, 3), see `two_bones`."""
    offset = skeleton.offsets[skeleton.index(f"{side}_hip")].astype(float)
    hip = root + rotation.rotate(world["pelvis"], offset)
    roles = (f"{side}_hip", f"{side}_knee")
    upper, lower = two_bones(world[roles[0]], world[roles[1]], target - hip, roles, skeleton)
    return {roles[0]: upper, roles[1]: lower}


def plant(foot: Foot, skeleton: Skeleton) -> Foot:
    """The foot levelled and held still while it stands, and never under the floor."""
    return above_floor(hold(flatten(foot), skeleton), skeleton)
