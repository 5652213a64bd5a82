"""The body that is simulated: 24 SMPL-like rigid parts built from a clip's own skeleton.

22 parts move with the 22 body joints; the two hands are rigid continuations of the wrists. Lengths are the skeleton's,
widths and masses grow with height. The description knows no engine: `infinitedance_cli.stages.imitate.engines` turn it
into what they simulate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, SMPLX_JOINT_NAMES, Skeleton

FloatArray = NDArray[np.float64]

_HEIGHT_OF_TABLES_M = 1.735
"""Height of the body whose widths are tabled below: the bundled one."""
_MASS_INDEX = 22.0
"""Body mass index, kg/m²."""
_HEAD_OVER_JOINT = 0.095
"""Height of the crown over the head joint, share of the joint's height."""
_PLAUSIBLE_HEIGHT_M = (0.8, 2.6)

# Shares of the mass after de Leva (1996), the trunk split over four joints; normalised to one.
_MASS_SHARES = {
    **{"pelvis": 11.2, "spine1": 8.0, "spine2": 10.0, "spine3": 12.0, "neck": 1.2, "head": 6.0, "collar": 1.3},
    **{"hip": 14.2, "knee": 4.3, "ankle": 1.1, "foot": 0.3, "shoulder": 2.7, "elbow": 1.6, "wrist": 0.2, "hand": 0.5},
}

# Trunk and head: both ends and the radius of a capsule in the joint's frame, metres at the height of the tables.
_TRUNK: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], float]] = {
    "pelvis": ((0.075, -0.02, 0.0), (-0.075, -0.02, 0.0), 0.095),
    "spine1": ((0.055, 0.03, 0.025), (-0.055, 0.03, 0.025), 0.085),
    "spine2": ((0.06, 0.05, 0.03), (-0.06, 0.05, 0.03), 0.09),
    "spine3": ((0.07, 0.05, 0.03), (-0.07, 0.05, 0.03), 0.09),
    "neck": ((0.0, 0.02, 0.0), (0.0, 0.07, 0.02), 0.045),
    "head": ((0.0, 0.02, 0.01), (0.0, 0.07, 0.015), 0.08),
}
# Limbs: radius of a capsule from the joint to the next, and which share of the bone it covers.
_LIMBS: dict[str, tuple[float, float, float]] = {
    "hip": (0.065, 0.10, 0.95),
    "knee": (0.045, 0.05, 0.95),
    "collar": (0.045, 0.30, 0.80),
    "shoulder": (0.040, 0.10, 0.95),
    "elbow": (0.032, 0.05, 0.95),
}
_SOLE_RADIUS = 0.012
_HAND_LENGTH, _HAND_RADIUS = 0.10, 0.030


@dataclass(frozen=True)
class Shape:
    """A capsule from `start` to `end` (3,) metres in the part's frame with `radius`; a sphere where both are equal.

    `touches` the floor, other parts (`"self"`), or both.
    """

    start: FloatArray
    end: FloatArray
    radius: float
    touches: Literal["floor", "self", "both"] = "both"


@dataclass(frozen=True)
class Part:
    """A rigid part: `name`, index of its `parent` part (−1: the root), `offset` (3,) metres from the parent at rest,
    `mass` kg, its `shapes`, and whether it moves (`jointed`) or is rigid with its parent."""

    name: str
    parent: int
    offset: FloatArray
    mass: float
    shapes: tuple[Shape, ...]
    jointed: bool = True


@dataclass(frozen=True)
class SimulatedBody:
    """All `parts`, the first 22 in SMPL-X order, then the hands; `height_m` and `mass_kg` of the whole."""

    parts: tuple[Part, ...]
    height_m: float
    mass_kg: float

    @property
    def weight_n(self) -> float:
        """Weight in newtons on earth."""
        return self.mass_kg * GRAVITY


GRAVITY = 9.81


def build_body(skeleton: Skeleton) -> SimulatedBody:
    """The body of a skeleton whose first 22 joints are SMPL-X's.

    Raises BadInput when they are not, a bone of the body has no length, or the height is not a person's (0.8–2.6 m):
    such a skeleton is most likely in other units than metres.
    """
    if skeleton.joint_names[:BODY_JOINT_COUNT] != SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT]:
        found = ", ".join(skeleton.joint_names[:4])
        raise BadInput(f"its joints ({found} …) are not SMPL-X's; expected the 22 body joints first: idance convert")
    offsets = skeleton.offsets[:BODY_JOINT_COUNT].astype(np.float64)
    rest = skeleton.first(BODY_JOINT_COUNT).rest_positions().astype(np.float64)
    floor = _sole_height(rest)
    height = (rest[15, 1] - floor) * (1 + _HEAD_OVER_JOINT)
    low, high = _PLAUSIBLE_HEIGHT_M
    if not low <= height <= high:
        raise BadInput(_about_units(float(height)))
    scale = float(height) / _HEIGHT_OF_TABLES_M
    mass = _MASS_INDEX * float(height) ** 2
    names = [*SMPLX_JOINT_NAMES[:BODY_JOINT_COUNT], "left_hand", "right_hand"]
    shares = np.array([_MASS_SHARES[_kind(name)] for name in names])
    masses = mass * shares / shares.sum()
    parts = []
    for joint in range(BODY_JOINT_COUNT):
        shapes = _shapes(skeleton.first(BODY_JOINT_COUNT), joint, rest - [0, floor, 0], scale)
        parts.append(Part(names[joint], skeleton.parents[joint], offsets[joint], float(masses[joint]), shapes))
    for wrist, side in ((20, 1.0), (21, -1.0)):
        end = np.array([side * _HAND_LENGTH * scale, 0.0, 0.0])
        hand = Shape(0.2 * end, 0.9 * end, _HAND_RADIUS * scale)
        index = len(parts)
        parts.append(Part(names[index], wrist, 0.3 * end, float(masses[index]), (hand,), jointed=False))
    return SimulatedBody(tuple(parts), float(height), mass)


