"""A humanoid of 24 bodies in PHC's format, made from our own body, and MuJoCo in place of Isaac Gym to move it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from idance_isaacgym.worker.idance_phc.bodies import BODY_NAMES, PARENTS, SMPL_JOINT
from idance_isaacgym.worker.idance_phc.policies import ASSET

from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.stages.imitate.body import Part, build_body

_STIFFNESS = {"Torso": 1000, "Spine": 1000, "Chest": 1000, "Wrist": 300, "Hand": 300}
_STIFF_LEGS = ("Hip", "Knee", "Ankle")


def write_repository(folder: Path, skeleton: Skeleton) -> Path:
    """A checkout of PHC as far as the plug-in needs one: its humanoid, with the bones of a skeleton."""
    path = folder / ASSET
    path.parent.mkdir(parents=True)
    path.write_text(humanoid_mjcf(skeleton), encoding="utf-8")
    return path


def humanoid_mjcf(skeleton: Skeleton) -> str:
    """MJCF text, z up and upright; the same names, order and servos as PHC's `smpl_0_humanoid.xml`."""
    body = build_body(skeleton)
    root = ElementTree.Element("mujoco", model="humanoid")
    world = ElementTree.SubElement(root, "worldbody")
    ElementTree.SubElement(world, "geom", name="floor", type="plane", size="100 100 1", friction="1 .005 .0001")
    elements: list[ElementTree.Element] = []
    for index, name in enumerate(BODY_NAMES):
        part = body.parts[SMPL_JOINT[index]]
        parent = world if PARENTS[index] < 0 else elements[PARENTS[index]]
        elements.append(_add_body(parent, name, part))
    return ElementTree.tostring(root, encoding="unicode")


def _add_body(parent: ElementTree.Element, name: str, part: Part) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, "body", name=name, pos=_z_up(part.offset))
    if name == BODY_NAMES[0]:
        ElementTree.SubElement(element, "freejoint", name=name)
    else:
        kind = name.removeprefix("L_").removeprefix("R_")
        stiffness = 800 if kind in _STIFF_LEGS else _STIFFNESS.get(kind, 500)
        servo = {"stiffness": str(stiffness), "damping": str(stiffness / 10), "armature": "0.02"}
        for axis, direction in (("x", "1 0 0"), ("y", "0 1 0"), ("z", "0 0 1")):
            ElementTree.SubElement(element, "joint", name=f"{name}_{axis}", type="hinge", axis=direction, **servo)
    inertia = f"{0.4 * part.mass * 0.05**2:.6g}"
    ElementTree.SubElement(
        element, "inertial", mass=repr(part.mass), pos=_z_up(_centre(part)), diaginertia=" ".join([inertia] * 3)
    )
    for shape in part.shapes:
        size = repr(shape.radius)
        if np.array_equal(shape.start, shape.end):
            ElementTree.SubElement(element, "geom", type="sphere", size=size, pos=_z_up(shape.start))
        else:
            ends = f"{_z_up(shape.start)} {_z_up(shape.end)}"
            ElementTree.SubElement(element, "geom", type="capsule", size=size, fromto=ends)
    return element


def _centre(part: Part) -> np.ndarray:
    return np.mean([(shape.start + shape.end) / 2 for shape in part.shapes], axis=0) if part.shapes else np.zeros(3)


def _z_up(vector: np.ndarray) -> str:
    return " ".join(f"{vector[axis]:.9g}" for axis in (2, 0, 1))
