"""The body as an MJCF scene, in memory. World y up; every frame is the clip's: no conversion of axes anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.imitate.body import GRAVITY, Part, Shape, SimulatedBody, inertia

FloatArray = NDArray[np.float64]

FLOOR = "floor"
FRICTION = 1.0
MARGIN = 0.006
"""Metres over the floor at which it begins to push; shapes are as much thinner, so that they come to rest on it."""
REACH = 0.02
"""Metres beyond the margin in which contacts are listed, without a force, for planning."""

# Bits of contype and conaffinity: the floor asks for bit 1, parts ask one another for bit 2.
_BITS = {"floor": ("0", "1"), "self": ("2", "2"), "both": ("2", "3")}


def to_mjcf(body: SimulatedBody, timestep_s: float, excluded: Iterable[tuple[str, str]] = ()) -> str:
    """MJCF text of floor and body: a free joint for the root, ball joints for the rest, torques applied from outside.

    `excluded` pairs of parts do not collide with each other.
    """
    root = ElementTree.Element("mujoco", model="dancer")
    ElementTree.SubElement(root, "compiler", angle="radian", inertiafromgeom="false")
    ElementTree.SubElement(
        root,
        "option",
        timestep=repr(timestep_s),
        integrator="implicitfast",
        gravity=f"0 {-GRAVITY} 0",
        cone="elliptic",
        impratio="10",
        jacobian="dense",
        iterations="20",
        ls_iterations="50",
    )
    default = ElementTree.SubElement(root, "default")
    stiffness = f"{2.0 * timestep_s!r} 1"
    ElementTree.SubElement(default, "geom", friction=f"{FRICTION} 0.005 0.0001", condim="3", solref=stiffness)
    ElementTree.SubElement(default, "joint", armature="0.01", damping="0.5")
    world = ElementTree.SubElement(root, "worldbody")
    ElementTree.SubElement(
        world,
        "geom",
        name=FLOOR,
        type="plane",
        size="0 0 1",
        euler="-1.5707963267948966 0 0",
        contype="1",
        conaffinity="0",
        margin=repr(MARGIN),
        gap=repr(REACH),
    )
    elements: list[ElementTree.Element] = []
    for part in body.parts:
        parent = world if part.parent < 0 else elements[part.parent]
        elements.append(_add_part(parent, part))
    contact = ElementTree.SubElement(root, "contact")
    for first, second in excluded:
        ElementTree.SubElement(contact, "exclude", body1=first, body2=second)
    return ElementTree.tostring(root, encoding="unicode")


def _add_part(parent: ElementTree.Element, part: Part) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, "body", name=part.name, pos=_text(part.offset))
    if part.parent < 0:
        ElementTree.SubElement(element, "freejoint", name=part.name)
    elif part.jointed:
        ElementTree.SubElement(element, "joint", name=part.name, type="ball")
    centre, moments = inertia(part)
    ElementTree.SubElement(element, "inertial", mass=repr(part.mass), pos=_text(centre), fullinertia=_text(moments))
    for shape in part.shapes:
        _add_shape(element, shape)
    return element


def _add_shape(element: ElementTree.Element, shape: Shape) -> None:
    contype, conaffinity = _BITS[shape.touches]
    radius = repr(shape.radius - (MARGIN if shape.touches != "self" else 0.0))
    common = {"contype": contype, "conaffinity": conaffinity, "size": radius}
    if np.array_equal(shape.start, shape.end):
        ElementTree.SubElement(element, "geom", {**common, "type": "sphere", "pos": _text(shape.start)})
    else:
        ends = _text(np.concatenate((shape.start, shape.end)))
        ElementTree.SubElement(element, "geom", {**common, "type": "capsule", "fromto": ends})


def _text(values: FloatArray) -> str:
    return " ".join(f"{value:.9g}" for value in values)
