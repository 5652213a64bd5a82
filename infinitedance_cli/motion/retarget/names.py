"""Joint names of many rigs → roles: the names of our joints.

Covers Mixamo, MotionBuilder, Motive, Rokoko, CMU (cgspeed, keijiro, Isaac), Character Creator, Chest/Chest2, Unreal,
VRM, SMPL and Xsens names. What is not found here is guessed from the tree's shape (`structure.py`).
"""

from __future__ import annotations

import re

from infinitedance_cli.motion.retarget.source import RoleJoint, SourceMotion

_PREFIXES = re.compile(
    r"^(mixamorig\d*|neo|cc_base|rl|bip\d*|bip01|def|org|jnt|j_bip_[clr]|character\d*|b|skel)[_ ]", re.I
)
_SIDES = (
    (re.compile(r"(?<![a-z])left(?=[^a-z]|[A-Z_]|$)|^left|left$", re.I), "left"),
    (re.compile(r"(?<![a-z])right(?=[^a-z]|[A-Z_]|$)|^right|right$", re.I), "right"),
    (re.compile(r"(^|[_.\- ])l($|[_.\- ])", re.I), "left"),
    (re.compile(r"(^|[_.\- ])r($|[_.\- ])", re.I), "right"),
    (re.compile(r"^[lL](?=[A-Z][a-z])"), "left"),
    (re.compile(r"^[rR](?=[A-Z][a-z])"), "right"),
    (
        re.compile(r"^l(?=(hand|foot|hip|knee|ankle|shoulder|elbow|wrist|arm|leg|collar|clavicle|toe|thumb|index))"),
        "left",
    ),
    (
        re.compile(r"^r(?=(hand|foot|hip|knee|ankle|shoulder|elbow|wrist|arm|leg|collar|clavicle|toe|thumb|index))"),
        "right",
    ),
)

_LIMB_NAMES: dict[str, tuple[str, ...]] = {
    "hip": ("upleg", "upperleg", "thigh", "femur", "uleg", "legupper", "thighbone", "hip"),
    "knee": ("lowleg", "lowerleg", "calf", "shin", "knee", "tibia", "shank", "leglower", "leg"),
    "ankle": ("ankle", "foot"),
    "foot": ("toebase", "toe", "toes", "ball", "toe0", "foot"),
    "collar": ("collar", "clavicle", "clavicula", "shoulderblade", "collarbone", "shoulder"),
    "shoulder": ("uparm", "upperarm", "humerus", "uarm", "armupper", "arm", "shoulder"),
    "elbow": ("forearm", "lowarm", "lowerarm", "elbow", "radius", "farm", "armlower"),
    "wrist": ("wrist", "hand"),
}
"""Role → names after the side is taken off, lower case without separators; the first that exists is taken, in the order
of this table, and no joint has two roles: a "shoulder" is a collar only beside an "arm", a "foot" a toe only beside an
"ankle"."""

_MIDLINE_NAMES: dict[str, tuple[str, ...]] = {
    "pelvis": ("hips", "pelvis", "hip", "root"),
    "neck": ("neck", "lowerneck", "necktwist01", "neck01", "neck1"),
    "head": ("head",),
}

_FINGER_NAMES: dict[str, tuple[str, ...]] = {
    "index": ("index", "pointer"),
    "middle": ("middle", "mid"),
    "pinky": ("pinky", "little"),
    "ring": ("ring",),
    "thumb": ("thumb",),
}


def split_name(name: str) -> tuple[str, str]:
    """(side, base) of a joint name: side "left", "right" or "", base in lower case without separators."""
    name = _PREFIXES.sub("", re.split(r"[:|]", name)[-1])
    for pattern, side in _SIDES:
        if pattern.search(name):
            return side, re.sub(r"[^a-z0-9]", "", pattern.sub("_", name, count=1).lower())
    return "", re.sub(r"[^a-z0-9]", "", name.lower())


