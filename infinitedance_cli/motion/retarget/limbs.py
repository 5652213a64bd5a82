"""Two-bone limbs: which way knees and elbows bend, reaching a target, and mending knees and elbows that flip over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.contact import intervals
from infinitedance_cli.motion.retarget.geometry import LIMBS, Points, aim
from infinitedance_cli.motion.skeleton import Skeleton

Array = NDArray[np.floating]
_DAMPING = np.radians(6)
_FLIP_M = 0.15
"""A knee or elbow that jumps this far in a frame, against the line between its limb's ends, has flipped over."""
_FLIP_GAP = 10


def hinge_rest(role: str, skeleton: Skeleton) -> tuple[Array, Array]:
    """Bone direction and hinge axis (3,) of a limb bone in our rest pose.

    Knees turn about +X: the shank goes back. Elbows turn about −Y (left) and +Y (right): the forearm goes forward.
    """
    side, name = role.split("_")
    child = {upper: lower for upper, lower, _ in LIMBS} | {lower: end for _, lower, end in LIMBS}
    along = rotation.normalize(skeleton.offsets[skeleton.index(f"{side}_{child[name]}")].astype(float))
    if name in ("hip", "knee"):
        axis = np.array([1.0, 0.0, 0.0])
    else:
        axis = np.array([0.0, -1.0 if side == "left" else 1.0, 0.0])
    return along, rotation.normalize(axis - np.dot(axis, along) * along)


def two_bones(
    upper: Array, lower: Array, vector: Array, roles: tuple[str, str], skeleton: Skeleton, damping: float = _DAMPING
) -> tuple[Array, Array]:
    """Upper and lower bone (T, 4) so that the limb's end lies at `vector` (T, 3) from its start.

    The limb swings as one piece, so the knee or elbow keeps the side that it has. Its length follows as far as it is
    bent: a straight leg would pay for a millimetre of length with centimetres of knee, so there it keeps its own bend
    (damping, half at a bend of twice the angle `damping`).
    """
    ends = [_child(role) for role in roles]
    first, second = (float(np.linalg.norm(skeleton.offsets[skeleton.index(end)])) for end in ends)
    along, hinge = hinge_rest(roles[0], skeleton)
    down = hinge_rest(roles[1], skeleton)[0]
    limb = rotation.rotate(upper, along) * first + rotation.rotate(lower, down) * second
    wanted = np.linalg.norm(vector, axis=-1, keepdims=True)
    line = vector / np.maximum(wanted, 1e-9)
    swing = rotation.between(limb, line)
    upper, lower = rotation.multiply(swing, upper), rotation.multiply(swing, lower)
    distance = _damped(np.linalg.norm(limb, axis=-1, keepdims=True), wanted, first + second, damping)
    pole = rotation.rotate(upper, along + 0.05 * np.cross(along, hinge))
    pole = rotation.normalize(pole - np.sum(pole * line, axis=-1, keepdims=True) * line)
    cosine = np.clip((first**2 + distance**2 - second**2) / (2 * first * distance), -1.0, 1.0)
    bone = line * cosine + pole * np.sqrt(1.0 - cosine**2)
    return aim(upper, along, bone), aim(lower, down, rotation.normalize(line * distance - bone * first))


def _damped(distance: Array, wanted: Array, length: float, damping: float) -> Array:
    """Limb lengths (T, 1) on the way from `distance` to `wanted`, the less the straighter the limb of `length`."""
    for _ in range(4):
        half_bend = np.sqrt(np.clip(1.0 - (distance / length) ** 2, 0.0, 1.0))
        weight = half_bend**2 / (half_bend**2 + np.sin(damping) ** 2 + 1e-9)
        distance = np.clip(distance + weight * (wanted - distance), 0.15 * length, length * (1 - 1e-6))
    return distance


def _child(role: str) -> str:
    """The joint at the other end of a limb bone."""
    side, name = role.split("_")
    after = {upper: lower for upper, lower, _ in LIMBS} | {lower: end for _, lower, end in LIMBS}
    return f"{side}_{after[name]}"


def flipped(start: Array, middle: Array, end: Array) -> NDArray[np.bool_]:
    """Frames (T,) in which a knee or elbow is on the wrong side: between jumps that follow one another closely.

    Positions (T, 3) in metres. Solvers that fit a rig to markers lose the bend's side now and then, for a few frames
    or many times in turn; the limb's ends stay right.
    """
    offset = middle - 0.5 * (start + end)
    jumps = np.flatnonzero(np.linalg.norm(np.diff(offset, axis=0), axis=-1) > _FLIP_M)
    bad = np.zeros(len(middle), dtype=bool)
    for jump, following in zip(jumps, jumps[1:], strict=False):
        if following - jump <= _FLIP_GAP:
            bad[jump + 1 : following + 1] = True
    return bad


def mend(points: Points, world: Points, side: str, skeleton: Skeleton) -> Points:
    """Limb rotations (T, 4) with flipped frames taken from the frames around them, the limb's end where it was."""
    found: Points = {}
    for upper, lower, end in LIMBS:
        roles = [f"{side}_{name}" for name in (upper, lower, end)]
        bad = flipped(*(points[role] for role in roles))
        if not bad.any() or bad.all():
            continue
        above = world["pelvis" if upper == "hip" else f"{side}_collar"]
        chain = [above]
        for role, parent in zip(roles, (above, world[roles[0]], world[roles[1]]), strict=True):
            local = _bridged(rotation.multiply(rotation.inverse(parent), world[role]), bad)
            chain.append(rotation.multiply(chain[-1], local))
        vector = (points[roles[2]] - points[roles[0]]) * _length_ratio(points, roles, skeleton)
        reached = two_bones(chain[1], chain[2], vector, (roles[0], roles[1]), skeleton)
        end_turn = rotation.multiply(reached[1], rotation.multiply(rotation.inverse(chain[2]), chain[3]))
        for role, turn in zip(roles, (*reached, end_turn), strict=True):
            found[role] = np.where(bad[:, None], turn, world[role])
    return found


def _length_ratio(points: Points, roles: list[str], skeleton: Skeleton) -> float:
    """Our limb's length over the source's."""
    ours = sum(float(np.linalg.norm(skeleton.offsets[skeleton.index(role)])) for role in roles[1:])
    bones = [np.linalg.norm(points[b] - points[a], axis=-1) for a, b in zip(roles, roles[1:], strict=False)]
    return ours / max(float(np.median(bones[0] + bones[1])), 1e-6)


def _bridged(turns: Array, bad: NDArray[np.bool_]) -> Array:
    """Rotations (T, 4) with the bad runs replaced by slerp from the frame before to the frame after."""
    result = turns.copy()
    for begin, stop in intervals(bad):
        before, after = turns[max(begin - 1, 0)], turns[min(stop, len(turns) - 1)]
        before = after if begin == 0 else before
        after = before if stop == len(turns) else after
        part = np.arange(1, stop - begin + 1) / (stop - begin + 1)
        result[begin:stop] = rotation.slerp(
            np.broadcast_to(before, (len(part), 4)), np.broadcast_to(after, (len(part), 4)), part
        )
    return result
