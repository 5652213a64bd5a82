"""Roles from the shape of the joint tree, for rigs whose names say nothing: two legs, a trunk, two arms, a head."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.retarget.source import RoleJoint, SourceMotion

Array = NDArray[np.floating]


def roles_by_structure(source: SourceMotion) -> dict[str, RoleJoint]:
    """Roles guessed from branching and bone lengths; empty where the tree is no human body.

    The pelvis is the lowest joint with two like branches (the legs) beside a branch that itself forks into two like
    branches (the arms). Left and right come from the toes' direction, or the knees' where there are no toes.
    """
    lengths = _bone_lengths(source)
    size = float(max(_reach(source, lengths, joint) for joint in range(len(source.parents))))
    for pelvis in range(len(source.parents)):
        branches = _branches(source, lengths, pelvis, 0.15 * size)
        if len(branches) < 3:
            continue
        for legs in _twins(source, lengths, branches):
            for trunk in (branch for branch in branches if branch not in legs):
                arms = _arms(source, lengths, trunk, 0.15 * size)
                if arms is not None:
                    return _name(source, lengths, pelvis, legs, arms)
    return {}


def _bone_lengths(source: SourceMotion) -> Array:
    """Distance (J,) of every joint from its parent: the median over frames."""
    lengths = np.zeros(len(source.parents))
    for joint, parent in enumerate(source.parents):
        if parent >= 0:
            bone = source.positions[:, joint] - source.positions[:, parent]
            lengths[joint] = np.median(np.linalg.norm(bone, axis=-1))
    return lengths


def _reach(source: SourceMotion, lengths: Array, joint: int) -> float:
    """Longest way down the tree from `joint`."""
    return max((lengths[child] + _reach(source, lengths, child) for child in source.children(joint)), default=0.0)


def _branches(source: SourceMotion, lengths: Array, joint: int, least: float) -> list[int]:
    """Children whose branch reaches at least `least`; a joint at the same place counts as part of this one."""
    found: list[int] = []
    for child in source.children(joint):
        if lengths[child] < 1e-3 * least and len(source.children(child)) > 1:
            found += _branches(source, lengths, child, least)
        elif lengths[child] + _reach(source, lengths, child) >= least:
            found.append(child)
    return found


def _chain(source: SourceMotion, lengths: Array, joint: int) -> list[int]:
    """The longest way down from `joint`, joints that lie on their parent left out."""
    path = [joint]
    while children := source.children(path[-1]):
        path.append(max(children, key=lambda child: lengths[child] + _reach(source, lengths, child)))
    scale = max(lengths[path].max(), 1e-9)
    return [path[0], *(joint for joint in path[1:] if lengths[joint] > 0.02 * scale)]


def _twins(source: SourceMotion, lengths: Array, branches: list[int]) -> list[tuple[int, int]]:
    """Pairs of branches whose chains have the same bone lengths within 15 %, the longest first."""
    pairs = []
    for one, other in combinations(branches, 2):
        first, second = (lengths[_chain(source, lengths, branch)] for branch in (one, other))
        if len(first) == len(second) and len(first) >= 3:
            total = first.sum() + second.sum()
            if np.abs(first - second).sum() < 0.15 * total:
                pairs.append((total, (one, other)))
    return [pair for _, pair in sorted(pairs, reverse=True)]


def _arms(source: SourceMotion, lengths: Array, trunk: int, least: float) -> tuple[int, int] | None:
    """The two like branches of the first fork up the trunk."""
    path = [trunk]
    while path:
        joint = path.pop(0)
        for pair in _twins(source, lengths, _branches(source, lengths, joint, least)):
            return pair
        path += source.children(joint)
    return None


def _limb(source: SourceMotion, lengths: Array, branch: int) -> tuple[int, int, int]:
    """Start, middle and end of the two longest neighbouring bones of a branch."""
    chain = _chain(source, lengths, branch)
    sums = [lengths[chain[i]] + lengths[chain[i + 1]] for i in range(1, len(chain) - 1)]
    start = int(np.argmax(sums)) if sums else 0
    return chain[start], chain[start + 1], chain[min(start + 2, len(chain) - 1)]


def _arm_limbs(
    source: SourceMotion, lengths: Array, arms: tuple[int, int], leg_length: float
) -> list[tuple[int, int, int]]:
    """Shoulder, elbow and wrist of both arms: shoulders are the first pair a seventh of a leg off the midline."""
    chains = [_chain(source, lengths, arm) for arm in arms]
    for depth, pair in enumerate(zip(*chains, strict=True)):
        apart = np.linalg.norm(source.positions[:, pair[0]] - source.positions[:, pair[1]], axis=-1)
        if 0.5 * np.median(apart) >= 0.14 * leg_length and depth + 2 < len(chains[0]):
            return [(chain[depth], chain[depth + 1], chain[depth + 2]) for chain in chains]
    return [_limb(source, lengths, arm) for arm in arms]


def _name(
    source: SourceMotion, lengths: Array, pelvis: int, legs: tuple[int, int], arms: tuple[int, int]
) -> dict[str, RoleJoint]:
    """Roles of the found body with left and right told apart."""
    leg_joints = [_limb(source, lengths, leg) for leg in legs]
    arm_joints = _arm_limbs(source, lengths, arms, sum(lengths[j] for j in leg_joints[0][1:]))
    p = source.positions
    up = rotation.normalize(p[:, arm_joints[0][0]] + p[:, arm_joints[1][0]] - 2 * p[:, pelvis])
    toes = [_chain(source, lengths, leg) for leg in legs]
    forward = np.zeros_like(up)
    for (hip, knee, ankle), chain in zip(leg_joints, toes, strict=True):
        after = chain[chain.index(ankle) + 1 :]
        forward += p[:, after[-1]] - p[:, ankle] if after else 2 * p[:, knee] - p[:, hip] - p[:, ankle]
    left = np.cross(up, forward)
    for pair in (leg_joints, arm_joints):
        across = p[:, pair[0][0]] - p[:, pair[1][0]]
        if np.sum(across * left) < 0:
            pair.reverse()
    roles = {"pelvis": RoleJoint(pelvis, pelvis)}
    for side, leg, arm in zip(("left", "right"), leg_joints, arm_joints, strict=True):
        names = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
        roles |= {f"{side}_{name}": RoleJoint(j, j) for name, j in zip(names, (*leg, *arm), strict=True)}
        toe = [j for j in source.children(leg[2]) if lengths[j] > 0 and j not in source.ends]
        if toe:
            roles[f"{side}_foot"] = RoleJoint(toe[0], toe[0])
    return roles | _head(source, lengths, arms)


def _head(source: SourceMotion, lengths: Array, arms: tuple[int, int]) -> dict[str, RoleJoint]:
    """Neck and head: the longest branch beside the arms, from the joint that they hang on."""
    beside = [joint for joint in source.children(source.parents[arms[0]]) if joint not in arms]
    if not beside:
        return {}
    branch = max(beside, key=lambda joint: lengths[joint] + _reach(source, lengths, joint))
    chain = [joint for joint in _chain(source, lengths, branch) if joint not in source.ends]
    if not chain:
        return {}
    head = chain[min(1, len(chain) - 1)]
    return {"head": RoleJoint(head, head)} | ({"neck": RoleJoint(chain[0], chain[0])} if len(chain) > 1 else {})
