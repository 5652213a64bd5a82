"""Small human rigs as BVH text, in any unit, up axis and naming, posed by angles in degrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from infinitedance_cli.formats._bvh_text import parse
from infinitedance_cli.formats.bvh import _source
from infinitedance_cli.motion.retarget import SourceMotion

# Name, parent, offset in centimetres, y up, facing +Z: a person of 1.75 m in T-pose.
JOINTS: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("Hips", "", (0, 95, 0)),
    ("LeftUpLeg", "Hips", (10, -5, 0)),
    ("LeftLeg", "LeftUpLeg", (0, -40, 0)),
    ("LeftFoot", "LeftLeg", (0, -42, 0)),
    ("LeftToeBase", "LeftFoot", (0, -6, 14)),
    ("RightUpLeg", "Hips", (-10, -5, 0)),
    ("RightLeg", "RightUpLeg", (0, -40, 0)),
    ("RightFoot", "RightLeg", (0, -42, 0)),
    ("RightToeBase", "RightFoot", (0, -6, 14)),
    ("Spine", "Hips", (0, 12, 0)),
    ("Spine1", "Spine", (0, 14, 0)),
    ("Spine2", "Spine1", (0, 14, 0)),
    ("LeftShoulder", "Spine2", (5, 10, 0)),
    ("LeftArm", "LeftShoulder", (13, 0, 0)),
    ("LeftForeArm", "LeftArm", (28, 0, 0)),
    ("LeftHand", "LeftForeArm", (25, 0, 0)),
    ("RightShoulder", "Spine2", (-5, 10, 0)),
    ("RightArm", "RightShoulder", (-13, 0, 0)),
    ("RightForeArm", "RightArm", (-28, 0, 0)),
    ("RightHand", "RightForeArm", (-25, 0, 0)),
    ("Neck", "Spine2", (0, 16, 0)),
    ("Head", "Neck", (0, 10, 0)),
)

Angles = Mapping[str, tuple[float, float, float]]
"""Degrees about z, x, y (applied y first) by joint name."""


@dataclass(frozen=True)
class Rig:
    """How a file states the person: metres per unit over 1 cm (`scale`), z up or y up, joint names."""

    scale: float = 1.0
    z_up: bool = False
    rename: Mapping[str, str] | None = None
    fps: float = 30.0

    def offset(self, vector: Sequence[float]) -> str:
        """An offset in the file's unit and axes; z up faces −Y, as CMU files do."""
        x, y, z = (value * self.scale for value in vector)
        return f"{x:.6f} {-z:.6f} {y:.6f}" if self.z_up else f"{x:.6f} {y:.6f} {z:.6f}"

    def name(self, joint: str) -> str:
        return (self.rename or {}).get(joint, joint)


def bvh_text(frames: Sequence[Angles], rig: Rig | None = None, root: Sequence[Sequence[float]] | None = None) -> str:
    """A BVH file of the rig posed by `frames`, the hips at `root` (cm, y up; the rest place by default)."""
    rig = rig or Rig()
    lines = ["HIERARCHY", *_block("Hips", rig, 0), "MOTION", f"Frames: {len(frames)}"]
    lines.append(f"Frame Time: {1.0 / rig.fps:.7f}")
    for number, angles in enumerate(frames):
        place = (0.0, 95.0, 0.0) if root is None else root[number]
        values = rig.offset(place).split()
        for joint, _, _ in JOINTS:
            z, x, y = angles.get(joint, (0.0, 0.0, 0.0))
            # About the file's axes: our z is its −y, our y is its z.
            values += [f"{-z:.6f}", f"{x:.6f}", f"{y:.6f}"] if rig.z_up else [f"{z:.6f}", f"{x:.6f}", f"{y:.6f}"]
        lines.append(" ".join(values))
    return "\n".join(lines) + "\n"


def _block(joint: str, rig: Rig, depth: int) -> list[str]:
    children = [name for name, parent, _ in JOINTS if parent == joint]
    offset = next(vector for name, _, vector in JOINTS if name == joint)
    order = "Yrotation Xrotation Zrotation" if rig.z_up else "Zrotation Xrotation Yrotation"
    place = "6 Xposition Yposition Zposition" if depth == 0 else "3"
    tab = "  " * depth
    lines = [
        f"{tab}{'JOINT' if depth else 'ROOT'} {rig.name(joint)}",
        f"{tab}{{",
        f"{tab}  OFFSET {rig.offset(offset)}",
        f"{tab}  CHANNELS {place} {order}",
    ]
    for child in children:
        lines += _block(child, rig, depth + 1)
    if not children:
        lines += [f"{tab}  End Site", f"{tab}  {{", f"{tab}    OFFSET {rig.offset((0, 0, 5))}", f"{tab}  }}"]
    return [*lines, f"{tab}}}"]


def source(
    frames: Sequence[Angles], rig: Rig | None = None, root: Sequence[Sequence[float]] | None = None
) -> SourceMotion:
    """The same as a source motion."""
    return _source(parse(bvh_text(frames, rig, root)), "rig")


def still(frames: int = 30, angles: Angles | None = None) -> list[Angles]:
    """The same pose for some frames."""
    return [angles or {}] * frames


def dance(frames: int = 90) -> list[Angles]:
    """A made-up dance: arms swing, knees bend, the trunk turns; left and right differ."""
    time = np.arange(frames) / 30.0
    swing = np.sin(2 * np.pi * time)
    return [
        {
            "Spine": (0.0, 4.0 * float(s), 10.0 * float(s)),
            "LeftArm": (-60.0 + 30.0 * float(s), 0.0, 0.0),
            "RightArm": (70.0 + 10.0 * float(s), 0.0, 20.0 * float(s)),
            "LeftForeArm": (0.0, 0.0, -40.0 - 20.0 * float(s)),
            "RightForeArm": (0.0, 0.0, 50.0),
            "LeftUpLeg": (0.0, -20.0 + 10.0 * float(s), 0.0),
            "LeftLeg": (0.0, 30.0, 0.0),
            "LeftFoot": (0.0, -10.0 - 10.0 * float(s), 0.0),
            "RightUpLeg": (-5.0, -5.0, 0.0),
            "RightLeg": (0.0, 10.0 + 5.0 * float(s), 0.0),
        }
        for s in swing
    ]