def roles_by_name(source: SourceMotion) -> dict[str, RoleJoint]:
    """Roles that the joint names tell; empty where a leg or an arm is not named in full, or not a chain."""
    named: dict[tuple[str, str], int] = {}
    for joint, name in enumerate(source.joint_names):
        if joint not in source.ends:
            named.setdefault(split_name(name), joint)
    roles: dict[str, RoleJoint] = {}
    for side in ("left", "right"):
        limbs = _limb_roles({base: joint for (which, base), joint in named.items() if which == side})
        roles |= {f"{side}_{role}": RoleJoint(joint, joint) for role, joint in limbs.items()}
    for role, names in _MIDLINE_NAMES.items():
        found = [named[("", base)] for base in names if ("", base) in named]
        if found:
            roles[role] = RoleJoint(found[0], found[0])
    if not _is_chain(source, roles):
        return {}
    roles["pelvis"] = _hub(source, roles)
    return roles | _finger_roles(source, named, roles)


def _limb_roles(named: dict[str, int]) -> dict[str, int]:
    """Limb roles of one side from its base names; a name shared by two roles goes by what stands beside it."""
    skip: set[tuple[str, str]] = set()
    if "ankle" not in named:
        skip.add(("foot", "foot"))
    else:
        skip.add(("ankle", "foot"))
    has_arm = any(name in named for name in ("uparm", "upperarm", "humerus", "uarm", "armupper", "arm"))
    skip.add(("shoulder", "shoulder") if has_arm else ("collar", "shoulder"))
    roles: dict[str, int] = {}
    for role, names in _LIMB_NAMES.items():
        for name in names:
            if name in named and (role, name) not in skip and named[name] not in roles.values():
                roles[role] = named[name]
                break
    return roles


def _is_chain(source: SourceMotion, roles: dict[str, RoleJoint]) -> bool:
    """True when both legs and both arms are there and each joint descends from the one before."""
    for side in ("left", "right"):
        for chain in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            joints = [roles.get(f"{side}_{role}") for role in chain]
            found = [joint.position for joint in joints if joint is not None]
            if len(found) < 3 or not all(
                upper in ancestors(source, lower) for upper, lower in zip(found, found[1:], strict=False)
            ):
                return False
    return True


def ancestors(source: SourceMotion, joint: int) -> list[int]:
    """The joints from the parent of `joint` up to the root."""
    path = []
    while source.parents[joint] >= 0:
        joint = source.parents[joint]
        path.append(joint)
    return path


def _hub(source: SourceMotion, roles: dict[str, RoleJoint]) -> RoleJoint:
    """The pelvis: the lowest joint above both legs and an arm, turning as the lowest above both legs does."""
    above_legs = [j for j in ancestors(source, roles["left_hip"].position)]
    right = set(ancestors(source, roles["right_hip"].position))
    arm = set(ancestors(source, roles["left_shoulder"].position))
    legs = next(j for j in above_legs if j in right)
    both = next(j for j in above_legs if j in right and j in arm)
    return RoleJoint(both, legs)


def _finger_roles(
    source: SourceMotion, named: dict[tuple[str, str], int], roles: dict[str, RoleJoint]
) -> dict[str, RoleJoint]:
    """left_index1 … right_thumb3 where the rig has all three joints of a finger."""
    found: dict[str, RoleJoint] = {}
    for side in ("left", "right"):
        wrist = roles[f"{side}_wrist"].position
        for finger, names in _FINGER_NAMES.items():
            for name in names:
                for pattern in ("{}{}", "hand{}{}", "{}finger{}", "{}0{}", "{}{}prox"):
                    joints = [named.get((side, pattern.format(name, number))) for number in (1, 2, 3)]
                    chain = [joint for joint in joints if joint is not None and wrist in ancestors(source, joint)]
                    if len(chain) == 3:
                        for number, joint in enumerate(chain, start=1):
                            found.setdefault(f"{side}_{finger}{number}", RoleJoint(joint, joint))
    return found