def inertia(part: Part) -> tuple[FloatArray, FloatArray]:
    """Centre of mass (3,) and xx, yy, zz, xy, xz, yz of the inertia about it: of the part's shapes as solid rods."""
    shapes = [shape for shape in part.shapes if shape.touches != "floor"] or list(part.shapes)
    if not shapes:
        return np.zeros(3), np.array([1, 1, 1, 0, 0, 0]) * part.mass * 0.03**2
    centre = np.mean([(shape.start + shape.end) / 2 for shape in shapes], axis=0)
    total = np.zeros((3, 3))
    share = part.mass / len(shapes)
    for shape in shapes:
        rod, arm = shape.end - shape.start, (shape.start + shape.end) / 2 - centre
        for vector, factor in ((rod, 1 / 12), (arm, 1.0)):
            total += share * factor * (vector @ vector * np.eye(3) - np.outer(vector, vector))
        # Thickness: a ball of the radius, with a floor that keeps thin parts from spinning up numerically.
        total += share * 0.4 * max(shape.radius, 0.03) ** 2 * np.eye(3)
    return centre, total[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]


def _sole_height(rest: FloatArray) -> float:
    """Height of the soles in the rest pose: the floor, or where the rest pose does not stand on y = 0, as it would."""
    foot = float(np.linalg.norm(rest[10] - rest[7]))
    toe = float(min(rest[10, 1], rest[11, 1]))
    return 0.0 if 0 < toe < 0.5 * foot else toe - 0.18 * foot


def _about_units(height: float) -> str:
    for unit, factor in (("centimetres", 100.0), ("millimetres", 1000.0), ("inches", 39.37)):
        if _PLAUSIBLE_HEIGHT_M[0] * factor <= height <= _PLAUSIBLE_HEIGHT_M[1] * factor:
            return (
                f"its skeleton is {height:.4g} m tall, so it is most likely in {unit}; expected metres: scale it first"
            )
    return f"its skeleton is {height:.3g} m tall; expected a person of 0.8 to 2.6 m: scale it first"


def _kind(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")


def _shapes(skeleton: Skeleton, joint: int, rest: FloatArray, scale: float) -> tuple[Shape, ...]:
    kind = _kind(skeleton.joint_names[joint])
    if kind in _TRUNK:
        start, end, radius = _TRUNK[kind]
        return (Shape(scale * np.array(start), scale * np.array(end), scale * radius),)
    if kind in _LIMBS:
        bone = skeleton.offsets[skeleton.children(joint)[0]].astype(np.float64)
        if np.linalg.norm(bone) < 1e-3:
            raise BadInput(f"its bone at {skeleton.joint_names[joint]} has no length; expected a skeleton with limbs")
        radius, first, last = _LIMBS[kind]
        return (Shape(first * bone, last * bone, scale * radius),)
    if kind == "ankle":
        return _foot(rest[joint], rest[skeleton.children(joint)[0]], scale)
    if kind == "foot":
        return _toes(rest[joint], float(np.linalg.norm((rest[joint] - rest[joint - 3])[[0, 2]])), scale)
    return ()


def _foot(ankle: FloatArray, toe: FloatArray, scale: float) -> tuple[Shape, ...]:
    """Two points of the heel, two of the ball that stand on the floor, and the flesh over them."""
    length, sole = float(np.linalg.norm((toe - ankle)[[0, 2]])), _SOLE_RADIUS * scale
    points = ((-0.025, -0.30 * length), (0.025, -0.30 * length), (-0.040, 0.95 * length), (0.040, 0.95 * length))
    soles = [_point(x * scale, sole - ankle[1], z, sole) for x, z in points]
    flesh = 0.03 * scale
    heel = np.array([0.0, flesh - ankle[1], -0.1 * length])
    ball = np.array([0.0, flesh - ankle[1], 0.9 * length])
    return (*soles, Shape(heel, ball, flesh, "self"))


def _toes(toe: FloatArray, foot_length: float, scale: float) -> tuple[Shape, ...]:
    """The tips of the toes: two points that stand on the floor."""
    sole = _SOLE_RADIUS * scale
    return tuple(_point(x * scale, sole - toe[1], 0.32 * foot_length, sole) for x in (-0.025, 0.025))


def _point(x: float, y: float, z: float, radius: float) -> Shape:
    centre = np.array([x, y, z])
    return Shape(centre, centre, radius, "floor")
